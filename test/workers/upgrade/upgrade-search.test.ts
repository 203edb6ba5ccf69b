import { describe, expect, it } from 'vitest';
import { createUpgradeSearch } from '../../../src/workers/upgrade/upgrade-search.ts';
import { hostedAsset, rendition } from '../../fixtures/assets.ts';
import { coldPlan } from '../../fixtures/encode-plan.ts';

const RUNG = { height: 480, bitrateKbps: 600, fps: 30 };
const BY = { configVersion: 2, allocationVersion: 9 };

/** A library of so many assets, the first watched most, of which policy misses a rung on those named. */
function library(count: number, missedOn: readonly string[]) {
  const read: string[] = [];
  const ids = Array.from({ length: count }, (_, index) => `a_${index}`);
  const watch = new Map(ids.map((id, index) => [id, { seconds: 1e7, megabytes: 1e6 - index, av1Share: 0 }]));
  let config = 1;
  const made = { renditions: [rendition({ id: 'low', bitrateKbps: 300, preset: 'slow' })] };
  const search = createUpgradeSearch(
    {
      async read(id) {
        read.push(id);
        return hostedAsset({ id, plan: coldPlan, ...made });
      },
    },
    {
      makesAv1: async () => false,
      forecastWatch: async () => watch,
      configVersion: async () => config,
      planToday: async ({ id }) =>
        missedOn.includes(id) ? { rungs: [RUNG], unlockedShare: 0.5, by: BY } : { rungs: [], unlockedShare: 0 },
    },
  );
  return {
    search,
    /** Assets that were looked at since this was asked. */
    looked: () => read.splice(0),
    publish: () => {
      config += 1;
    },
  };
}

describe('looking for what is worth making', () => {
  it('tells the missing rungs, and the policy that misses them', async () => {
    const { search } = library(3, ['a_1']);
    expect(await search.look()).toEqual([
      expect.objectContaining({ assetId: 'a_1', missing: [RUNG], slower: false, by: BY }),
    ]);
  });

  it('looks at what is watched most every time, and once at each of the rest when a config is new', async () => {
    const { search, looked, publish } = library(180, []);
    for (const looks of [100, 100, 80, 50, 50]) {
      await search.look();
      expect(looked()).toHaveLength(looks);
    }
    publish();
    const walked = new Set<string>();
    for (const looks of [100, 100, 80, 50]) {
      await search.look();
      const seen = looked();
      expect(seen).toHaveLength(looks);
      for (const id of seen) walked.add(id);
    }
    expect(walked.size).toBe(180);
  });

  it('begins anew when another config comes while it walks', async () => {
    const { search, looked, publish } = library(180, []);
    await search.look();
    looked();
    publish();
    await search.look();
    expect(looked()).toContain('a_50');
  });

  it('passes over assets whose documents cannot be read', async () => {
    const search = createUpgradeSearch(
      { read: async () => Promise.reject(new Error('broken')) },
      {
        makesAv1: async () => false,
        forecastWatch: async () => new Map([['a_1', { seconds: 1, megabytes: 1, av1Share: 0 }]]),
        configVersion: async () => null,
        planToday: async () => null,
      },
    );
    expect(await search.look()).toEqual([]);
  });
});
