import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ladderFamily } from '../../src/policy/ladder-families.ts';
import { hashSet, RESOLVE_FACTOR, type ResolvableRendition, resolveArm } from '../../src/policy/resolve-arm.ts';
import { rendition, testConfig } from './policy-fixtures.ts';

const reference = { complexityScale: 1, sourceHeight: 1080 };
const resolve = (bitrates: number[], renditions: ResolvableRendition[], asset = reference) =>
  resolveArm(ladderFamily('x', bitrates), renditions, asset);
const baseline = ladderFamily('baseline', [150, 262, 459]);

describe('resolving an arm', () => {
  it('takes per rung the nearest rendition in log-bitrate, by rising bitrate', () => {
    const renditions = [rendition(1000), rendition(190), rendition(520), rendition(100)];
    expect(resolve([110, 480, 1100], renditions)).toMatchObject({
      renditionIds: ['r100', 'r520', 'r1000'],
      eligible: true,
    });
  });

  it('takes nothing that is more than a factor of 1.35 away, and counts exactly that factor in', () => {
    expect(resolve([200, 1000], [rendition(200 * RESOLVE_FACTOR), rendition(1000)]).renditionIds).toHaveLength(2);
    expect(resolve([200, 1000], [rendition(200 * 1.36), rendition(1000)]).renditionIds).toEqual(['r1000']);
  });

  it('merges rungs that take the same rendition', () => {
    expect(resolve([180, 220, 1000], [rendition(200), rendition(1000)]).renditionIds).toEqual(['r200', 'r1000']);
  });

  it('goes by what the encoder was asked for where that is known, and by the measured bitrate where not', () => {
    const easy = rendition(700, { id: 'easy', targetKbps: 1400 });
    expect(resolve([150, 1400], [rendition(150), easy]).renditionIds).toEqual(['r150', 'easy']);
    expect(resolve([150, 700], [rendition(150), easy]).renditionIds).toEqual(['r150']);
  });

  it('ignores renditions of another codec', () => {
    const renditions = [rendition(150), rendition(459), rendition(800, { codec: 'av1' })];
    expect(resolve([150, 459, 800], renditions).renditionIds).toEqual(['r150', 'r459']);
  });

  it('leaves out rungs above the source, by the short side, also of portrait video', () => {
    const portrait = (kbps: number, width: number) => rendition(kbps, { width, height: Math.round((width * 16) / 9) });
    const renditions = [portrait(150, 240), portrait(803, 480), portrait(1404, 540), portrait(2457, 540)];
    // A rung of 2457 kbit/s is 720 lines: above a source whose short side is 540.
    expect(resolve([150, 803, 1404, 2457], renditions, { ...reference, sourceHeight: 540 }).renditionIds).toEqual([
      'r150',
      'r803',
      'r1404',
    ]);
  });

  it('lets the largest rendition stand for a source nobody knows', () => {
    const renditions = [rendition(150), rendition(459), rendition(4300, { width: 960, height: 540 })];
    expect(
      resolveArm(ladderFamily('x', [150, 459, 4300]), renditions, { complexityScale: 1, sourceHeight: null })
        .renditionIds,
    ).toEqual(['r150', 'r459']);
  });

  it('makes an arm eligible only with two rungs and its floor among them', () => {
    const renditions = [rendition(150), rendition(459), rendition(803)];
    expect(resolve([459, 803, 1404], renditions).eligible).toBe(true);
    expect(resolve([262, 459, 803], renditions).eligible).toBe(false);
    expect(resolve([803, 1404, 2457], renditions).eligible).toBe(false);
  });

  it('makes an arm eligible with one rung when the asset has no other', () => {
    expect(resolve([459, 803], [rendition(459)]).eligible).toBe(true);
    expect(resolve([459, 803], []).eligible).toBe(false);
  });

  it('keeps the baseline eligible with whatever it resolves to, and with everything when that is nothing', () => {
    expect(resolveArm(baseline, [rendition(459), rendition(2000)], reference)).toMatchObject({
      renditionIds: ['r459'],
      eligible: true,
    });
    expect(resolveArm(baseline, [rendition(3000), rendition(2000)], reference)).toMatchObject({
      renditionIds: ['r2000', 'r3000'],
      eligible: true,
    });
  });
});

describe('whatever the renditions', () => {
  const renditionsArbitrary = fc
    .uniqueArray(fc.integer({ min: 60, max: 9000 }), { minLength: 1, maxLength: 12 })
    .map((bitrates) => bitrates.map((kbps) => rendition(kbps)));
  const armArbitrary = fc.constantFrom(...testConfig().arms);

  it('an arm resolves to a subset, strictly rising in bitrate', () => {
    fc.assert(
      fc.property(armArbitrary, renditionsArbitrary, (arm, renditions) => {
        const byId = new Map(renditions.map((each) => [each.id, each.bitrateKbps]));
        const bitrates = resolveArm(arm, renditions, reference).renditionIds.map((id) => byId.get(id) ?? 0);
        expect(bitrates).toEqual([...new Set(bitrates)].sort((left, right) => left - right));
        expect(Math.min(Number.POSITIVE_INFINITY, ...bitrates)).toBeGreaterThan(0);
      }),
    );
  });

  it('equal sets have equal hashes and different sets different ones, whatever the order of the renditions', () => {
    fc.assert(
      fc.property(armArbitrary, armArbitrary, renditionsArbitrary, (left, right, renditions) => {
        const one = resolveArm(left, renditions, reference);
        const other = resolveArm(right, [...renditions].reverse(), reference);
        const same = JSON.stringify([...one.renditionIds].sort()) === JSON.stringify([...other.renditionIds].sort());
        expect(one.setHash === other.setHash).toBe(same);
      }),
    );
    expect(hashSet(['a', 'b'])).toBe(hashSet(['b', 'a']));
    expect(hashSet(['a', 'b'])).not.toBe(hashSet(['ab']));
  });

  it('content twice as complex in twice the bits resolves alike', () => {
    fc.assert(
      fc.property(
        armArbitrary,
        renditionsArbitrary,
        fc.double({ min: 0.2, max: 5, noNaN: true }),
        (arm, renditions, scale) => {
          const scaled = renditions.map((each) => ({ ...each, bitrateKbps: each.bitrateKbps * scale }));
          expect(resolveArm(arm, scaled, { ...reference, complexityScale: scale })).toEqual(
            resolveArm(arm, renditions, reference),
          );
        },
      ),
    );
  });
});
