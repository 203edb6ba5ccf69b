import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredRendition } from '../../src/domain/index.ts';
import { assetTreatments, treatmentsInCodec } from '../../src/policy/asset-treatments.ts';
import { CODEC_HELD_BACK, chooseCodec } from '../../src/policy/choose-codec.ts';
import { savedShare, twinsOf } from '../../src/policy/codec-twins.ts';
import { ladderFamily } from '../../src/policy/ladder-families.ts';
import { rendition as stored } from '../fixtures/assets.ts';
import { testConfig } from './policy-fixtures.ts';

const quality = (of: number) => ({ phone: of, tablet: of, desktop: of, tv: of });
const h264 = (kbps: number) => stored({ id: `h${kbps}`, bitrateKbps: kbps, quality: quality(80) });
/** What stands for `h264(kbps)`. */
const av1 = (kbps: number, of: Partial<StoredRendition> = {}) =>
  stored({
    id: `a${kbps}`,
    bitrateKbps: kbps * 0.6,
    targetKbps: kbps,
    codec: 'av1',
    quality: quality(80),
    ...of,
  });
const twinOf = (twin: StoredRendition, rung = h264(500)) => twinsOf([rung, twin], 'av1').get(rung.id)?.id;

describe('a twin', () => {
  it('stands for the rung of its target and size in the other codec', () => {
    expect(twinOf(av1(500))).toBe('a500');
    expect(twinOf(av1(700))).toBeUndefined();
    expect(twinOf(av1(500, { width: 480, height: 270 }))).toBeUndefined();
    expect(twinOf(av1(500, { codec: 'hevc' }))).toBeUndefined();
  });

  it('never looks worse on any device than what it stands for, unless nobody could see it', () => {
    expect(twinOf(av1(500, { quality: { ...quality(85), tv: 79 } }))).toBeUndefined();
    expect(twinOf(av1(500, { quality: quality(96) }), { ...h264(500), quality: quality(100) })).toBe('a500');
    expect(twinOf(av1(500, { quality: quality(94) }), { ...h264(500), quality: quality(100) })).toBeUndefined();
    expect(twinOf(av1(500, { qualityMeasured: false }))).toBeUndefined();
  });

  it('never weighs more', () => {
    expect(twinOf(av1(500, { bitrateKbps: 501 }))).toBeUndefined();
  });
});

describe('the arms of an asset in another codec', () => {
  const config = testConfig({
    arms: [
      ladderFamily('baseline', [150, 459, 1404]),
      ladderFamily('low', [150, 459]),
      ladderFamily('top', [459, 1404]),
    ],
  });
  const rungs = [h264(150), h264(459), h264(1404)];
  const of = (renditions: StoredRendition[]) =>
    assetTreatments(config, { renditions, complexityScale: 1, sourceHeight: 1080 });

  it('are the same arms, rung by rung, with sets of their own of one codec', () => {
    const all = [...rungs, av1(150), av1(459), av1(1404)];
    const treatments = of(all);
    const inAv1 = treatmentsInCodec(treatments, all, 'av1');
    expect(inAv1?.eligible.map(({ arm }) => arm)).toEqual(treatments.eligible.map(({ arm }) => arm));
    expect(inAv1?.eligible.map((each) => each.rungs.map(({ renditionId }) => renditionId))).toEqual([
      ['a150', 'a459', 'a1404'],
      ['a150', 'a459'],
      ['a459', 'a1404'],
    ]);
    const hashes = [...treatments.eligible, ...(inAv1?.eligible ?? [])].map(({ setHash }) => setHash);
    expect(new Set(hashes).size).toBe(6);
  });

  it('are there for all arms or for none: an arm must not be the only one to save bytes', () => {
    const some = [...rungs, av1(150), av1(459)];
    expect(treatmentsInCodec(of(some), some, 'av1')).toBeNull();
    // Also not by a rung that only another config's arms would give.
    const more = [...some, av1(1404), h264(5000)];
    expect(treatmentsInCodec(of(more), more, 'av1')).toBeNull();
  });

  it('leave H.264 sets as they were before there were others', () => {
    fc.assert(
      fc.property(fc.subarray([150, 459, 1404]), (twinned) => {
        const all = [...rungs, ...twinned.map((kbps) => av1(kbps))];
        expect(of(all)).toEqual(of(rungs));
      }),
    );
  });

  it('of an arm that is AV1 itself are only for players that have said that they decode it', () => {
    const own = ladderFamily('own', [150, 459]);
    const withOwn = {
      ...config,
      arms: [...config.arms, { ...own, features: { ...own.features, codec: 'av1' as const } }],
    };
    const asset = { renditions: [...rungs, av1(150), av1(459)], complexityScale: 1, sourceHeight: 1080 };
    const arms = (decodes?: 'av1'[]) => assetTreatments(withOwn, asset, decodes).eligible.map(({ arm }) => arm);
    expect(arms()).not.toContain('own');
    expect(arms(['av1'])).toContain('own');
  });
});

describe('the codec of a view', () => {
  const has = () => true;
  it('is never one that its player has not said it decodes, or that the asset has not', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (uniform) => {
        expect(chooseCodec({ decodes: [], uniform, has })).toBeNull();
        expect(chooseCodec({ decodes: ['hevc'], uniform, has })).toBeNull();
        expect(chooseCodec({ decodes: ['av1'], uniform, has: () => false })).toBeNull();
      }),
    );
  });

  it('is the better one but for the share held back, with the probability of either', () => {
    const choose = (uniform: number) => chooseCodec({ decodes: ['av1'], uniform, has });
    expect(choose(CODEC_HELD_BACK)).toEqual({ codec: 'av1', propensity: 1 - CODEC_HELD_BACK });
    expect(choose(CODEC_HELD_BACK - 1e-9)).toEqual({ codec: 'h264', propensity: CODEC_HELD_BACK });
  });
});

it('what a title saves is what all its rungs weigh less, together', () => {
  expect(
    savedShare([
      { kbps: 60, insteadOfKbps: 100 },
      { kbps: 240, insteadOfKbps: 300 },
    ]),
  ).toBeCloseTo(0.25);
  expect(savedShare([])).toBe(0);
});
