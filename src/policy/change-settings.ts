import { describeIssues, type PolicyConfig, policyConfigSchema } from '../domain/index.ts';
import { substanceOf } from './config-diff.ts';
import type { Edit, Refusal } from './edit-arms.ts';

/** The parts of a config that are settings; arms have writes of their own. */
export const SETTING_SECTIONS = ['reward', 'exploration', 'model', 'guardrails', 'encode', 'promotion'] as const;

/** Settings to be other than they are, as deep as they go: `{reward: {deliveredMbps: 4}}`. */
export type SettingChanges = Partial<Record<(typeof SETTING_SECTIONS)[number], Record<string, unknown>>>;

/** Part of every stored outcome's meaning: history could not be scored by another. */
const FIXED = 'reward.transparentQuality';

/** `config` with these settings; refused, naming the field, when one is unknown, fixed or not usable. */
export function changeSettings(config: PolicyConfig, changes: SettingChanges): Edit {
  const merged: Record<string, unknown> = { ...config };
  for (const section of SETTING_SECTIONS) {
    const asked = changes[section];
    if (asked === undefined) continue;
    const outcome = merge(section, config[section], asked);
    if (outcome.kind === 'refused') return outcome;
    merged[section] = outcome.value;
  }
  const parsed = policyConfigSchema.safeParse(merged);
  if (!parsed.success) {
    const [issue] = describeIssues(parsed.error, merged);
    return refused(issue?.path ?? 'changes', issue?.expected ?? 'usable settings', issue?.received ?? 'others');
  }
  const isSame = JSON.stringify(substanceOf(parsed.data)) === JSON.stringify(substanceOf(config));
  return isSame ? { kind: 'unchanged' } : { kind: 'changed', config: parsed.data };
}

type Settings = Readonly<Record<string, unknown>>;
type Merged = { kind: 'merged'; value: Settings } | Refusal;

const isSettings = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function merge(path: string, before: Settings, changes: Settings): Merged {
  const value: Record<string, unknown> = { ...before };
  for (const [name, asked] of Object.entries(changes)) {
    const at = `${path}.${name}`;
    if (!Object.hasOwn(before, name)) return refused(at, `one of ${Object.keys(before).join(', ')}`, name);
    if (at === FIXED && asked !== before[name]) return refused(at, `${before[name]}, which is fixed`, asked);
    const known = before[name];
    if (isSettings(known) && isSettings(asked)) {
      const inner = merge(at, known, asked);
      if (inner.kind === 'refused') return inner;
      value[name] = inner.value;
    } else value[name] = asked;
  }
  return { kind: 'merged', value };
}

const refused = (path: string, expected: string, received: unknown): Refusal => ({
  kind: 'refused',
  code: 'config.setting',
  path,
  expected,
  received: typeof received === 'string' ? received : (JSON.stringify(received) ?? 'nothing'),
});
