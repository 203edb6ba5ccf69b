import { describe, expect, it } from 'vitest';
import { audienceErrors, type PredictedAndCame } from '../../src/policy/audience-error.ts';

const NO = { region: 'NO', device: 'phone' } as const;
const SE = { region: 'SE', device: 'desktop' } as const;

const asset = (of: Partial<PredictedAndCame> = {}): PredictedAndCame => ({
  owner: 'ann',
  level: 'owner',
  predicted: [
    { ...NO, share: 0.75 },
    { ...SE, share: 0.25 },
  ],
  came: [
    { ...NO, views: 75 },
    { ...SE, views: 25 },
  ],
  predictedWatchSeconds: 1000,
  cameWatchSeconds: 2000,
  isWhole: true,
  ...of,
});

describe('the audience prediction’s error', () => {
  it('is the share of views that came from elsewhere than predicted', () => {
    const elsewhere = asset({ level: 'everyone', came: [{ region: 'IN', device: 'phone', views: 50 }] });
    const half = asset({ level: 'everyone', came: [{ ...NO, views: 50 }] });
    const errors = audienceErrors([asset(), elsewhere, half]);
    expect(errors.map(({ level, error }) => [level, error.value, error.n])).toEqual([
      ['all', (0 + 1 + 0.25) / 3, 3],
      ['everyone', 0.625, 2],
      ['owner', 0, 1],
    ]);
    expect(errors[0]?.error).toMatchObject({ numerator: 1.25, denominator: 3 });
    expect(errors[0]?.error.ci95?.[0]).toBeLessThan(1.25 / 3);
  });

  it('is told beside what chance alone would make of an exact prediction', () => {
    const [few] = audienceErrors([asset({ came: [{ ...NO, views: 30 }] })]);
    const [many] = audienceErrors([asset({ came: [{ ...NO, views: 30_000 }] })]);
    expect(few?.chance).toBeCloseTo(Math.sqrt((2 * 0.75 * 0.25) / (Math.PI * 30)), 6);
    expect(many?.chance).toBeLessThan(0.003);
  });

  it('counts connections of a place together: nobody predicts them where nothing is known', () => {
    const parts = [
      { ...NO, share: 0.5 },
      { ...NO, share: 0.25 },
      { ...SE, share: 0.25 },
    ];
    expect(audienceErrors([asset({ predicted: parts })])[0]?.error.value).toBe(0);
  });

  it('tells how much longer it was watched than expected, once all of it must have come', () => {
    const [all] = audienceErrors([
      asset(),
      asset({ cameWatchSeconds: 500 }),
      asset({ isWhole: false, cameWatchSeconds: 1 }),
    ]);
    expect(all?.watchOctaves).toMatchObject({ value: 0, n: 2 });
  });

  it('is nothing without assets', () => {
    expect(audienceErrors([])).toEqual([
      expect.objectContaining({ level: 'all', chance: null, error: expect.objectContaining({ value: null, n: 0 }) }),
    ]);
  });
});
