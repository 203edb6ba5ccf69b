import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import type { Database } from '../../src/telemetry/database.ts';
import { foldSegment } from '../../src/telemetry/fold-segment.ts';
import { FOLD_ALL_SQL } from '../../src/telemetry/outcome-fold.ts';
import type { Segment } from '../../src/telemetry/spool/segment-files.ts';
import { type Bench, type BenchResult, summarise } from '../report.ts';
import { applyBacklog, insertOnly } from './backlog.ts';
import { type BenchEngine, startEngine } from './engine.ts';
import { fill, REPORTS } from './fill.ts';
import { rowsOf, writeSegments } from './segments.ts';
import { makeTraffic } from './traffic.ts';

const SEGMENT_BYTES = 16 * 1024 ** 2;
const LARGE_SEGMENT_ROWS = 100_000;
const MILLION = 1_000_000;
const MIB = 1024 ** 2;
/** Million rows; larger tables are compared with the first. */
const SIZES = { quick: [1, 5], full: [1, 5, 10, 20, 50] };
const MAX_REBUILD_SECONDS = 10;
/** An event may cost this much more in a table fifty times as large. */
const MAX_GROWTH = 2;

/** From spooled segments to outcomes in the embedded ClickHouse, over HTTP and with the service's own parts. */
export const apply: Bench = async ({ quick }) => {
  const engine = await startEngine();
  try {
    const traffic = makeTraffic({ seed: 1, audience: 20_000, startMs: Date.now() - 600_000, eventsPerSecond: 2_000 });
    const spool = join(engine.directory, 'bench-spool');
    const segments = await writeSegments(spool, traffic, { from: 1, count: quick ? 3 : 6 }, { bytes: SEGMENT_BYTES });
    const rounds = quick ? 2 : 5;
    const inserted = await measureInsert(engine, segments, rounds);
    const applied = await measureApply(engine, segments, rounds);
    await rm(spool, { recursive: true });
    const rebuilt = await measureRebuild(engine, quick ? MILLION / 4 : MILLION, quick ? 2 : 3);
    const grown = await measureGrowth(engine, quick ? SIZES.quick : SIZES.full, quick ? 2 : 4);
    return [inserted, applied, ...rebuilt, ...grown, await measureMemory(engine)];
  } finally {
    await engine.stop();
  }
};

async function measureInsert({ database, directory }: BenchEngine, segments: readonly Segment[], rounds: number) {
  // The same columns in the same order of rows, without TTL and fsync.
  await database.command(`CREATE TABLE bare AS events ENGINE = MergeTree
    PARTITION BY toDate(received_at) ORDER BY (toStartOfHour(received_at), view_id, event_id)`);
  const samples: { ours: number[]; bare: number[] } = { ours: [], bare: [] };
  for (let round = 0; round <= rounds; round += 1) {
    await truncate(database, 'events', 'bare');
    samples.ours.push(rowsOf(segments) / (await insertOnly(database, directory, segments)));
    const startedAt = performance.now();
    for (const { path } of segments) {
      await database.command(`INSERT INTO bare SELECT * FROM file('${path}', 'JSONEachRow')`);
    }
    samples.bare.push((rowsOf(segments) / (performance.now() - startedAt)) * 1000);
  }
  await database.command('DROP TABLE bare');
  const peer = summarise(samples.bare.slice(1)).value;
  const ours = summarise(samples.ours.slice(1));
  const ratio = ours.value / peer;
  return {
    metric: 'insert spooled segments over HTTP, fsync and all',
    unit: 'events/s',
    ...ours,
    peer: 'bare INSERT … SELECT FROM file() into a table without views, TTL and fsync',
    peerValue: peer,
    ratio,
    target: 'ratio ≥ 0.5',
    met: ratio >= 0.5,
  };
}

async function measureApply({ database, directory }: BenchEngine, segments: readonly Segment[], rounds: number) {
  const samples: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    await truncate(database, 'events', 'view_outcomes');
    samples.push(rowsOf(segments) / (await applyBacklog(database, join(directory, `service-${round}`), segments)));
  }
  return { metric: 'apply a backlog, outcomes and account included', unit: 'events/s', ...summarise(samples.slice(1)) };
}

async function measureRebuild(engine: BenchEngine, views: number, rounds: number): Promise<BenchResult[]> {
  const { database } = engine;
  await truncate(database, 'events', 'view_outcomes');
  await fill(database, { from: 0, to: views }, shapeOf(views));
  const samples: { seconds: number[]; cpuSeconds: number[] } = { seconds: [], cpuSeconds: [] };
  for (let round = 0; round < rounds; round += 1) {
    await truncate(database, 'view_outcomes');
    const [startedAt, cpuBefore] = [performance.now(), await engine.cpuMs()];
    await database.command(FOLD_ALL_SQL);
    samples.seconds.push((performance.now() - startedAt) / 1000);
    samples.cpuSeconds.push(((await engine.cpuMs()) - cpuBefore) / 1000);
  }
  const [found] = await database.query<{ views: number }>('SELECT count() AS views FROM view_outcomes FINAL');
  if (found?.views !== views) throw new Error(`expected ${views} outcomes, found ${found?.views}`);
  const metric = `rebuild all outcomes: ${views.toLocaleString('en')} views of ${REPORTS} events`;
  const wall = summarise(samples.seconds);
  // A quick run rebuilds fewer views; the limit is for a million.
  const limit = (MAX_REBUILD_SECONDS * views) / MILLION;
  return [
    { metric, unit: 's', ...wall, target: `< ${limit} s`, met: wall.value < limit },
    { metric: `${metric}, processor time`, unit: 's', ...summarise(samples.cpuSeconds) },
  ];
}

async function measureGrowth(engine: BenchEngine, sizes: readonly number[], rounds: number): Promise<BenchResult[]> {
  const { database } = engine;
  await truncate(database, 'events', 'view_outcomes');
  const viewsAt = (size: number): number => (size * MILLION) / REPORTS;
  const shape = shapeOf(viewsAt(sizes.at(-1) ?? 0));
  const results: BenchResult[] = [];
  let filled = 0;
  for (const size of sizes) {
    await fill(database, { from: filled, to: viewsAt(size) }, shape);
    filled = viewsAt(size);
    const cost = await measureLargeSegment(engine, size, rounds);
    const first = results[0]?.value;
    results.push({
      metric: `insert and fold ${LARGE_SEGMENT_ROWS.toLocaleString('en')} events, ${size} million in the table`,
      unit: 'µs of processor/event',
      ...cost,
      ...(first === undefined ? {} : growth(cost.value, first, sizes[0] ?? 0)),
    });
  }
  return results;
}

function growth(value: number, first: number, firstSize: number): Partial<BenchResult> {
  const ratio = value / first;
  const target = `ratio ≤ ${MAX_GROWTH}`;
  return { peer: `at ${firstSize} million`, peerValue: first, ratio, target, met: ratio <= MAX_GROWTH };
}

/** Processor time per event, since walls stand elsewhere on a busy machine. */
async function measureLargeSegment({ database, directory, cpuMs }: BenchEngine, size: number, rounds: number) {
  const samples: number[] = [];
  const spool = join(directory, `growth-${size}`);
  const traffic = makeTraffic({ seed: size, audience: 40_000, startMs: Date.now() - 120_000, eventsPerSecond: 5_000 });
  for (let round = 0; round <= rounds; round += 1) {
    const [segment] = await writeSegments(spool, traffic, { from: round + 1, count: 1 }, { rows: LARGE_SEGMENT_ROWS });
    if (segment === undefined) throw new Error('no segment was written');
    const before = await cpuMs();
    await database.insertFile('events', segment.path, segment.id);
    await foldSegment(database, segment.id);
    samples.push((((await cpuMs()) - before) * 1000) / segment.rows);
    await rm(segment.path);
  }
  return summarise(samples.slice(1));
}

const shapeOf = (allViews: number) => ({ allViews, endSeconds: Math.floor(Date.now() / 1000) - 3600 });

async function truncate(database: Database, ...tables: readonly string[]): Promise<void> {
  for (const table of tables) await database.command(`TRUNCATE TABLE ${table}`);
}

async function measureMemory(engine: BenchEngine): Promise<BenchResult> {
  const capMib = readConfig({}).clickhouseMaxMemoryBytes / MIB;
  const peakMib = (await engine.peakBytes()) / MIB;
  return {
    metric: 'memory of the ClickHouse process, the most of all this',
    value: peakMib,
    unit: 'MiB',
    spread: 0,
    target: `< ${capMib} MiB, its cap`,
    met: peakMib < capMib,
  };
}
