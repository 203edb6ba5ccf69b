import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { audienceSchema } from '../../src/domain/index.ts';
import { type ContextViews, MIN_AUDIENCE_VIEWS, predictAudience } from '../../src/policy/audience.ts';
import { DESKTOP, FAST, PHONE } from './policy-fixtures.ts';

const some = (views: number, context = PHONE): ContextViews[] => [{ ...context, views }];
const predict = (ownerViews: ContextViews[], regionViews: ContextViews[], everyoneViews: ContextViews[]) =>
  predictAudience({
    owner: { contexts: ownerViews, assets: 1 },
    region: { contexts: regionViews, assets: 5 },
    everyone: { contexts: everyoneViews, assets: 10 },
    uploaderContext: { ...PHONE, region: 'KE' },
  });

describe('the predicted audience', () => {
  it('is the mix of the owner’s viewers where there are enough', () => {
    const audience = predict([...some(30, PHONE), ...some(10, DESKTOP)], some(500, FAST), some(900, FAST));
    expect(audience).toEqual({
      watchSeconds: expect.any(Number),
      level: 'owner',
      views: 40,
      shares: [
        { ...PHONE, share: 0.75 },
        { ...DESKTOP, share: 0.25 },
      ],
    });
  });

  it('falls to the region, then to everyone, then to the uploader’s own region', () => {
    const few = some(MIN_AUDIENCE_VIEWS - 1);
    expect(predict(few, some(MIN_AUDIENCE_VIEWS), some(900)).level).toBe('region');
    expect(predict(few, few, some(MIN_AUDIENCE_VIEWS)).level).toBe('everyone');
    const cold = predict(few, few, few);
    expect(cold).toMatchObject({ level: 'cold', views: 0 });
    expect(new Set(cold.shares.map(({ region }) => region))).toEqual(new Set(['KE']));
  });

  it('is expected to watch as long as the owner’s videos were, the more of them there are', () => {
    const seconds = (assets: number, playedSeconds: number) =>
      predictAudience({
        owner: { contexts: [{ ...PHONE, views: 50, playedSeconds }], assets },
        region: { contexts: [], assets: 0 },
        everyone: { contexts: [{ ...PHONE, views: 9e3, playedSeconds: 1e6 }], assets: 995 },
        uploaderContext: PHONE,
      }).watchSeconds;
    expect(seconds(0, 0)).toBeCloseTo(1_030, -1);
    expect(seconds(1, 60_000)).toBeCloseTo((60_000 + 5 * 1_030) / 6, -1);
    expect(seconds(95, 95 * 60_000)).toBeGreaterThan(55_000);
  });

  it('tells its lines’ quantiles once enough views told theirs', () => {
    const lines = (views: number) =>
      predict(
        [
          {
            ...PHONE,
            views: 100,
            lines: [
              [256, views],
              [1024, 8 * views],
              [4096, views],
            ],
          },
        ],
        [],
        [],
      ).lineKbps;
    expect(lines(2)).toBeUndefined();
    expect(lines(5)).toEqual({ p10: 256, p50: 1024, p95: 4096 });
  });

  it('is always valid: shares in falling order that sum to 1', () => {
    const counts = fc.array(
      fc.record({
        region: fc.constantFrom('NO', 'SE', 'KE', 'BR', 'IN', 'US', 'DE', 'FR', 'ZZ'),
        device: fc.constantFrom('phone' as const, 'tv' as const, 'desktop' as const),
        connection: fc.constantFrom('wifi' as const, 'cellular' as const),
        views: fc.double({ min: 0, max: 1e6, noNaN: true }),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(counts, counts, counts, (owner, region, everyone) => {
        const audience = audienceSchema.parse(predict(owner, region, everyone));
        const shares = audience.shares.map(({ share }) => share);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
        expect(shares).toEqual([...shares].sort((left, right) => right - left));
      }),
    );
  });
});
