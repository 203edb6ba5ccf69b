import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { seededRng } from '../../src/policy/seeded-rng.ts';
import { readRunFile } from '../../src/supervisor/run-file.ts';
import { createDatabase } from '../../src/telemetry/database.ts';
import { killAtRandom, waitUntilShipped } from '../fixtures/chaos.ts';
import { expectAcknowledged, expectBalancedAudit } from '../fixtures/expect-acknowledged.ts';
import { startService, type TestService } from '../fixtures/service.ts';
import { startTelemetryLoad } from '../fixtures/telemetry-load.ts';

const KILLS = 10;
/** When and whom; CHAOS_SEED tries what was printed. */
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1e9);

let service: TestService;
let dataDir: string;
beforeAll(async () => {
  vi.stubEnv('NARA_VIEW_EVENTS_PER_SECOND', '1000000');
  vi.stubEnv('NARA_BLOCK_EVENTS_PER_SECOND', '1000000');
  service = await startService();
  vi.unstubAllEnvs();
  dataDir = join(service.directory, 'data');
});
afterAll(() => service?.stop());

describe(`${KILLS} random kill -9 of API and ClickHouse under telemetry`, () => {
  it('lose nothing that was acknowledged and double nothing: raw, outcomes, roll-ups, dead letters and the account agree', async () => {
    process.stdout.write(`CHAOS_SEED=${SEED}\n`);
    const rng = seededRng(SEED, 'kills');
    const browserKey = (await readFile(join(dataDir, 'secrets', 'browser-key'), 'utf8')).trim();
    const target = { url: service.url, adminKey: service.key, browserKey };
    const load = startTelemetryLoad(target, seededRng(SEED, 'load'));
    await killAtRandom(service, load, { kills: KILLS, victims: ['api', 'clickhouse'], rng });
    await load.stop();
    // The kills were felt, and what they did not stop is much.
    expect([...load.repeated.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
    expect(load.outcomes.size).toBeGreaterThan(50);
    expect(load.refused.size).toBeGreaterThan(0);

    await waitUntilShipped(service);
    const database = createDatabase((await readRunFile(dataDir))?.clickhouseUrl ?? '');
    try {
      await expectAcknowledged(database, load);
    } finally {
      await database.close();
    }
    await expectBalancedAudit(dataDir, service.key);
  });
});
