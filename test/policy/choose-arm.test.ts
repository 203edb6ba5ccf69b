import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ArmAllocation, ContextAllocation } from '../../src/domain/index.ts';
import { coldAllocation } from '../../src/policy/allocate.ts';
import type { AssetTreatments } from '../../src/policy/asset-treatments.ts';
import { assetTreatments } from '../../src/policy/asset-treatments.ts';
import { chooseArm } from '../../src/policy/choose-arm.ts';
import { findEntry, type IndexedEntry, indexAllocation } from '../../src/policy/index-allocation.ts';
import { CREATED_AT, PHONE, rendition, testConfig, uniforms } from './policy-fixtures.ts';

const config = testConfig();
const allocated = (arm: string, weight: number, changes: Partial<ArmAllocation> = {}): ArmAllocation => ({
  arm,
  weight,
  mean: 0,
  sd: 1,
  pBest: weight,
  effectiveN: 10,
  guard: 'ok',
  ...changes,
});

function entryOf(arms: ArmAllocation[], changes: Partial<ContextAllocation> = {}): IndexedEntry {
  const base = coldAllocation({ config, seed: 1, allocationVersion: 1, createdAt: CREATED_AT });
  const entry: ContextAllocation = { ...PHONE, level: 'cell', baselineShare: 0.2, arms, ...changes };
  return findEntry(indexAllocation({ config, allocation: { ...base, contexts: [entry, ...base.contexts] } }), PHONE);
}

/** Treatments by hand: `[arm, setHash]`. */
const treatmentsOf = (...arms: [string, string][]): AssetTreatments => ({
  configVersion: 1,
  eligible: arms
    .map(([arm, setHash]) => ({
      arm,
      setHash,
      baseline: arm === 'baseline',
      rungs: [{ renditionId: `of-${arm}`, width: 640, height: 360, bitrateKbps: 400 }],
    }))
    .sort((left, right) => (left.arm < right.arm ? -1 : 1)),
});

const learned = entryOf([
  allocated('baseline', 0.3, { pBest: 0.1 }),
  allocated('a', 0.6, { pBest: 0.8 }),
  allocated('z', 0.1, { pBest: 0.15 }),
]);
const three = treatmentsOf(['a', 'A'], ['baseline', 'B'], ['z', 'Z']);

describe('choosing an arm', () => {
  it('draws arms in id order at the inverse CDF of the weights', () => {
    const at = (uniform: number) => chooseArm({ entry: learned, treatments: three, uniform }).arm;
    expect([0, 0.599, 0.601, 0.899, 0.901, 0.999].map(at)).toEqual(['a', 'a', 'baseline', 'baseline', 'z', 'z']);
  });

  it('says how probable that treatment was, and what else was', () => {
    const choice = chooseArm({ entry: learned, treatments: three, uniform: 0.1 });
    expect(choice).toMatchObject({ arm: 'a', setHash: 'A', fallbackLevel: 'cell' });
    expect(choice.propensity).toBeCloseTo(0.6, 12);
    expect(choice.eligible.map(({ arm }) => arm)).toEqual(['a', 'baseline', 'z']);
    expect(choice.rungs[0]?.renditionId).toBe('of-a');
  });

  it('adds up the propensities of arms that are one treatment', () => {
    const choice = chooseArm({
      entry: learned,
      treatments: treatmentsOf(['a', 'S'], ['baseline', 'S'], ['z', 'Z']),
      uniform: 0,
    });
    expect(choice.propensity).toBeCloseTo(0.9);
  });

  it('renormalises over the arms that are eligible', () => {
    const choice = chooseArm({ entry: learned, treatments: treatmentsOf(['baseline', 'B'], ['z', 'Z']), uniform: 0.7 });
    expect(choice.arm).toBe('baseline');
    expect(choice.propensity).toBeCloseTo(0.75);
  });

  it('gives the baseline to views of assets where no eligible arm has weight', () => {
    const entry = entryOf([allocated('baseline', 0), allocated('a', 1)]);
    const choice = chooseArm({ entry, treatments: treatmentsOf(['baseline', 'B'], ['new', 'N']), uniform: 0.99 });
    expect(choice).toMatchObject({ arm: 'baseline', propensity: 1, reason: 'fallback' });
  });

  it('refuses an asset without a baseline', () => {
    expect(() => chooseArm({ entry: learned, treatments: treatmentsOf(), uniform: 0 })).toThrow(
      /expected the baseline/,
    );
  });
});

describe('the reason', () => {
  const reason = (uniform: number, entry = learned, treatments = three) =>
    chooseArm({ entry, treatments, uniform }).reason;

  it('is learned for the best arm, explore for another, baseline for the fixed share of it', () => {
    expect(reason(0.1)).toBe('learned');
    expect(reason(0.95)).toBe('explore');
    expect(reason(0.65)).toBe('baseline');
    // Beyond its fixed share (0.2 of its 0.3) the baseline was drawn like any arm.
    expect(reason(0.85)).toBe('explore');
  });

  it('is learned for the best arm that is eligible', () => {
    expect(reason(0.9, learned, treatmentsOf(['baseline', 'B'], ['z', 'Z']))).toBe('learned');
  });

  it('is fallback while nothing is known or nothing can be chosen', () => {
    const cold = coldAllocation({ config, seed: 1, allocationVersion: 1, createdAt: CREATED_AT });
    const entry = findEntry(indexAllocation({ config, allocation: cold }), PHONE);
    expect(reason(0.1, entry, treatmentsOf(['baseline', 'B'], ['sparse', 'Z']))).toBe('fallback');
    expect(reason(0.1, learned, treatmentsOf(['a', 'S'], ['baseline', 'S']))).toBe('fallback');
  });

  it('is guard when every other arm was taken out', () => {
    const entry = entryOf([allocated('baseline', 1), allocated('a', 0, { guard: 'stall' })]);
    expect(reason(0.5, entry, treatmentsOf(['a', 'A'], ['baseline', 'B']))).toBe('guard');
  });

  it('is pin for a pinned arm, with probability 1, as long as it is eligible', () => {
    const pinned = chooseArm({ entry: learned, treatments: three, uniform: 0, pinnedArm: 'z' });
    expect(pinned).toMatchObject({ arm: 'z', propensity: 1, reason: 'pin' });
    expect(pinned.eligible.map(({ propensity }) => propensity)).toEqual([0, 0, 1]);
    expect(chooseArm({ entry: learned, treatments: three, uniform: 0, pinnedArm: 'gone' }).arm).toBe('a');
  });

  it('is pin for one arm now and another later, and none of it stays when the pin ends', () => {
    const armAt = (pinnedArm: string | null) =>
      chooseArm({ entry: learned, treatments: three, uniform: 0.65, pinnedArm }).arm;
    expect(['z', 'a', 'z', null].map(armAt)).toEqual(['z', 'a', 'z', 'baseline']);
  });

  it('makes one treatment of a pinned arm and the arms with its set', () => {
    const treatments = treatmentsOf(['a', 'S'], ['baseline', 'B'], ['z', 'S']);
    const { arm, propensity } = chooseArm({ entry: learned, treatments, uniform: 0.5, pinnedArm: 'z' });
    expect({ arm, propensity }).toEqual({ arm: 'z', propensity: 1 });
  });
});

describe('whatever weights and assets', () => {
  const weightsArbitrary = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 11, maxLength: 11 });
  const bitratesArbitrary = fc.uniqueArray(fc.integer({ min: 80, max: 8000 }), { minLength: 1, maxLength: 10 });
  const uniformArbitrary = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it('propensities sum to 1, the arm had some, and it offers rungs of the asset', () => {
    fc.assert(
      fc.property(weightsArbitrary, bitratesArbitrary, uniformArbitrary, (weights, bitrates, uniform) => {
        const sum = weights.reduce((total, weight) => total + weight, 0) || 1;
        const arms = config.arms.map((arm, index) => allocated(arm.id, (weights[index] ?? 0) / sum));
        const renditions = bitrates.map((kbps) => rendition(kbps));
        const treatments = assetTreatments(config, { renditions, complexityScale: 1, sourceHeight: null });
        const choice = chooseArm({ entry: entryOf(arms), treatments, uniform });
        expect(choice.eligible.reduce((total, { propensity }) => total + propensity, 0)).toBeCloseTo(1, 9);
        expect(choice.eligible.find(({ arm }) => arm === choice.arm)?.propensity).toBeGreaterThan(0);
        expect(choice.propensity).toBeGreaterThan(0);
        expect(choice.rungs.length).toBeGreaterThan(0);
        for (const rung of choice.rungs) expect(renditions.some(({ id }) => id === rung.renditionId)).toBe(true);
      }),
    );
  });

  it('arms are drawn as often as their propensity says', () => {
    const rng = uniforms(7);
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 20_000; draw += 1) {
      const { arm } = chooseArm({ entry: learned, treatments: three, uniform: rng() });
      counts.set(arm, (counts.get(arm) ?? 0) + 1);
    }
    // 6 standard errors of a share of 20,000.
    expect(Math.abs((counts.get('a') ?? 0) / 20_000 - 0.6)).toBeLessThan(0.021);
    expect(Math.abs((counts.get('baseline') ?? 0) / 20_000 - 0.3)).toBeLessThan(0.02);
  });
});

describe('looking up an entry', () => {
  const base = coldAllocation({ config, seed: 1, allocationVersion: 1, createdAt: CREATED_AT });
  const arms = base.contexts[0]?.arms ?? [];
  const at = (
    level: ContextAllocation['level'],
    region: string,
    device: ContextAllocation['device'] = 'unknown',
  ): ContextAllocation => ({
    region,
    device,
    connection: 'unknown',
    level,
    baselineShare: 0.5,
    arms,
  });
  const contexts = [at('cell', 'NO', 'phone'), at('cell', 'NO'), at('region', 'NO'), at('global', 'ZZ')];
  const indexed = indexAllocation({ config, allocation: { ...base, contexts } });
  const find = (region: string, device: ContextAllocation['device']) =>
    findEntry(indexed, { region, device, connection: 'unknown' }).entry;

  it('goes from the cell to the region to everywhere', () => {
    expect(find('NO', 'phone')).toBe(contexts[0]);
    expect(find('NO', 'tv')).toBe(contexts[2]);
    expect(find('SE', 'tv')).toBe(contexts[3]);
  });

  it('does not take a cell without device for its region', () => {
    expect(find('NO', 'unknown')).toBe(contexts[1]);
  });

  it('falls to the cold prior before anything is learned, and refuses an allocation without either', () => {
    expect(findEntry(indexAllocation({ config, allocation: base }), PHONE).entry.level).toBe('cold');
    expect(() => indexAllocation({ config, allocation: { ...base, contexts: contexts.slice(0, 3) } })).toThrow(
      /neither/,
    );
  });
});
