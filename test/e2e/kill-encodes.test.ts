import { afterAll, beforeAll, expect, it } from 'vitest';
import { seededRng } from '../../src/policy/seeded-rng.ts';
import { startService, type TestService } from '../fixtures/service.ts';
import { surviveEncodes } from '../fixtures/survive-encodes.ts';
import { chaosSeed } from '../fixtures/survive-kills.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service?.stop());

it('five uploads under a kill -9 every few seconds are all complete, encoded once, and leave no orphan', async () => {
  const rng = seededRng(chaosSeed(), 'encodes');
  const { kills } = await surviveEncodes(service, { uploads: 5, pauseMs: 3_000, rng });
  expect(Object.values(kills).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
});
