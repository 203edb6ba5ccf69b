import { expect, it } from 'vitest';
import { composeEffects } from '../../src/commands/compose-effects.ts';
import { testConfig } from '../policy/policy-fixtures.ts';

it('what is watched is asked of the database once in a while, however often it is scraped', async () => {
  let queries = 0;
  const database = {
    query: async () => {
      queries += 1;
      return [];
    },
  };
  const clock = { nowMs: () => Date.now() };
  const { effects, watchedEffects } = composeEffects({ database, config: testConfig, viewTimeoutMs: 1, clock });
  const first = await watchedEffects();
  expect(first?.encoding.effects.reward).toMatchObject({ value: null, n: 0 });
  const asked = queries;
  for (let scrape = 0; scrape < 5; scrape += 1) expect(await watchedEffects()).toBe(first);
  expect(queries).toBe(asked);
  await effects({ from: new Date(0), to: new Date(1) });
  expect(queries).toBe(2 * asked);
});

it('a database that is away leaves nothing to watch, and says so to who asks', async () => {
  const database = { query: () => Promise.reject(new Error('away')) };
  const clock = { nowMs: () => 0 };
  const { effects, watchedEffects } = composeEffects({ database, config: testConfig, viewTimeoutMs: 1, clock });
  expect(await watchedEffects()).toBeNull();
  await expect(effects({ from: new Date(0), to: new Date(1) })).rejects.toThrow('away');
});
