import { parseArgs } from 'node:util';
import { contextKey, type PolicyConfig } from '../domain/index.ts';
import { defaultConfig } from '../policy/ladder-families.ts';
import { rewardOf } from '../policy/reward.ts';
import { seededRng } from '../policy/seeded-rng.ts';
import { generateTitles, generateTraceFamilies, readTitles, readTraceFamilies } from '../simulation/model-world.ts';
import { type SimulatedView, simulateSessions } from '../simulation/simulate-sessions.ts';
import { printJson, printTable } from './print.ts';
import type { RunCommand } from './run-command.ts';

const DEFAULT_SESSIONS = '200';

class SimulateUsageError extends Error {
  readonly code = 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE';
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new SimulateUsageError(`--${name} must be a whole number of ${least} or more (got ${text})`);
}

/** `nara simulate [--traces DIR] [--titles DIR] [--sessions N] [--seed S] [--json]` */
export const simulateCommand: RunCommand = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      traces: { type: 'string' },
      titles: { type: 'string' },
      sessions: { type: 'string', default: DEFAULT_SESSIONS },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const seed = wholeNumber('seed', values.seed, 0);
  const config = defaultConfig({ createdAt: new Date(0).toISOString() });
  const views = simulateSessions({
    families: values.traces ? await readTraceFamilies(values.traces) : generateTraceFamilies(seededRng(seed, 'traces')),
    titles: values.titles ? await readTitles(values.titles) : generateTitles(seededRng(seed, 'titles')),
    ladders: config.arms.map(({ id, rungs }) => ({ arm: id, nominalKbps: rungs.map((rung) => rung.bitrateKbps) })),
    clips: config.reward,
    count: wholeNumber('sessions', values.sessions, 1),
    rng: seededRng(seed, 'sessions'),
  });
  const summary = summarise(views, config);
  const source = { traces: values.traces ?? 'generated', titles: values.titles ?? 'generated' };
  if (values.json) printJson({ seed, source, summary, views });
  else print(source, summary);
  return 0;
};

type Row = {
  context: string;
  arm: string;
  views: number;
  reward: number;
  sd: number;
  quality: number;
  stall: number;
  mbps: number;
};

/** Mean reward by context and arm, best arm of each context first. */
function summarise(views: readonly SimulatedView[], { reward }: PolicyConfig): Row[] {
  const groups = new Map<string, SimulatedView[]>();
  for (const view of views) {
    const key = `${contextKey(view.context)} ${view.arm}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(view);
  }
  const rows = [...groups.values()].map((group): Row => {
    const mean = (value: (view: SimulatedView) => number): number =>
      group.reduce((sum, view) => sum + value(view), 0) / group.length;
    const points = mean(({ components }) => rewardOf(components, reward));
    const first = group[0] as SimulatedView;
    return {
      context: contextKey(first.context),
      arm: first.arm,
      views: group.length,
      reward: points,
      sd: Math.sqrt(mean(({ components }) => (rewardOf(components, reward) - points) ** 2)),
      quality: mean(({ components }) => components.quality),
      stall: mean(({ components }) => components.stall),
      mbps: mean(({ components }) => components.mbps),
    };
  });
  return rows.sort((a, b) => (a.context < b.context ? -1 : a.context > b.context ? 1 : b.reward - a.reward));
}

function print(source: { traces: string; titles: string }, rows: readonly Row[]): void {
  process.stdout.write(`traces: ${source.traces}; titles: ${source.titles}\n`);
  printTable(
    ['context', 'arm', 'views', 'reward', 'sd', 'quality', 'stall ratio', 'Mbit/s'],
    rows.map((row) => [row.context, row.arm, row.views, row.reward, row.sd, row.quality, row.stall, row.mbps]),
  );
}
