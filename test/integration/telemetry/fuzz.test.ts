import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { startFuzzedService } from './fuzz/fuzzed-service.ts';
import { sendMutants, type Tally } from './fuzz/send-mutants.ts';
import { storedEventSchema, storedLetterSchema } from './fuzz/stored-row.ts';

/** Other mutants than the fast test sends. */
const SEED = Number(process.env.FUZZ_SEED ?? 20_260_302);
const MUTANTS = 4_000;

let dataDir: string;
let engine: TestDatabase;
let tally: Tally;
let letters: Awaited<ReturnType<Awaited<ReturnType<typeof startFuzzedService>>['telemetry']['deadLetters']>>;
let audit: Awaited<ReturnType<Awaited<ReturnType<typeof startFuzzedService>>['telemetry']['audit']>>;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-fuzz-'));
  engine = await startTestDatabase();
  const service = await startFuzzedService(dataDir, engine.database);
  tally = await sendMutants(service.url, { seed: SEED, count: MUTANTS });
  // Reports of media requests may still be on their way to the disk when the last answer is there.
  await service.stopServer();
  expect(await service.telemetry.shipNow(60_000)).toBe(true);
  const [from, to] = [Date.now() - 3_600_000, Date.now() + 60_000];
  letters = await service.telemetry.deadLetters({
    from: new Date(from),
    to: new Date(to),
    code: 'row.refused',
    limit: 10,
  });
  audit = await service.telemetry.audit({ fromMs: from, toMs: to });
  await service.stop();
}, 120_000);
afterAll(async () => {
  await engine?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const numberOf = async (sql: string): Promise<number> =>
  Number((await engine.database.query<{ n: number }>(sql))[0]?.n ?? Number.NaN);

describe(`rows that ${MUTANTS} mutated reports left in the spool (seed ${SEED})`, () => {
  it('are taken by the database, every one', async () => {
    expect(tally.wrong.slice(0, 5)).toEqual([]);
    expect(letters).toEqual([]);
    const posted = "source IN ('beacon', 'server', 'cmcd2-event')";
    expect(tally.accepted).toBeGreaterThan(500);
    expect(await numberOf(`SELECT count() AS n FROM events WHERE ${posted}`)).toBe(tally.accepted);
    expect(await numberOf(`SELECT sum(events) AS n FROM dead_letters WHERE ${posted}`)).toBe(tally.rejected);
  });

  it('are all accounted for', () => {
    expect(audit).toMatchObject({ balanced: true, waiting: 0, erased: 0 });
    expect(audit.stored).toBeGreaterThanOrEqual(tally.accepted);
  });

  it('make outcomes, one of each view, whatever they say', async () => {
    const views = await numberOf("SELECT uniqExact(view_id) AS n FROM events WHERE view_id != ''");
    expect(views).toBeGreaterThan(300);
    expect(await numberOf('SELECT count() AS n FROM view_outcomes FINAL')).toBe(views);
  });

  it.each([
    ['events', storedEventSchema],
    ['dead_letters', storedLetterSchema],
  ] as const)('have no column that %s lacks', async (table, schema) => {
    const columns = await engine.database.query<{ name: string }>(
      'SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}',
      { table },
    );
    const missing = Object.keys(schema.shape).filter((name) => !columns.some((column) => column.name === name));
    expect(missing).toEqual([]);
  });
});
