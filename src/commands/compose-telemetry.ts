import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { DecisionRecord, TelemetryEvent } from '../domain/index.ts';
import { audit, writeLedger } from '../telemetry/account.ts';
import type { Database } from '../telemetry/database.ts';
import { toDecisionRow } from '../telemetry/decision-row.ts';
import type { HashSubject } from '../telemetry/erase.ts';
import { enforceErasures } from '../telemetry/erase-late.ts';
import { foldSegment } from '../telemetry/fold-segment.ts';
import { type Arrival, type Attribution, createIngest, type IngestResult } from '../telemetry/ingest.ts';
import { type DeadLetter, ROW_REFUSED, readDeadLetters, toDeadLetter } from '../telemetry/read-dead-letters.ts';
import { rebuildRollups } from '../telemetry/rollups.ts';
import { markDirty, readDirtyHours } from '../telemetry/rollups-dirty.ts';
import { readBuriedRows } from '../telemetry/spool/dead-rows.ts';
import type { Segment } from '../telemetry/spool/segment-files.ts';
import type { Shipped } from '../telemetry/spool/shipper.ts';
import { type AppendResult, toSpoolRow } from '../telemetry/spool/spool.ts';
import type { RewardClips } from '../telemetry/view-components.ts';
import { keepMigrating } from './keep-migrating.ts';
import { watchBusyness } from './process-busyness.ts';
import { openTelemetryLine, type Stream, type TelemetryLine } from './telemetry-line.ts';
import { rememberFor, repeat } from './upkeep.ts';

type Hooks = {
  attribute(event: TelemetryEvent): Attribution;
  groupOf(region: string): string;
  onShipped(stream: Stream, shipped: Shipped): void;
  onIngested(batch: Extract<IngestResult, { kind: 'stored' }>, seconds: number): void;
  /** Refused things that could not be kept either. */
  onDeadLettersLost(count: number): void;
  /** What erased subjects are remembered by. */
  hashSubject: HashSubject;
  /** Clips of the reward in force: roll-ups hold clipped sums. */
  clips(): RewardClips;
  nowMs(): number;
};

const HOUR_MS = 3_600_000;
/** However often somebody scrapes, the account of the last hours is drawn up this often. */
const UNACCOUNTED_EVERY_MS = 60_000;
const UNACCOUNTED_WINDOW_MS = 2 * 3_600_000;
/**
 * Figures of hours that are not rolled up are read view by view, so this is a matter of cost, not of truth: an hour that has ended
 * is rolled up soon, and seldom again while its last views still report.
 */
const ROLL_UP_EVERY_MS = 5 * 60_000;

/** Everything between an accepted row and ClickHouse: the spools, their shippers, and the schema they ship into. */
export function composeTelemetry(config: Config, database: Database, hooks: Hooks, log: Logger) {
  let sayMigrated = (): void => {};
  const migrated = new Promise<void>((resolve) => {
    sayMigrated = resolve;
  });
  const busyness = watchBusyness();
  const line = (stream: Stream, derive: (segment: Segment) => Promise<void>): TelemetryLine =>
    openTelemetryLine({
      stream,
      config,
      database,
      ready: migrated,
      isBusy: busyness.isBusy,
      async afterApply(segment, deadRows) {
        await enforceErasures(database, stream, segment, hooks.hashSubject);
        await derive(segment);
        await writeLedger(database, stream, segment, deadRows);
      },
      onShipped: hooks.onShipped,
      log: log.child({ spool: stream }),
    });
  const lines: Record<Stream, TelemetryLine> = {
    events: line('events', async (segment) => {
      await foldSegment(database, segment.id);
      await markDirty(database, 'events', segment);
    }),
    decisions: line('decisions', (segment) => markDirty(database, 'decisions', segment)),
    dead_letters: line('dead_letters', async () => {}),
  };
  const { events, decisions, dead_letters: deadLetters } = lines;
  const ingest = createIngest(
    {
      hasRoom: () => events.spool.hasRoom,
      append: (rows) => events.spool.append(rows),
      async bury(rows) {
        const result = await deadLetters.spool.append(rows).catch(() => ({ kind: 'full' }));
        if (result.kind === 'full') hooks.onDeadLettersLost(rows.length);
      },
      attribute: hooks.attribute,
      groupOf: hooks.groupOf,
      clock: hooks,
    },
    config.rates,
  );
  const auditRange = (range: { fromMs: number; toMs: number }) => audit(database, events.spool.waiting(), range);
  const rollUpEndedHours = async (): Promise<void> => {
    const clips = hooks.clips();
    const to = new Date(Math.floor(hooks.nowMs() / HOUR_MS) * HOUR_MS);
    const hours = await readDirtyHours(database, { clips, to });
    if (hours.length > 0) await rebuildRollups(database, { clips, hours });
  };
  let stopped = false;
  let stopRollingUp = async (): Promise<void> => {};

  return {
    ingest(candidates: readonly unknown[], arrival: Arrival): Promise<IngestResult> {
      const startedAt = performance.now();
      return ingest(candidates, arrival).then((result) => {
        if (result.kind === 'stored') hooks.onIngested(result, (performance.now() - startedAt) / 1000);
        return result;
      });
    },
    audit: auditRange,
    unaccounted: rememberFor(UNACCOUNTED_EVERY_MS, hooks.nowMs, async () => {
      const toMs = hooks.nowMs() + 1;
      return (await auditRange({ fromMs: toMs - UNACCOUNTED_WINDOW_MS, toMs })).unaccounted;
    }),
    /** What was refused at the door, and what the database refused, newest first. */
    async deadLetters(query: { from: Date; to: Date; code?: string; limit: number }): Promise<DeadLetter[]> {
      const range = { fromMs: query.from.getTime(), toMs: query.to.getTime(), limit: query.limit };
      const buried = Object.keys(lines).map((stream) =>
        readBuriedRows(join(config.dataDir, 'spool/dead', stream), range),
      );
      const rows = query.code === undefined || query.code === ROW_REFUSED ? (await Promise.all(buried)).flat() : [];
      const letters = query.code === ROW_REFUSED ? [] : await readDeadLetters(database, query);
      return [...letters, ...rows.map(toDeadLetter)]
        .sort((left, right) => (left.at < right.at ? 1 : -1))
        .slice(0, query.limit);
    },
    logDecisions: (records: readonly DecisionRecord[]): Promise<AppendResult> =>
      decisions.spool.append(records.map((record) => toSpoolRow(toDecisionRow(record)))),
    /** Ships what is spooled; false when it took longer than `timeoutMs`. */
    async shipNow(timeoutMs: number): Promise<boolean> {
      const all = Object.values(lines);
      await Promise.all(all.map(({ spool }) => spool.seal()));
      const settled = await Promise.all(all.map(({ shipper }) => shipper.settle(timeoutMs)));
      return settled.every(Boolean);
    },
    gauges: () =>
      (Object.keys(lines) as Stream[]).map((spool) => ({
        spool,
        bytes: lines[spool].spool.bytesOnDisk,
        waiting: lines[spool].shipper.backlog,
        oldestSeconds: Math.max(0, (hooks.nowMs() - (lines[spool].spool.oldestSealedMs ?? hooks.nowMs())) / 1000),
      })),
    async start(): Promise<void> {
      busyness.start();
      for (const { spool, shipper } of Object.values(lines)) shipper.start(await spool.start());
      void keepMigrating(database, () => stopped, log).then(sayMigrated);
      stopRollingUp = repeat(ROLL_UP_EVERY_MS, rollUpEndedHours, log);
    },
    async stop(): Promise<void> {
      stopped = true;
      busyness.stop();
      await stopRollingUp();
      for (const { spool, shipper } of Object.values(lines)) {
        await spool.stop();
        await shipper.stop();
      }
    },
  };
}
