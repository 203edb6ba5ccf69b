import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pino } from 'pino';
import { composeTelemetry } from '../../src/commands/compose-telemetry.ts';
import { readConfig } from '../../src/config.ts';
import type { Database } from '../../src/telemetry/database.ts';
import type { Segment } from '../../src/telemetry/spool/segment-files.ts';
import { Shipper } from '../../src/telemetry/spool/shipper.ts';

const TIMEOUT_MS = 300_000;
/** Roll-ups hold clipped sums; any clips cost the same. */
const CLIPS = { stallRatioClip: 0.5, startupClipSeconds: 30, switchesPerMinuteClip: 10 };
const never = (): never => {
  throw new Error('nothing is ingested here');
};

/** Seconds in which a service that starts with these segments in its spool has applied them, outcomes and all. */
export async function applyBacklog(
  database: Database,
  directory: string,
  segments: readonly Segment[],
): Promise<number> {
  const spool = join(directory, 'spool', 'events');
  await mkdir(spool, { recursive: true });
  for (const { path } of segments) await copyFile(path, join(spool, basename(path)));
  await copyFile(join(segments[0]?.path ?? '', '..', 'spool-id'), join(spool, 'spool-id'));
  const telemetry = composeTelemetry(
    readConfig({ NARA_DATA_DIR: directory }),
    database,
    {
      attribute: never,
      groupOf: never,
      onShipped: () => {},
      onIngested: () => {},
      onDeadLettersLost: () => {},
      hashSubject: (kind, id) => `${kind} ${id}`,
      clips: () => CLIPS,
      nowMs: Date.now,
    },
    pino({ level: 'error' }),
  );
  const startedAt = performance.now();
  await telemetry.start();
  if (!(await telemetry.shipNow(TIMEOUT_MS))) throw new Error('the backlog was not applied in time');
  const seconds = (performance.now() - startedAt) / 1000;
  await telemetry.stop();
  return seconds;
}

/** Seconds in which the shipper has inserted these segments, and derived nothing. */
export async function insertOnly(database: Database, directory: string, segments: readonly Segment[]): Promise<number> {
  const shipper = new Shipper({
    database,
    table: 'events',
    deadDirectory: join(directory, 'dead'),
    afterApply: async () => {},
    release: async () => {},
  });
  const startedAt = performance.now();
  for (const segment of segments) shipper.enqueue(segment);
  if (!(await shipper.settle(TIMEOUT_MS))) throw new Error('the segments were not inserted in time');
  return (performance.now() - startedAt) / 1000;
}
