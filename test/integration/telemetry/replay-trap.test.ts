import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { composeTelemetry } from '../../../src/commands/compose-telemetry.ts';
import { readConfig } from '../../../src/config.ts';
import { createDatabase, type Database } from '../../../src/telemetry/database.ts';
import type { Arrival } from '../../../src/telemetry/ingest.ts';
import { type Shipped, Shipper } from '../../../src/telemetry/spool/shipper.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { PASSWORD, readValue, type Spawned, spawnClickHouse } from '../clickhouse/fixtures/spawn-clickhouse.ts';
import { type Death, mortalDatabase } from './fixtures/mortal-database.ts';
import { telemetryHooks } from './fixtures/telemetry-hooks.ts';

const ROWS = 100;

describe('an insert in doubt, whose rows were lost in a crash of the server', () => {
  let directory: string;
  let server: Spawned;
  let segmentPath: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nara-replay-'));
    server = await spawnClickHouse(directory);
    segmentPath = join(directory, 'segment');
    const lines = Array.from({ length: ROWS }, (_, a) => JSON.stringify({ segment: 's-1', a }));
    await writeFile(segmentPath, `${lines.join('\n')}\n`);
  });
  afterEach(async () => {
    await server.kill();
    await rm(directory, { recursive: true });
  });

  const createTable = (settings = '') =>
    server.client.command({
      query: `CREATE TABLE t (segment String, a UInt32) ENGINE = MergeTree ORDER BY a ${settings}`,
    });
  const rowsThere = async (): Promise<number> => Number(await readValue(server.client, 'SELECT count() FROM t'));

  /** The deduplication log is written before the part: a server killed between the two comes back with the one and not the other. */
  async function crashWithoutPart(): Promise<void> {
    const part = await readValue(server.client, "SELECT path FROM system.parts WHERE table = 't' AND active");
    expect(part).toContain(directory);
    await server.kill();
    await rm(part, { recursive: true });
    server = await spawnClickHouse(directory);
  }

  it('is accepted and dropped when it is replayed with its deduplication token: the trap', async () => {
    await createTable('SETTINGS non_replicated_deduplication_window = 100');
    const insert = async (token: string): Promise<void> => {
      const { stream } = await server.client.exec({
        query: 'INSERT INTO t FORMAT JSONEachRow',
        values: createReadStream(segmentPath),
        clickhouse_settings: { insert_deduplication_token: token },
      });
      for await (const _chunk of stream);
    };
    await insert('s-1');
    expect(await rowsThere()).toBe(ROWS);
    await crashWithoutPart();
    expect(await rowsThere()).toBe(0);
    await insert('s-1');
    expect(await rowsThere()).toBe(0);
    await insert('another');
    expect(await rowsThere()).toBe(ROWS);
  });

  it('is found missing by its segment, and there once after the replay: our way', async () => {
    await createTable();
    const segment = { id: 's-1', sequence: 1, rows: ROWS, bytes: 1, path: segmentPath, writtenAtMs: Date.now() };
    const ship = async (): Promise<Shipped['kind'][]> => {
      const database = createDatabase(server.url.replace('http://', `http://default:${encodeURIComponent(PASSWORD)}@`));
      const kinds: Shipped['kind'][] = [];
      const shipper = new Shipper({
        database,
        table: 't',
        deadDirectory: join(directory, 'dead'),
        afterApply: async () => {},
        release: async () => {},
        onShipped: ({ kind }) => kinds.push(kind),
      });
      shipper.start([segment]);
      expect(await shipper.settle(30_000)).toBe(true);
      await database.close();
      return kinds;
    };
    expect(await ship()).toEqual(['applied']);
    expect(await ship()).toEqual(['already-there']);
    await crashWithoutPart();
    expect(await ship()).toEqual(['applied']);
    expect(await rowsThere()).toBe(ROWS);
    await server.client.command({ query: 'DELETE FROM t WHERE a < 40' });
    expect(await ship()).toEqual(['applied']);
    expect(await readValue(server.client, 'SELECT count(), uniqExact(a) FROM t')).toBe(`${ROWS}\t${ROWS}`);
  });
});

const DEATHS: readonly Death[] = [
  'before insert',
  'half-way through insert',
  'after insert',
  'before fold',
  'after fold',
  'before mark',
  'after mark',
  'before ledger',
  'after ledger',
];
/** Of a process that finds half of a segment there. */
const DEATHS_OVER_HALF: readonly Death[] = [
  'before remove',
  'after remove',
  'half-way through insert',
  'after insert',
  'after fold',
];

describe('a process that is killed while it applies a segment', () => {
  let engine: TestDatabase;
  let dataDir: string;
  let run = 0;
  beforeAll(async () => {
    engine = await startTestDatabase();
  });
  afterAll(() => engine.stop());
  beforeEach(async () => {
    run += 1;
    dataDir = await mkdtemp(join(tmpdir(), 'nara-deaths-'));
  });
  afterEach(() => rm(dataDir, { recursive: true }));

  const browser: Arrival = {
    source: 'beacon',
    context: { region: 'NO', device: 'phone', connection: 'wifi' },
    block: '',
    trusted: false,
  };

  /** One life: boots on the data directory, which ships what a former life left. */
  async function live(database: Database) {
    const telemetry = composeTelemetry(
      readConfig({ NARA_DATA_DIR: dataDir }),
      database,
      telemetryHooks({
        attribute: ({ sessionId }) => ({ kind: 'view', viewId: `v-${run}-${sessionId}`, decidedAtMs: null }),
      }),
      pino({ level: 'silent' }),
    );
    await telemetry.start();
    return telemetry;
  }

  /** Views with repeats within and across batches, a stall that only its event tells, and rubbish. */
  async function report(telemetry: Awaited<ReturnType<typeof live>>): Promise<void> {
    const ts = new Date().toISOString();
    const of = (sessionId: string, eventId: string, rest: object) => ({
      sessionId,
      eventId,
      assetId: 'a',
      ts,
      ...rest,
    });
    for (const sessionId of ['s1', 's2', 's3']) {
      const stall = of(sessionId, 'e2', { type: 'stall', durationMs: 250 });
      const first = [of(sessionId, 'e1', { type: 'startup', startupMs: 400 }), stall, stall, { type: 'rubbish' }];
      const last = of(sessionId, 'e3', { type: 'view_end', playedMs: 9000, stalledMs: 100, rungMs: { low: 9000 } });
      expect(await telemetry.ingest(first, browser)).toMatchObject({ accepted: 2, duplicates: 1 });
      expect(await telemetry.ingest([stall, last], browser)).toMatchObject({ accepted: 1, duplicates: 1 });
    }
  }

  async function lives(deaths: readonly Death[]): Promise<Awaited<ReturnType<typeof live>>> {
    for (const [index, death] of deaths.entries()) {
      const { database, died } = mortalDatabase(engine.database, death);
      const telemetry = await live(database);
      if (index === 0) await report(telemetry);
      const shipped = telemetry.shipNow(30_000);
      // What does not come to its death has nothing left to do.
      await Promise.race([died, shipped]);
    }
    const last = await live(engine.database);
    expect(await last.shipNow(30_000)).toBe(true);
    return last;
  }

  async function expectEachOnce(telemetry: Awaited<ReturnType<typeof live>>): Promise<void> {
    const mine = { prefix: `v-${run}-` };
    expect(
      await engine.database.query(
        `SELECT count() AS rows, uniqExact(view_id, event_id) AS events, sum(repeats) AS repeats FROM events
         WHERE startsWith(view_id, {prefix:String})`,
        mine,
      ),
    ).toEqual([{ rows: 9, events: 9, repeats: 6 }]);
    const outcome = { started: true, ended: true, startup_ms: 400, played_ms: 9000, stalled_ms: 250, event_rows: 3 };
    expect(
      await engine.database.query(
        `SELECT ${Object.keys(outcome).join()} FROM view_outcomes FINAL WHERE startsWith(view_id, {prefix:String})`,
        mine,
      ),
    ).toEqual([outcome, outcome, outcome]);
    const audit = await telemetry.audit({ fromMs: Date.now() - 3_600_000, toMs: Date.now() + 60_000 });
    expect(audit).toMatchObject({
      balanced: true,
      waiting: 0,
      received: 18 * run,
      stored: 9 * run,
      duplicates: 6 * run,
      deadLettered: 3 * run,
    });
    await telemetry.stop();
  }

  it.each(DEATHS)(
    '%s leaves every row there once after the next start, every outcome right, every event accounted for',
    async (death) => {
      await expectEachOnce(await lives([death]));
    },
  );

  it.each(DEATHS_OVER_HALF)('half-way through insert, and again %s, does so too', async (death) => {
    await expectEachOnce(await lives(['half-way through insert', death]));
  });

  it.each(['before fold', 'after ledger'] as const)(
    'after insert, then %s, then after ledger, does so too',
    async (death) => {
      await expectEachOnce(await lives(['after insert', death, 'after ledger']));
    },
  );
});
