import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { engineConfig, engineMemory } from '../../src/clickhouse/engine-config.ts';

const MIB = 1024 ** 2;

describe('the engine’s share of the memory cap', () => {
  it('leaves room for the process around it', () => {
    expect(engineMemory(2048 * MIB)).toEqual({ engineBytes: 1512 * MIB, holds: true });
  });

  it('rises with the cap and always leaves room, where the cap can be held at all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 512, max: 1_000_000 }), fc.integer({ min: 1, max: 10_000 }), (capMib, moreMib) => {
        const { engineBytes, holds } = engineMemory(capMib * MIB);
        expect(holds).toBe(true);
        expect(capMib * MIB - engineBytes).toBeGreaterThanOrEqual(368 * MIB);
        expect(engineMemory((capMib + moreMib) * MIB).engineBytes).toBeGreaterThan(engineBytes);
      }),
    );
  });

  it('is enough to work with even where the cap is too small, which is said', () => {
    expect(engineMemory(100 * MIB)).toEqual({ engineBytes: 128 * MIB, holds: false });
  });

  it('is what the engine, its merges and its caches are told, in whole bytes', () => {
    const xml = engineConfig(1_000_000_007);
    expect(xml).toContain('<max_server_memory_usage>1000000007</max_server_memory_usage>');
    expect(xml).toContain(
      '<merges_mutations_memory_usage_soft_limit>400000002</merges_mutations_memory_usage_soft_limit>',
    );
    const caches = [...xml.matchAll(/_cache_size>(\d+)</g)].map(([, bytes]) => Number(bytes));
    expect(caches).toHaveLength(5);
    expect(caches.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(250_000_002);
  });
});
