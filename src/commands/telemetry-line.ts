import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { Database } from '../telemetry/database.ts';
import type { Segment } from '../telemetry/spool/segment-files.ts';
import { type Shipped, Shipper } from '../telemetry/spool/shipper.ts';
import { Spool } from '../telemetry/spool/spool.ts';

/** Kinds of rows, each with a spool and a table of its own. */
export type Stream = 'events' | 'decisions' | 'dead_letters';

export type TelemetryLine = { spool: Spool; shipper: Shipper };

/** Of the disk budget: what players sent, what was decided, what was refused. */
const SHARES: Record<Stream, number> = { events: 0.5, decisions: 0.45, dead_letters: 0.05 };

/** Later than that nobody should learn how views went, however much there is to accept. */
const MAX_STAND_BACK_MS = 60_000;
/** Of a spool, some seconds of all that one process can accept; the rest is for a database that is away. */
const STAND_BACK_SHARE = 0.5;

/** A spool and what ships it, for one stream. */
export function openTelemetryLine(options: {
  stream: Stream;
  config: Pick<Config, 'dataDir' | 'spoolMaxBytes'>;
  database: Database;
  ready: Promise<void>;
  /** Whether this process has all it can do with accepting. */
  isBusy(): boolean;
  afterApply(segment: Segment, deadRows: number): Promise<void>;
  onShipped(stream: Stream, shipped: Shipped): void;
  log: Logger;
}): TelemetryLine {
  const { stream, config, database, log } = options;
  const directory = join(config.dataDir, 'spool', stream);
  const maxBytes = config.spoolMaxBytes * SHARES[stream];
  let retrying = false;
  const spool: Spool = new Spool({
    directory,
    maxBytes,
    onSealed: (segment) => shipper.enqueue(segment),
    onFailing: (err) => log.error({ err, directory }, 'the disk refuses telemetry; senders are told to try again'),
  });
  const shipper = new Shipper({
    database,
    table: stream,
    ready: options.ready,
    standBack: {
      isBusy: options.isBusy,
      nowMs: Date.now,
      maxAgeMs: MAX_STAND_BACK_MS,
      maxBytes: maxBytes * STAND_BACK_SHARE,
    },
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
      options.onShipped(stream, shipped);
    },
    onRetry: (segment, error) => {
      if (!retrying) log.warn({ err: error, segment: segment.id }, 'cannot ship, will keep trying');
      retrying = true;
    },
  });
  return { spool, shipper };
}
