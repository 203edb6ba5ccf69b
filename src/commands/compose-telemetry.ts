import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { DecisionRecord, TelemetryEvent } from '../domain/index.ts';
import { createAccount } from '../telemetry/account.ts';
import type { Database } from '../telemetry/database.ts';
import { toDecisionRow } from '../telemetry/decision-row.ts';
import { type Arrival, type Attribution, createIngest, type IngestResult } from '../telemetry/ingest.ts';
import { FOLD_SEGMENT_SQL } from '../telemetry/outcome-fold.ts';
import { migrate } from '../telemetry/schema/migrate.ts';
import type { Segment } from '../telemetry/spool/segment-files.ts';
import { type Shipped, Shipper } from '../telemetry/spool/shipper.ts';
import { type AppendResult, Spool } from '../telemetry/spool/spool.ts';

export type Stream = 'events' | 'decisions';

type Line = { spool: Spool; shipper: Shipper };

type Hooks = {
  attribute(event: TelemetryEvent): Attribution;
  onShipped(stream: Stream, shipped: Shipped): void;
  nowMs(): number;
};

const MIGRATE_RETRY_MS = 1_000;

/** Everything between an accepted row and ClickHouse: two spools, their shippers, and the schema they ship into. */
export function composeTelemetry(config: Config, database: Database, hooks: Hooks, log: Logger) {
  const onShipped = (stream: Stream, shipped: Shipped): void => {
    if (stream === 'events' && shipped.kind === 'dead-lettered') account.deadLettered(shipped.deadRows);
    hooks.onShipped(stream, shipped);
  };
  const line = (stream: Stream, afterApply: (segment: Segment) => Promise<void>): Line =>
    createLine({
      stream,
      config,
      database,
      afterApply,
      hooks: { ...hooks, onShipped },
      log: log.child({ spool: stream }),
    });
  const events = line('events', (segment) =>
    database.command(FOLD_SEGMENT_SQL, { segment: segment.id }, `fold ${segment.id}`),
  );
  const decisions = line('decisions', async () => {});
  const lines = { events, decisions };
  const ingest = createIngest({
    append: (rows) => events.spool.append(rows),
    attribute: hooks.attribute,
    clock: hooks,
  });
  const account = createAccount(database, hooks.nowMs());
  let stopped = false;

  return {
    async ingest(candidates: readonly unknown[], arrival: Arrival): Promise<IngestResult> {
      const result = await ingest(candidates, arrival);
      if (result.kind === 'stored') account.received(result);
      return result;
    },
    audit: () => account.audit(events.spool.rowsOnDisk),
    logDecisions: (records: readonly DecisionRecord[]): Promise<AppendResult> =>
      decisions.spool.append(records.map((record) => JSON.stringify(toDecisionRow(record)))),
    /** Ships what is spooled; false when it took longer than `timeoutMs`. */
    async shipNow(timeoutMs: number): Promise<boolean> {
      await Promise.all([events.spool.seal(), decisions.spool.seal()]);
      const settled = await Promise.all([events.shipper.settle(timeoutMs), decisions.shipper.settle(timeoutMs)]);
      return settled.every(Boolean);
    },
    gauges: () =>
      (Object.keys(lines) as Stream[]).map((spool) => ({
        spool,
        bytes: lines[spool].spool.bytesOnDisk,
        waiting: lines[spool].shipper.backlog,
      })),
    async start(): Promise<void> {
      for (const { spool, shipper } of Object.values(lines)) shipper.start(await spool.start());
      void keepMigrating(database, () => stopped, log);
    },
    async stop(): Promise<void> {
      stopped = true;
      for (const { spool, shipper } of Object.values(lines)) {
        await spool.stop();
        await shipper.stop();
      }
    },
  };
}

function createLine(options: {
  stream: Stream;
  config: Config;
  database: Database;
  afterApply(segment: Segment): Promise<void>;
  hooks: Hooks;
  log: Logger;
}): Line {
  const { stream, config, database, hooks, log } = options;
  const directory = join(config.dataDir, 'spool', stream);
  let retrying = false;
  const spool: Spool = new Spool({
    directory,
    maxBytes: config.spoolMaxBytes / 2,
    onSealed: (segment) => shipper.enqueue(segment),
  });
  const shipper = new Shipper({
    database,
    table: stream,
    deadDirectory: join(config.dataDir, 'spool', 'dead', stream),
    afterApply: options.afterApply,
    release: (segment) => spool.release(segment),
    onShipped: (shipped) => {
      if (retrying) log.info('shipping again');
      retrying = false;
      if (shipped.kind === 'dead-lettered')
        log.error(
          { segment: shipped.segment.id, rows: shipped.deadRows, reason: shipped.reason },
          'rows dead-lettered',
        );
      hooks.onShipped(stream, shipped);
    },
    onRetry: (segment, error) => {
      if (!retrying) log.warn({ err: error, segment: segment.id }, 'cannot ship, will keep trying');
      retrying = true;
    },
  });
  return { spool, shipper };
}

async function keepMigrating(database: Database, isStopped: () => boolean, log: Logger): Promise<void> {
  for (let attempt = 1; !isStopped(); attempt += 1) {
    try {
      const applied = await migrate(database);
      if (applied.length > 0) log.info({ applied }, 'database schema is up to date');
      return;
    } catch (error) {
      if (attempt === 1) log.warn({ err: error }, 'ClickHouse is not ready, will keep trying');
      await new Promise((resolve) => setTimeout(resolve, MIGRATE_RETRY_MS));
    }
  }
}
