import { userInfo } from 'node:os';
import type { Accountability, Pin, PolicyOperation } from '../domain/index.ts';
import type { Operator } from '../policy/operator.ts';
import type { WhatIf } from '../policy/what-if.ts';
import type { ApiClient } from './api-client.ts';
import { printTable } from './print.ts';

/** Options of the commands that write, as they came. */
export type WriteOptions = Partial<
  Record<
    | 'region'
    | 'device'
    | 'connection'
    | 'arm'
    | 'expires'
    | 'reason'
    | 'actor'
    | 'reward'
    | 'from'
    | 'to'
    | 'changes'
    | 'stage',
    string
  >
> & { 'at-once'?: boolean };

/** An answer, and how people read it. */
export type Shown = { answer: unknown; print(): void };

const HOURS: Readonly<Record<string, number>> = { h: 1, d: 24 };
const HOUR_MS = 3_600_000;

/** `2h`, `3d`, or a time as it is; throws what a person can mend. */
export function expiryOf(text: string | undefined, nowMs: number): string {
  const [, count, unit] = /^(\d+)([hd])$/.exec(text ?? '') ?? [];
  if (count !== undefined && unit !== undefined)
    return new Date(nowMs + Number(count) * (HOURS[unit] ?? 0) * HOUR_MS).toISOString();
  if (text !== undefined && !Number.isNaN(Date.parse(text))) return new Date(text).toISOString();
  throw new RangeError(`--expires: expected 2h, 3d or a time such as 2026-03-01T12:00:00Z (got ${text ?? 'nothing'})`);
}

const accountOf = ({ actor, reason }: WriteOptions): Accountability => ({
  actor: actor ?? userInfo().username,
  reason: reason ?? '',
});

/** What changes the policy, and what asks about changing it, by name; each asks the running service. */
export const POLICY_WRITES: Readonly<
  Record<string, (api: ApiClient, target: string, options: WriteOptions) => Promise<Shown>>
> = {
  async pin(api, _target, options) {
    const { region, device, connection, arm, expires } = options;
    const asked = { region, device, connection, arm, expiresAt: expiryOf(expires, Date.now()), ...accountOf(options) };
    const pin = await api.request<Pin>('POST', '/v1/policy/pins', asked);
    return { answer: pin, print: () => printPins([pin]) };
  },
  async unpin(api, target, options) {
    const query = new URLSearchParams(accountOf(options));
    const pin = await api.request<Pin>('DELETE', `/v1/policy/pins/${encodeURIComponent(target)}?${query}`);
    return { answer: pin, print: () => process.stdout.write(`${pin.id} is gone: ${placeOf(pin)} is decided again.\n`) };
  },
  async pins(api) {
    const answer = await api.request<{ pins: Pin[] }>('GET', '/v1/policy/pins');
    return { answer, print: () => printPins(answer.pins) };
  },
  pause: (api, target, options) => setState(api, target, 'paused', options),
  resume: (api, target, options) => setState(api, target, 'active', options),
  retire: (api, target, options) => setState(api, target, 'retired', options),
  async rollback(api, target, options) {
    const body = { toConfigVersion: Number(target), ...accountOf(options) };
    const answer = await api.request<{ configVersion: number; changed: boolean }>('POST', '/v1/policy/rollback', body);
    const said = answer.changed
      ? `config ${answer.configVersion} is in force and says what ${target} said`
      : `config ${answer.configVersion} says that already`;
    return { answer, print: () => process.stdout.write(`${said}\n`) };
  },
  async propose(api, _target, options) {
    const changes = JSON.parse(options.changes ?? '{}');
    const body = { changes, staged: options['at-once'] !== true, ...accountOf(options) };
    const answer = await api.request<Written>('POST', '/v1/policy/configs', body);
    return { answer, print: () => process.stdout.write(`${proposed(answer)}\n`) };
  },
  async promote(api, _target, options) {
    const { stage } = options;
    return moved(await api.request<Staged>('POST', '/v1/policy/promote', { stage, ...accountOf(options) }));
  },
  hold: async (api, _target, options) =>
    moved(await api.request<Staged>('POST', '/v1/policy/hold', { held: true, ...accountOf(options) })),
  release: async (api, _target, options) =>
    moved(await api.request<Staged>('POST', '/v1/policy/hold', { held: false, ...accountOf(options) })),
  async 'what-if'(api, _target, { reward = '{}', from, to }) {
    const body = { reward: JSON.parse(reward), from, to };
    const answer = await api.request<WhatIf>('POST', '/v1/policy/what-if', body);
    return { answer, print: () => printWhatIf(answer) };
  },
};

type Written = { configVersion: number; staged: boolean; changed: boolean };
type Staged = { configVersion: number; stage: string; share: number; held: boolean };

function proposed({ configVersion, staged, changed }: Written): string {
  if (!changed) return `config ${configVersion} says that already`;
  return staged
    ? `config ${configVersion} is on trial, in shadow`
    : `config ${configVersion} is in force with the next refit`;
}

function moved(answer: Staged): Shown {
  const { configVersion, stage, share, held } = answer;
  const said = `config ${configVersion} is at ${stage}, ${100 * share} % of new views${held ? ', held' : ''}`;
  return { answer, print: () => process.stdout.write(`${said}\n`) };
}

async function setState(api: ApiClient, arm: string, state: string, options: WriteOptions): Promise<Shown> {
  const path = `/v1/policy/arms/${encodeURIComponent(arm)}`;
  const answer = await api.request<{ configVersion: number }>('PUT', path, { state, ...accountOf(options) });
  return { answer, print: () => process.stdout.write(`${arm} is ${state} as of config ${answer.configVersion}\n`) };
}

const placeOf = ({ region, device, connection }: Pin): string => `${region} ${device} ${connection ?? 'any'}`;

function printPins(pins: readonly Pin[]): void {
  if (pins.length === 0) {
    process.stdout.write('Nothing is pinned.\n');
    return;
  }
  printTable(
    ['pin', 'context', 'arm', 'until', 'actor', 'reason'],
    pins.map((pin) => [pin.id, placeOf(pin), pin.arm, pin.expiresAt, pin.actor, pin.reason]),
  );
}

function printWhatIf({ views, contexts }: WhatIf): void {
  const changed = contexts.filter((context) => context.changed).length;
  process.stdout.write(
    `${Math.round(views)} views; ${changed} of ${contexts.length} contexts would choose otherwise\n\n`,
  );
  printTable(
    ['context', 'views', 'now', 'gain', 'then', 'gain', '± sd', 'P(best)', 'changes'],
    contexts.map(({ region, device, connection, level, views: seen, before, after, changed: isOther }) => [
      level === 'cell' ? `${region} ${device} ${connection}` : `${level === 'region' ? region : 'everywhere else'}`,
      Math.round(seen),
      before.arm,
      before.gain,
      after.arm,
      after.gain,
      after.gainSd,
      after.pBest,
      isOther ? 'yes' : '',
    ]),
  );
}

type History = Awaited<ReturnType<Operator['history']>>;

/** Who changed what, and why; the newest first. */
export function printHistory({ history }: { history: History }): void {
  printTable(
    ['config', 'parent', 'stage', 'when', 'actor', 'reason', 'changes'],
    history.configs.map(({ configVersion, parent, stage, createdAt, actor, reason, diff }) => [
      configVersion,
      parent ?? '',
      stage ?? '',
      createdAt,
      actor,
      reason,
      diff.map(({ path }) => path).join(' '),
    ]),
  );
  if (history.operations.length === 0) return;
  process.stdout.write('\n');
  printTable(['operation', 'when', 'actor', 'reason', 'of'], history.operations.map(operationRow));
}

function operationRow(operation: PolicyOperation): string[] {
  if (operation.kind === 'pin') {
    const { createdAt, actor, reason, id } = operation.pin;
    return ['pin', createdAt, actor, reason, id];
  }
  const { kind, at, actor, reason } = operation;
  if (kind === 'unpin') return [kind, at, actor, reason, operation.pinId];
  return [
    operation.held ? `${operation.stage}, held` : operation.stage,
    at,
    actor,
    reason,
    `config ${operation.configVersion}`,
  ];
}
