import { describe, expect, it } from 'vitest';
import { composeUploadAdvice } from '../../src/commands/compose-upload-advice.ts';
import { ASSUMED_UPLINKS } from '../../src/policy/upload-advice.ts';
import type { Uplinks } from '../../src/telemetry/read-uplinks.ts';

const LINES = { p10: 1, p50: 2, p90: 3 };
const uplinks = (uploads: number): Uplinks => ({
  uploads,
  abandoned: 0,
  clientUploads: 0,
  uplinkKbps: uploads === 0 ? null : LINES,
});

function setUp(readUplinks: (where: object) => Promise<Uplinks>) {
  const figures = { bytes: 1_000_000, elapsedMs: 4_000, resumes: 0 };
  const meter = {
    soFar: async (id: string) => (id === 'known' ? figures : id === 'tiny' ? { ...figures, bytes: 9 } : null),
  };
  return composeUploadAdvice({ readUplinks, groupOf: (region) => (region === 'NO' ? 'EU-NORTH' : region), meter });
}

describe('what is known of a place', () => {
  it.each([
    ['cell', 30, 30],
    ['region', 5, 30],
    ['global', 5, 19],
  ])('is that of the narrowest one with enough uploads: %s', async (fallbackLevel, cell, region) => {
    const asked: object[] = [];
    const advice = setUp(async (where) => {
      asked.push(where);
      return uplinks('device' in where ? cell : 'region' in where ? region : 1000);
    });
    expect(await advice.knownUplinks({ region: 'NO', device: 'phone' })).toMatchObject({ fallbackLevel });
    expect(asked[0]).toEqual({ region: 'EU-NORTH', device: 'phone' });
  });

  it('is assumed where nobody has uploaded, and while the database is away', async () => {
    expect(await setUp(async () => uplinks(0)).knownUplinks({ region: 'SE', device: 'tv' })).toBe(ASSUMED_UPLINKS);
    const away = setUp(() => Promise.reject(new Error('away')));
    expect(await away.knownUplinks({ region: 'SE', device: 'tv' })).toBe(ASSUMED_UPLINKS);
  });

  it('is asked for once in a while', async () => {
    let asked = 0;
    const advice = setUp(async () => {
      asked += 1;
      return uplinks(100);
    });
    for (let time = 0; time < 5; time += 1) await advice.knownUplinks({ region: 'SE', device: 'tv' });
    expect(asked).toBe(1);
  });
});

it('an upload’s own line counts once enough of it has come', async () => {
  const advice = setUp(async () => uplinks(0));
  expect(await advice.measuredUplink('known')).toEqual({ bytes: 1_000_000, kbps: 2_000 });
  expect(await advice.measuredUplink('tiny')).toBeNull();
  expect(await advice.measuredUplink('unknown')).toBeNull();
});
