import { afterAll, beforeAll, expect, it } from 'vitest';
import { seededRng } from '../../src/policy/seeded-rng.ts';
import { startService, type TestService } from '../fixtures/service.ts';
import { surviveEncodes } from '../fixtures/survive-encodes.ts';
import { chaosSeed } from '../fixtures/survive-kills.ts';

/** SOAK_UPLOADS sets another number. */
const UPLOADS = Number(process.env.SOAK_UPLOADS ?? 30);

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service?.stop());

it(`${UPLOADS} uploads under a kill -9 every few seconds are all complete, encoded once, and leave no orphan`, async () => {
  const rng = seededRng(chaosSeed(), 'encodes');
  const { kills } = await surviveEncodes(service, { uploads: UPLOADS, pauseMs: 4_000, rng });
  expect(Object.values(kills).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5);
});
