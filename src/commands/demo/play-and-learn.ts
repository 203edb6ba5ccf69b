import { setTimeout as sleep } from 'node:timers/promises';
import { contextName, POPULATIONS, planRound } from './audience.ts';
import type { DemoClient } from './demo-client.ts';
import { createLadderLoader } from './load-ladder.ts';
import { readPolicy } from './peek-offers.ts';
import { playRound, type RoundTally } from './play-round.ts';
import { auditReplySchema, learnReplySchema, type PolicyReply } from './replies.ts';
import { waitUntil } from './wait-until.ts';

/** How much is played. */
export type Scale = {
  rounds: number;
  /** The figures compare what had been learned before these. */
  lastRounds: number;
  viewsPerContext: number;
  /** How long accepted telemetry may take to be stored. */
  shipTimeoutMs: number;
};

/** The held baseline may at most halve at each refit: 90 % → 45 → 23 → 11 → 6 → 5 % takes five. */
export const DEMO_SCALE: Scale = { rounds: 6, lastRounds: 2, viewsPerContext: 150, shipTimeoutMs: 30_000 };
const LEARN_TRIES = 4;

export type Rounds = {
  /** When the first round began, and when the first of the last rounds did; ISO 8601. */
  startedAt: string;
  lastRoundsAt: string;
  telemetry: { views: number; sent: number; accepted: number; stored: number };
};

type Stage = { api: DemoClient; scale: Scale; log: (line: string) => void; signal: AbortSignal };

/** Rounds of views with learning after each. Throws when a request is not answered as expected. */
export async function playAndLearn(stage: Stage, assetIds: { slow: string; fast: string }): Promise<Rounds> {
  const { api, scale, log, signal } = stage;
  const player = { api, ladders: createLadderLoader(api) };
  const storedBefore = await countStored(api);
  const startedAt = new Date().toISOString();
  let lastRoundsAt = startedAt;
  const tallies: RoundTally[] = [];
  for (let round = 1; round <= scale.rounds; round += 1) {
    if (round === scale.rounds - scale.lastRounds + 1) lastRoundsAt = new Date().toISOString();
    const tally = await playRound(player, planRound(round, scale.viewsPerContext, assetIds));
    tallies.push(tally);
    const { views, allocationVersion } = await learn(api, signal);
    log(`      round ${round}: ${tallyInWords(tally)}`);
    log(
      `               learned from ${views.used} views, allocation ${allocationVersion}; ${baselineShares(await readPolicy(api))}`,
    );
  }
  const total = (pick: (tally: RoundTally) => number): number => tallies.reduce((sum, tally) => sum + pick(tally), 0);
  const accepted = total((tally) => tally.accepted);
  const stored = await waitForStored(stage, storedBefore, accepted);
  const telemetry = { views: total((tally) => tally.views), sent: total((tally) => tally.sent), accepted, stored };
  return { startedAt, lastRoundsAt, telemetry };
}

async function learn(api: DemoClient, signal: AbortSignal) {
  for (let tries = 0; tries < LEARN_TRIES; tries += 1) {
    const answer = await api.postJson('/v1/policy/learn', {}, learnReplySchema);
    if (!('status' in answer)) return answer;
    await sleep(1000, undefined, { signal });
  }
  throw new RangeError('learning took longer than two minutes');
}

async function countStored(api: DemoClient): Promise<number> {
  return (await api.getJson('/v1/telemetry/audit', auditReplySchema)).stored;
}

/** Rows of these rounds in ClickHouse once all that was accepted is there, or what there is after a while. */
async function waitForStored({ api, scale, signal }: Stage, before: number, accepted: number): Promise<number> {
  let stored = 0;
  const ask = async (): Promise<true | null> => {
    stored = (await countStored(api)) - before;
    return stored >= accepted ? true : null;
  };
  const wait = { what: 'telemetry to be stored', timeoutMs: scale.shipTimeoutMs, everyMs: 250, signal };
  await waitUntil(ask, wait).catch(() => signal.throwIfAborted());
  return stored;
}

function tallyInWords({ views, sent, accepted, rejected }: RoundTally): string {
  const bad = rejected.length === 0 ? '' : `, ${rejected.length} rejected, e.g. ${rejected[0]}`;
  return `${views} views played, ${sent} events sent, ${accepted} accepted${bad}`;
}

function baselineShares({ contexts }: PolicyReply): string {
  const shares = POPULATIONS.flatMap(({ context }) => {
    const cell = contexts.find((entry) => entry.level === 'cell' && contextName(entry) === contextName(context));
    return cell ? [`${contextName(context)} ${Math.round(100 * cell.baselineShare)} %`] : [];
  });
  return shares.length === 0 ? 'no context known yet' : `held baseline: ${shares.join(', ')}`;
}
