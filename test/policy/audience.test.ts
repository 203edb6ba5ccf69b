import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { audienceSchema } from '../../src/domain/index.ts';
import { type ContextViews, MIN_AUDIENCE_VIEWS, predictAudience } from '../../src/policy/audience.ts';
import { DESKTOP, FAST, PHONE } from './policy-fixtures.ts';

const some = (views: number, context = PHONE): ContextViews[] => [{ ...context, views }];
const predict = (ownerViews: ContextViews[], regionViews: ContextViews[], everyoneViews: ContextViews[]) =>
  predictAudience({ ownerViews, regionViews, everyoneViews, uploaderContext: { ...PHONE, region: 'KE' } });

describe('the predicted audience', () => {
  it('is the mix of the owner’s viewers where there are enough', () => {
    const audience = predict([...some(30, PHONE), ...some(10, DESKTOP)], some(500, FAST), some(900, FAST));
    expect(audience).toEqual({
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
