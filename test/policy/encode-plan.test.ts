import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Allocation,
  type Audience,
  type Context,
  encodePlanSchema,
  type ViewStatistics,
} from '../../src/domain/index.ts';
import { buildAllocation, coldAllocation } from '../../src/policy/allocate.ts';
import { assetTreatments } from '../../src/policy/asset-treatments.ts';
import { audienceIsCold } from '../../src/policy/audience-value.ts';
import { planEncode, WEAK_UPLINK_KBPS } from '../../src/policy/encode-plan.ts';
import { FAST_LANE_MAX_HEIGHT } from '../../src/policy/learned-rungs.ts';
import { ratioOf } from '../../src/policy/rung-union.ts';
import { CREATED_AT, DESKTOP, FAST, gaussianStatistics, PHONE, testConfig } from './policy-fixtures.ts';

const config = testConfig();
const stamp = { config, seed: 1, allocationVersion: 4, createdAt: CREATED_AT };
const cold = coldAllocation(stamp);
const baselineKbps = [150, 262, 459, 803, 1404, 2457, 4300];

/** Slow phones do best on low-dense and badly on high floors; fast desktops the other way round. */
const learnedFrom = (context: Context, good: string, bad: string[]): ViewStatistics[] =>
  config.arms.map(({ id }) =>
    gaussianStatistics({ context, arm: id, n: 300, mean: id === good ? 66 : bad.includes(id) ? 45 : 60, sd: 12 }),
  );
const learned: Allocation = buildAllocation({
  ...stamp,
  statistics: [
    ...learnedFrom(PHONE, 'low-dense', ['raised-floor', 'high-floor', 'fast-dense']),
    ...learnedFrom(FAST, 'raised-floor', ['low-dense', 'low-floor', 'low-top']),
  ],
  previous: null,
  maturedViews: 6600,
});
const watchedFrom = (...shares: [Context, number][]): Audience => ({
  level: 'owner',
  views: 200,
  shares: shares.map(([context, share]) => ({ ...context, share })),
});
const hd = { width: 1280, height: 720, bitrateKbps: 5000 };
const fullHd = { width: 1920, height: 1080, bitrateKbps: 8000 };

type Input = Parameters<typeof planEncode>[0];
const LEARNED = { holdout: 0.99, superset: 0.99, panel: 0.99 };
const plan = (changes: Partial<Input> = {}, draws: Partial<Input['draws']> = {}) =>
  planEncode({
    config,
    allocation: learned,
    audience: watchedFrom([PHONE, 1]),
    source: hd,
    durationMs: null,
    uplinkKbps: null,
    draws: { ...LEARNED, ...draws },
    cold: false,
    ...changes,
  });
const bitrates = ({ rungs }: { rungs: { bitrateKbps: number }[] }) => rungs.map((rung) => rung.bitrateKbps);

describe('a learned plan', () => {
  it('differs between an upload for slow viewers and one for fast viewers, and from the baseline', () => {
    const slow = plan();
    const fast = plan({ audience: watchedFrom([FAST, 1]) });
    expect(bitrates(slow)).toEqual([105, 147, 206, 288, 403, 565, 790, 1107]);
    expect(bitrates(fast)).toEqual([150, 610, 1062, 1858, 3251]);
    expect(slow).toMatchObject({ holdout: false, liftPanel: false, configVersion: 1, allocationVersion: 4 });
  });

  it('says for whom and because of what', () => {
    const { reason } = plan();
    expect(reason).toMatch(
      /^Differs from the baseline for its audience 100 % NO phone cellular \(from 200 views of this owner's videos\)/,
    );
    expect(reason).toMatch(
      /low-dense is worth \d\.\d points over the baseline in NO phone cellular \(P\(best\) \d+ %, 300 views\)/,
    );
  });

  it('does not claim to differ where the best ladders need no other rungs than the baseline’s', () => {
    const allocation = buildAllocation({
      ...stamp,
      statistics: [
        ...learnedFrom(PHONE, 'low-top', ['raised-floor', 'high-floor', 'fast-dense']),
        ...learnedFrom(FAST, 'baseline', ['low-top', 'low-dense', 'sparse']),
      ],
      previous: null,
      maturedViews: 6600,
    });
    const mixed = plan({ allocation, audience: watchedFrom([PHONE, 0.5], [FAST, 0.5]) });
    expect(bitrates(mixed)).toEqual(baselineKbps.slice(0, 6));
    expect(mixed.reason).toMatch(
      /^The baseline's rungs, which also carry what was learned for its audience .*low-top is worth/,
    );
  });

  it('serves a mixed audience as well as the rungs allow', () => {
    const mixed = plan({ audience: watchedFrom([PHONE, 0.5], [FAST, 0.5]) });
    // Both favourites do not fit into eight rungs; neither group is left with a ladder that hurts it.
    for (const context of [PHONE, FAST]) {
      const entry = learned.contexts.find(
        ({ level, device, region }) => level === 'cell' && device === context.device && region === context.region,
      );
      const made = mixed.rungs.map((rung, index) => ({
        id: `r${index}`,
        width: 1280,
        height: rung.height,
        codec: 'h264' as const,
        bitrateKbps: rung.bitrateKbps,
      }));
      const eligible = assetTreatments(config, {
        renditions: made,
        complexityScale: 1,
        sourceHeight: 720,
      }).eligible.map(({ arm }) => arm);
      const best = Math.max(...eligible.map((arm) => entry?.arms.find((each) => each.arm === arm)?.mean ?? 0));
      expect(best).toBeGreaterThan(58);
    }
    expect(mixed.rungs.length).toBeLessThanOrEqual(8);
  });

  it('is the baseline’s while nothing is surely better', () => {
    const allocation = buildAllocation({
      ...stamp,
      statistics: config.arms.map(({ id }, index) =>
        gaussianStatistics({ arm: id, n: 20, mean: 60 + (index % 3), sd: 20 }),
      ),
      previous: null,
      maturedViews: 0,
    });
    const unsure = plan({ allocation });
    expect(bitrates(unsure)).toEqual(baselineKbps.slice(0, 6));
    expect(unsure.reason).toMatch(/no other ladder is surely better yet/);
    expect(bitrates(plan({ allocation: cold }))).toEqual(baselineKbps.slice(0, 6));
  });

  it('keeps the baseline’s floor for viewers nobody expected, and a small lowest rung for the fast lane', () => {
    const fast = plan({ audience: watchedFrom([FAST, 1]) });
    expect(fast.rungs[0]).toMatchObject({ bitrateKbps: 150, height: 240 });
  });

  it('never counts on an arm the guardrails took out, however good it looks', () => {
    const guarded: Allocation = {
      ...learned,
      contexts: learned.contexts.map((entry) => ({
        ...entry,
        arms: entry.arms.map((arm) => (arm.arm === 'low-dense' ? { ...arm, guard: 'stall' as const, weight: 0 } : arm)),
      })),
    };
    expect(bitrates(plan({ allocation: guarded }))).not.toContain(105);
  });
});

describe('held-out assets and the lift panel', () => {
  it('a held-out asset gets the baseline’s feasible rungs and nothing else', () => {
    const held = plan({}, { holdout: 0.049, panel: 0 });
    expect(held).toMatchObject({ holdout: true, liftPanel: false });
    expect(bitrates(held)).toEqual(baselineKbps.slice(0, 6));
    expect(held.reason).toMatch(/^Held out/);
    expect(plan({}, { holdout: 0.05 }).holdout).toBe(false);
  });

  it('a panel asset carries the baseline’s rungs and the most valuable learned ones', () => {
    const panel = plan({}, { panel: 0.19 });
    expect(panel.liftPanel).toBe(true);
    expect(bitrates(panel)).toEqual(expect.arrayContaining(baselineKbps.slice(0, 6)));
    const lowDense = config.arms.find(({ id }) => id === 'low-dense')?.rungs.map((rung) => rung.bitrateKbps) ?? [];
    for (const extra of bitrates(panel).filter((kbps) => !baselineKbps.includes(kbps)))
      expect(lowDense).toContain(extra);
    expect(panel.rungs).toHaveLength(8);
    expect(panel.reason).toMatch(/^Lift panel: the baseline's rungs and 2 more rungs/);
    expect(plan({}, { panel: 0.2 }).liftPanel).toBe(false);
  });

  it('while the audience is cold every asset is in the panel, with rungs that make other ladders possible', () => {
    const panel = plan({ allocation: cold, cold: true });
    expect(panel.liftPanel).toBe(true);
    const renditions = panel.rungs.map(({ height, bitrateKbps }, index) => ({
      id: `r${index}`,
      width: Math.round((height * 16) / 9),
      height,
      codec: 'h264' as const,
      bitrateKbps,
    }));
    const { eligible } = assetTreatments(config, { renditions, complexityScale: 1, sourceHeight: 720 });
    expect(new Set(eligible.map(({ setHash }) => setHash)).size).toBeGreaterThanOrEqual(6);
    expect(bitrates(panel)[0]).toBeLessThan(150);
  });

  it('the last free rung of a cold asset goes below the floor, where viewers stall', () => {
    const panel = plan({ allocation: cold, cold: true, source: fullHd });
    expect(bitrates(panel)).toEqual([105, ...baselineKbps]);
  });

  it('an audience is cold while most of it is in regions nobody was seen in', () => {
    expect(audienceIsCold({ config, allocation: cold }, watchedFrom([PHONE, 1]))).toBe(true);
    expect(audienceIsCold({ config, allocation: learned }, watchedFrom([PHONE, 1]))).toBe(false);
    expect(audienceIsCold({ config, allocation: learned }, watchedFrom([{ ...PHONE, region: 'KE' }, 1]))).toBe(true);
    expect(
      audienceIsCold({ config, allocation: learned }, watchedFrom([DESKTOP, 0.6], [{ ...PHONE, region: 'KE' }, 0.4])),
    ).toBe(false);
  });
});

describe('a superset asset', () => {
  const superset = (changes: Partial<Input> = {}) =>
    plan({ source: fullHd, ...changes }, { superset: 0.019, panel: 0 });

  it('carries the baseline’s rungs and what every other ladder needs: all of them can be given as they were meant', () => {
    const made = superset();
    expect(made).toMatchObject({ liftPanel: true, holdout: false, assignment: { group: 'superset', cold: false } });
    expect(bitrates(made)).toEqual(expect.arrayContaining(baselineKbps));
    expect(made.rungs.length).toBeGreaterThan(config.encode.maxRungs);
    const renditions = made.rungs.map(({ height, bitrateKbps }, index) => ({
      id: `r${index}`,
      width: Math.round((height * 16) / 9),
      height,
      codec: 'h264' as const,
      bitrateKbps,
    }));
    const { eligible } = assetTreatments(config, { renditions, complexityScale: 1, sourceHeight: 1080 });
    expect(eligible.map(({ arm }) => arm).sort()).toEqual(config.arms.map(({ id }) => id).sort());
    expect(made.reason).toMatch(
      /^Superset: the baseline's rungs and \d+ more rungs, so that every ladder can still be tried/,
    );
  });

  it('keeps the worthiest ladders where there is not room for all', () => {
    const made = superset({ config: testConfig({ encode: { ...config.encode, supersetRungs: 12 } }) });
    expect(made.rungs.length).toBeLessThanOrEqual(12);
    expect(bitrates(made)).toEqual(expect.arrayContaining(baselineKbps));
    expect(bitrates(made)).toContain(105);
  });
});

describe('an asset that is planned again', () => {
  it('stays in the group that chance put it into, whatever shares have become', () => {
    const assigned = { group: 'holdout', propensity: 0.05, cold: false } as const;
    const shareless = testConfig({ encode: { ...config.encode, holdoutShare: 0 } });
    const again = plan({ config: shareless, assigned });
    expect(again).toMatchObject({ holdout: true, assignment: assigned });
    expect(bitrates(again)).toEqual(baselineKbps.slice(0, 6));
  });
});

describe('an audience with slow lines', () => {
  const slow: Audience = { ...watchedFrom([FAST, 1]), lineKbps: { p10: 140, p50: 700, p95: 2000 } };

  it('gets a rung that its slow lines can hold, and none that its fast ones could not play', () => {
    const made = plan({ audience: slow, source: fullHd });
    expect(bitrates(made)[0]).toBe(105);
    expect(Math.max(...bitrates(made))).toBeLessThanOrEqual(2000);
    expect(made.reason).toMatch(
      /One line in ten of its audience has less than 140 kbit\/s, so 105 kbit\/s is made: reliability/,
    );
  });

  it('changes nothing of held-out and panel assets: they are the measure', () => {
    const known = (draws: Partial<Input['draws']>, audience: Audience) =>
      bitrates(plan({ audience, source: fullHd }, draws));
    for (const draws of [{ holdout: 0 }, { panel: 0 }]) {
      expect(known(draws, slow)).toEqual(known(draws, watchedFrom([FAST, 1])));
    }
  });

  it('of unknown lines is planned as it was', () => {
    expect(bitrates(plan({ audience: watchedFrom([FAST, 1]) }))[0]).toBe(150);
  });
});

describe('what is hardly watched', () => {
  it('gets fewer rungs, as making and keeping them costs more than they bring', () => {
    const paid = testConfig({ reward: { ...config.reward, deliveredMbps: 2 } });
    const of = (watchSeconds: number) =>
      plan({
        config: paid,
        durationMs: 600_000,
        source: fullHd,
        audience: { ...watchedFrom([PHONE, 1]), watchSeconds },
      });
    const [little, much] = [of(1_000), of(1e8)];
    expect(little.rungs.length).toBeLessThan(much.rungs.length);
    expect(bitrates(much)).toEqual(bitrates(plan({ source: fullHd })));
  });
});

describe('what the source allows', () => {
  const heights = (changes: Partial<Input>) => plan({ allocation: cold, ...changes }).rungs.map((rung) => rung.height);

  it('is never exceeded in height; portrait video goes by its short side', () => {
    expect(Math.max(...heights({ source: { width: 720, height: 1280, bitrateKbps: 0 } }))).toBe(720);
    expect(Math.max(...heights({ source: fullHd }))).toBe(1080);
  });

  it('keeps a rung at the size of a source between two rungs', () => {
    expect(Math.max(...heights({ source: { width: 1600, height: 900, bitrateKbps: 0 } }))).toBe(900);
    expect(Math.max(...heights({ source: { width: 1920, height: 1078, bitrateKbps: 0 } }))).toBe(1078);
  });

  it('is not raised for a source that is large but has few bits', () => {
    const rungs = plan({ allocation: cold, source: { width: 1600, height: 900, bitrateKbps: 200 } }).rungs;
    expect(rungs).toEqual([expect.objectContaining({ height: 240 }), expect.objectContaining({ height: 270 })]);
  });

  it('is capped for a weak uplink, and the reason says so', () => {
    const weak = plan({ allocation: cold, source: fullHd, uplinkKbps: WEAK_UPLINK_KBPS - 1 });
    expect(Math.max(...weak.rungs.map((rung) => rung.height))).toBe(720);
    expect(weak.reason).toMatch(/uploader's line measured 1499 kbit\/s: reliability comes before pixels/);
    expect(plan({ allocation: cold, source: fullHd, uplinkKbps: WEAK_UPLINK_KBPS }).reason).not.toMatch(/reliability/);
  });
});

describe('whatever the source, audience and draws', () => {
  const sourceArbitrary = fc.record({
    width: fc.integer({ min: 16, max: 8000 }),
    height: fc.integer({ min: 16, max: 8000 }),
    bitrateKbps: fc.oneof(fc.constant(0), fc.double({ min: 1, max: 100_000, noNaN: true })),
  });
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it('a plan is valid and respects every cap', () => {
    fc.assert(
      fc.property(
        sourceArbitrary,
        fc.constantFrom(cold, learned),
        unit,
        unit,
        unit,
        unit,
        fc.boolean(),
        fc.option(fc.double({ min: 1, max: 50_000, noNaN: true })),
        fc.integer({ min: 1, max: 10 }),
        (source, allocation, share, holdoutDraw, supersetDraw, panelDraw, isCold, uplinkKbps, maxRungs) => {
          const audience = watchedFrom([PHONE, share], [FAST, 1 - share]);
          const limited = testConfig({ encode: { ...config.encode, maxRungs } });
          const made = plan({
            config: limited,
            source,
            allocation,
            audience,
            draws: { holdout: holdoutDraw, superset: supersetDraw, panel: panelDraw },
            cold: isCold,
            uplinkKbps,
          });
          encodePlanSchema.parse(made);
          const short = Math.min(source.width, source.height);
          const cap = uplinkKbps !== null && uplinkKbps < WEAK_UPLINK_KBPS ? 720 : Number.POSITIVE_INFINITY;
          const lowestKbps = made.rungs[0]?.bitrateKbps ?? 0;
          for (const [index, rung] of made.rungs.entries()) {
            expect(rung.height).toBeLessThanOrEqual(Math.min(short, cap));
            expect(rung.height % 2).toBe(0);
            const previous = made.rungs[index - 1];
            if (previous) expect(ratioOf(previous, rung)).toBeGreaterThanOrEqual(config.encode.mergeRatio);
            // The baseline's floor is made whatever the source spends, beside a still lower one as well.
            const isFloor = index === 0 || rung.bitrateKbps === baselineKbps[0];
            if (!isFloor && source.bitrateKbps > 0)
              expect(rung.bitrateKbps).toBeLessThanOrEqual(source.bitrateKbps * 1.5);
          }
          expect(bitrates(made)).toEqual([...bitrates(made)].sort((left, right) => left - right));
          expect(made.rungs[0]?.height).toBeLessThanOrEqual(FAST_LANE_MAX_HEIGHT);
          expect(lowestKbps).toBeLessThanOrEqual(150);
          const { group } = made.assignment ?? {};
          const room = group === 'superset' ? limited.encode.supersetRungs : maxRungs;
          const baselineCount = group === 'learned' ? 0 : baselineKbps.length;
          expect(made.rungs.length).toBeLessThanOrEqual(Math.max(room, baselineCount));
          expect(made.reason.length).toBeGreaterThan(40);
        },
      ),
      { numRuns: 150 },
    );
  });
});
