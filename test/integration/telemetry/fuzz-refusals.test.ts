import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FuzzedService, NO_DATABASE, readSpool, startFuzzedService } from './fuzz/fuzzed-service.ts';
import { sendMutants, type Tally } from './fuzz/send-mutants.ts';
import { storedEventSchema, storedLetterSchema } from './fuzz/stored-row.ts';

/** FUZZ_SEED tries others; a failure names the mutants that show it. */
const SEED = Number(process.env.FUZZ_SEED ?? 20_260_301);
const MUTANTS = 10_000;

let dataDir: string;
let service: FuzzedService;
let tally: Tally;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-fuzz-'));
  service = await startFuzzedService(dataDir, NO_DATABASE);
  tally = await sendMutants(service.url, { seed: SEED, count: MUTANTS });
  // What is being stored behind an answer is stored when this is done.
  await service.stopServer();
  await service.stop();
}, 120_000);
afterAll(() => rm(dataDir, { recursive: true, force: true }));

describe(`${MUTANTS} mutated reports (seed ${SEED})`, () => {
  it('are answered, never with a failure of ours, and CMCD never with a refusal that would drop its good lines', () => {
    expect(tally.wrong.slice(0, 5)).toEqual([]);
    expect(service.failures.slice(0, 5)).toEqual([]);
    const answered = Object.values(tally.statuses).reduce((sum, count) => sum + count, 0);
    expect(answered).toBe(MUTANTS);
  });

  it('are of every kind: taken, taken in part, refused, unreadable', () => {
    expect(tally.accepted).toBeGreaterThan(1_000);
    expect(tally.rejected).toBeGreaterThan(1_000);
    for (const status of [200, 202, 400, 413, 415])
      expect([status, tally.statuses[status] ?? 0]).not.toEqual([status, 0]);
    expect(tally.mediaRequests).toBeGreaterThan(500);
  });

  it('leave nothing on disk but whole, valid rows: as many as were said to be accepted', async () => {
    const rows = (await readSpool(dataDir, 'events')).map((row) => {
      const parsed = storedEventSchema.safeParse(row);
      if (!parsed.success) throw new Error(`${parsed.error.message} in ${JSON.stringify(row)}`);
      return parsed.data;
    });
    const isPosted = ({ source }: { source: string }) => source !== 'cmcd1' && source !== 'cmcd2-request';
    expect(rows.filter(isPosted)).toHaveLength(tally.accepted);
    expect(rows.length).toBeGreaterThan(tally.accepted);
    expect(new Set(rows.map(({ type }) => type)).size).toBe(9);
    expect(new Set(rows.map(({ source }) => source))).toEqual(
      new Set(['beacon', 'server', 'cmcd1', 'cmcd2-request', 'cmcd2-event']),
    );
  });

  it('leave a dead letter, with a reason and with text of bounded length, for everything that was refused', async () => {
    const letters = (await readSpool(dataDir, 'dead_letters')).map((row) => {
      const parsed = storedLetterSchema.safeParse(row);
      if (!parsed.success) throw new Error(`${parsed.error.message} in ${JSON.stringify(row)}`);
      return parsed.data;
    });
    const posted = letters.filter(({ source }) => source !== 'cmcd1' && source !== 'cmcd2-request');
    expect(posted.reduce((sum, { events }) => sum + events, 0)).toBe(tally.rejected);
    expect(service.lettersLost()).toBe(0);
  });
});
