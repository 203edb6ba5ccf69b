import { access, stat } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { uniforms } from '../../policy/policy-fixtures.ts';
import { openWorkshop, type Workshop } from './clips.ts';
import { startCanary, takeInHostile } from './hostile/take-in.ts';

let workshop: Workshop;
let canary: Awaited<ReturnType<typeof startCanary>>;
beforeAll(async () => {
  workshop = await openWorkshop();
  canary = await startCanary(workshop.root);
});
afterAll(async () => {
  canary.stop();
  await workshop.close();
});

// Five hundred of them are in the soak.
it('sixty hostile files are published or refused for a reason, reach no file and no host, and leave workers healthy', async () => {
  const readAt = (await stat(canary.file)).atimeMs;
  const { outcomes, leaks, after, leftBehind } = await takeInHostile(workshop, canary, 60, uniforms(1));
  expect(outcomes).toHaveLength(60);
  expect(leaks).toEqual([]);
  expect(after).toBe('published');
  expect(leftBehind).toEqual([]);
  expect(canary.asked()).toBe(0);
  expect((await stat(canary.file)).atimeMs).toBe(readAt);
  await expect(access(`${canary.file}.touched`)).rejects.toThrow('ENOENT');

  const refused = new Map(outcomes.map(({ name, outcome }) => [name, outcome]));
  expect(refused.get('playlist-file')).toEqual({ refused: 'not-media' });
  expect(refused.get('endless')).toEqual({ refused: expect.stringMatching(/^too-(long|sparse)$/) });
  expect(refused.get('gigantic-claim')).toBe('published');
  expect(refused.get('gigantic')).toMatchObject({ refused: expect.any(String) });
}, 180_000);
