import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { startService, type TestService } from '../fixtures/service.ts';
import { chaosSeed, NO_RATE_LIMITS, surviveKills } from '../fixtures/survive-kills.ts';

const KILLS = 10;

let service: TestService;
beforeAll(async () => {
  for (const [name, value] of Object.entries(NO_RATE_LIMITS)) vi.stubEnv(name, value);
  service = await startService();
  vi.unstubAllEnvs();
});
afterAll(() => service?.stop());

describe(`${KILLS} random kill -9 of API and ClickHouse under telemetry`, () => {
  it('lose nothing that was acknowledged and double nothing: raw, outcomes, roll-ups, dead letters and the account agree', async () => {
    await surviveKills(service, { kills: KILLS, seed: chaosSeed() });
  });
});
