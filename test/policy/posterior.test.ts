import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Context, PolicyConfig, ViewStatistics } from '../../src/domain/index.ts';
import { RESPONSE_FEATURES, responseFeatures } from '../../src/policy/arm-response.ts';
import { cellEvidence } from '../../src/policy/cell-evidence.ts';
import { type ContextPosterior, contrast } from '../../src/policy/context-posterior.ts';
import { defaultConfig } from '../../src/policy/ladder-families.ts';
import { add, at, inverse, type Matrix, multiply, timesVector, transpose, zeros } from '../../src/policy/matrix.ts';
import { learnedArms, poolStatistics } from '../../src/policy/pool-statistics.ts';
import { fitPosterior } from '../../src/policy/posterior.ts';
import { simulatedDeviceResponse, simulatedResponse } from '../../src/policy/response-prior.ts';
import {
  CREATED_AT,
  DESKTOP,
  FAST,
  gaussianStatistics,
  PHONE,
  statisticsOf,
  testArms,
  testConfig,
  uniforms,
} from './policy-fixtures.ts';

const NEARLY_NOTHING = 1e-4;
/** Only the cell's own effects: what every cell shows stands for itself. */
const flat = (cell: number): PolicyConfig['model'] => ({
  priorSd: {
    arm: NEARLY_NOTHING,
    region: NEARLY_NOTHING,
    device: NEARLY_NOTHING,
    cell,
    response: 0,
    responseDevice: 0,
    responseRegion: 0,
    responseCell: 0,
  },
  noiseSd: 10,
  dailyDecay: 1,
});
const cellOf = (contexts: ContextPosterior[], context: Context): ContextPosterior => {
  const found = contexts.find(
    (each) => each.level === 'cell' && JSON.stringify(each.context) === JSON.stringify(context),
  );
  if (!found) throw new Error('no such cell');
  return found;
};

describe('with the hierarchy switched off', () => {
  it('two arms have the conjugate posterior of a difference of means', () => {
    const config = testConfig({ arms: testArms(2), model: flat(3) });
    const statistics = [
      gaussianStatistics({ arm: 'baseline', n: 40, mean: 60 }),
      gaussianStatistics({ arm: 'arm-1', n: 10, mean: 64 }),
    ];
    const [evidence] = cellEvidence(poolStatistics(statistics, learnedArms(config), 1), config);
    const noise = evidence?.noiseVariance ?? Number.NaN;
    expect(noise).toBeCloseTo((8 * 100 + 50 * 100) / (8 + 48), 6);
    // Difference of two N(0, 3²) effects, seen through means of 40 and 10 views.
    const prior = 2 * 9;
    const error = noise / 40 + noise / 10;
    const { mean, sd } = contrast(cellOf(fitPosterior(statistics, config).contexts, PHONE), 1, 0);
    expect(mean).toBeCloseTo((prior / (prior + error)) * 4, 4);
    expect(sd).toBeCloseTo(Math.sqrt((prior * error) / (prior + error)), 4);
  });

  it('an arm without views is as good as the average of the others, give or take its prior', () => {
    const config = testConfig({ arms: testArms(2), model: flat(3) });
    const statistics = [gaussianStatistics({ arm: 'baseline', n: 1_000_000, mean: 60, sd: 1 })];
    const { mean, sd } = contrast(cellOf(fitPosterior(statistics, config).contexts, PHONE), 1, 0);
    expect(mean).toBeCloseTo(0, 6);
    expect(sd).toBeCloseTo(Math.sqrt(2) * 3, 4);
  });

  it('cells tell each other nothing', () => {
    const config = testConfig({ arms: testArms(2), model: flat(3) });
    const own = [
      gaussianStatistics({ arm: 'baseline', n: 30, mean: 60 }),
      gaussianStatistics({ arm: 'arm-1', n: 30, mean: 62 }),
    ];
    const other = [
      gaussianStatistics({ context: FAST, arm: 'baseline', n: 500, mean: 60 }),
      gaussianStatistics({ context: FAST, arm: 'arm-1', n: 500, mean: 20 }),
    ];
    const alone = contrast(cellOf(fitPosterior(own, config).contexts, PHONE), 1, 0);
    const together = contrast(cellOf(fitPosterior([...own, ...other], config).contexts, PHONE), 1, 0);
    expect(together.mean).toBeCloseTo(alone.mean, 3);
    expect(together.sd).toBeCloseTo(alone.sd, 3);
  });
});

/** The same model as one dense Gaussian over (m, a, u, v, w, β, β_device, β_cell, β_region), m's prior nearly flat: slow and obviously right. */
function densePosterior(
  statistics: ViewStatistics[],
  config: PolicyConfig,
): { mean: Float64Array; covariance: Matrix }[] {
  const arms = learnedArms(config);
  const cells = cellEvidence(poolStatistics(statistics, arms, config.model.dailyDecay), config);
  const regions = [...new Set(cells.map(({ context }) => context.region))];
  const devices = [...new Set(cells.map(({ context }) => context.device))];
  const { priorSd } = config.model;
  const count = arms.length;
  const offsets = {
    level: 0,
    arm: cells.length,
    region: cells.length + count,
    device: cells.length + count * (1 + regions.length),
    cell: cells.length + count * (1 + regions.length + devices.length),
    response: cells.length + count * (1 + regions.length + devices.length + cells.length),
  };
  const groups = { everywhere: 0, device: 1, cell: 1 + devices.length, region: 1 + devices.length + cells.length };
  const size = offsets.response + RESPONSE_FEATURES * (groups.region + regions.length);
  const features = cells.map(({ line }) => responseFeatures(arms, line));
  const ofRegion = regions.map((region) => {
    const members = features.filter((_, index) => cells[index]?.context.region === region);
    const sum = members.reduce(
      (all, one) => all.map((value, index) => value + (one.data[index] ?? 0)),
      new Float64Array(count * RESPONSE_FEATURES),
    );
    return { ...(features[0] as Matrix), data: sum.map((value) => value / members.length) };
  });
  const design = (cell: number, arm: number): Float64Array => {
    const context = cells[cell]?.context;
    const row = new Float64Array(size);
    row[offsets.level + cell] = 1;
    row[offsets.arm + arm] = 1;
    row[offsets.region + count * regions.indexOf(context?.region ?? '') + arm] = 1;
    row[offsets.device + count * devices.indexOf(context?.device ?? 'unknown') + arm] = 1;
    row[offsets.cell + count * cell + arm] = 1;
    const device = devices.indexOf(context?.device ?? 'unknown');
    const region = regions.indexOf(context?.region ?? '');
    for (let index = 0; index < RESPONSE_FEATURES; index += 1) {
      for (const group of [groups.everywhere, groups.device + device, groups.cell + cell]) {
        row[offsets.response + group * RESPONSE_FEATURES + index] = at(features[cell] as Matrix, arm, index);
      }
      const shared = offsets.response + (groups.region + region) * RESPONSE_FEATURES;
      row[shared + index] = at(ofRegion[region] as Matrix, arm, index);
    }
    return row;
  };
  const precision = zeros(size, size);
  const shift = new Float64Array(size);
  const prior = (from: number, until: number, sd: number) => {
    for (let index = from; index < until; index += 1) add(precision, index, index, sd ** -2);
  };
  prior(0, offsets.arm, 30_000);
  prior(offsets.arm, offsets.region, priorSd.arm);
  prior(offsets.region, offsets.device, priorSd.region);
  prior(offsets.device, offsets.cell, priorSd.device);
  prior(offsets.cell, offsets.response, priorSd.cell);
  const responsesFrom = (group: number): number => offsets.response + group * RESPONSE_FEATURES;
  prior(responsesFrom(0), responsesFrom(groups.device), priorSd.response);
  prior(responsesFrom(groups.device), responsesFrom(groups.cell), priorSd.responseDevice);
  prior(responsesFrom(groups.cell), responsesFrom(groups.region), priorSd.responseCell);
  prior(responsesFrom(groups.region), size, priorSd.responseRegion);
  const expected = new Float64Array(size);
  expected.set(simulatedResponse, responsesFrom(0));
  for (const [index, device] of devices.entries()) {
    expected.set(simulatedDeviceResponse(device), responsesFrom(groups.device + index));
  }
  for (const [index, value] of expected.entries()) shift[index] = value * at(precision, index, index);
  for (const [index, cell] of cells.entries()) {
    for (const arm of arms.keys()) {
      const weight = (cell.views[arm] ?? 0) / cell.noiseVariance;
      const row = design(index, arm);
      for (let left = 0; left < size; left += 1) {
        const slope = weight * (row[left] ?? 0);
        if (slope === 0) continue;
        shift[left] = (shift[left] ?? 0) + slope * (cell.means[arm] ?? 0);
        for (let right = 0; right < size; right += 1) add(precision, left, right, slope * (row[right] ?? 0));
      }
    }
  }
  const covariance = inverse(precision);
  const mean = timesVector(covariance, shift);
  return cells.map((_, index) => {
    const read = zeros(count, size);
    for (const arm of arms.keys()) read.data.set(design(index, arm), arm * size);
    return { mean: timesVector(read, mean), covariance: multiply(multiply(read, covariance), transpose(read)) };
  });
}

/** Ladders that differ, so that what they are on a line tells them apart. */
const LADDERS = defaultConfig({ createdAt: CREATED_AT }).arms;

describe('block elimination', () => {
  it('gives the posterior of the dense model, means and covariances, whatever the evidence', () => {
    const contexts: Context[] = [PHONE, DESKTOP, FAST, { ...FAST, device: 'phone' }, { ...FAST, connection: 'wifi' }];
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 1e6 }), (armCount, seed) => {
        const rng = uniforms(seed);
        const config = testConfig({
          arms: LADDERS.slice(0, armCount),
          model: {
            priorSd: {
              arm: 1 + rng(),
              region: 1 + rng(),
              device: 0.5 + rng(),
              cell: 0.5 + rng(),
              response: 1 + rng(),
              responseDevice: 0.5 + rng(),
              responseRegion: 0.5 + rng(),
              responseCell: 0.5 + rng(),
            },
            noiseSd: 12,
            dailyDecay: 0.9,
          },
        });
        const statistics = contexts.flatMap((context) =>
          config.arms.flatMap(({ id: arm }) =>
            rng() < 0.3
              ? []
              : [
                  statisticsOf(
                    { context, arm, ageDays: Math.floor(3 * rng()) },
                    Array.from({ length: 1 + Math.floor(40 * rng()) }, () => ({
                      quality: 40 + 40 * rng(),
                      throughput: (FAST.region === context.region ? 2 : 0) + rng(),
                    })),
                  ),
                ],
          ),
        );
        fc.pre(statistics.length > 0);
        const cells = fitPosterior(statistics, config).contexts.filter(({ level }) => level === 'cell');
        const reference = densePosterior(statistics, config);
        expect(cells).toHaveLength(reference.length);
        for (const [index, { mean, covariance }] of cells.entries()) {
          const dense = reference[index];
          if (!dense) throw new Error('missing reference');
          for (const row of mean.keys()) {
            // The reference's prior of m is N(0, 30,000²) instead of flat.
            expect(Math.abs((mean[row] ?? 0) - (dense.mean[row] ?? 0))).toBeLessThan(1e-3);
            for (const column of mean.keys()) {
              const expected = at(dense.covariance, row, column);
              expect(Math.abs(at(covariance, row, column) - expected)).toBeLessThan(0.001 * (1 + Math.abs(expected)));
            }
          }
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe('pooling', () => {
  const config = testConfig({ arms: testArms(3) });
  const strong = (context: Context) => [
    gaussianStatistics({ context, arm: 'baseline', n: 400, mean: 60 }),
    gaussianStatistics({ context, arm: 'arm-1', n: 400, mean: 66 }),
    gaussianStatistics({ context, arm: 'arm-2', n: 400, mean: 60 }),
  ];

  it('lets a cell with few views lean on its region, and on another region less', () => {
    const thin = (context: Context) => [gaussianStatistics({ context, arm: 'baseline', n: 5, mean: 60 })];
    const near = contrast(
      cellOf(fitPosterior([...strong(PHONE), ...thin(DESKTOP)], config).contexts, DESKTOP),
      1,
      0,
    ).mean;
    const far = contrast(cellOf(fitPosterior([...strong(PHONE), ...thin(FAST)], config).contexts, FAST), 1, 0).mean;
    expect(near).toBeGreaterThan(far);
    expect(far).toBeGreaterThan(0.5);
    expect(near).toBeLessThan(6);
  });

  it('answers for every seen cell, every seen region and everywhere else, with growing doubt', () => {
    const { contexts } = fitPosterior([...strong(PHONE), ...strong(FAST)], config);
    expect(contexts.map(({ level, context }) => `${level} ${context.region}`)).toEqual([
      'cell NO',
      'cell SE',
      'region NO',
      'region SE',
      'global ZZ',
    ]);
    const doubt = ['cell', 'region', 'global'].map((level) => {
      const found = contexts.find((each) => each.level === level);
      return found ? contrast(found, 1, 0).sd : Number.NaN;
    });
    expect(doubt).toEqual([...doubt].sort((left, right) => left - right));
  });

  it('splits an effect into parts that add up to it', () => {
    const { contexts } = fitPosterior([...strong(PHONE), ...strong(FAST)], config);
    for (const posterior of contexts) {
      const { global, region, device, cell } = posterior.parts;
      const sum = (arm: number) => [global, region, device, cell].reduce((total, part) => total + (part[arm] ?? 0), 0);
      expect(sum(1) - sum(0)).toBeCloseTo(contrast(posterior, 1, 0).mean, 8);
    }
  });

  it('is empty without usable views: unknown arms and unscored views teach nothing', () => {
    const statistics = [
      gaussianStatistics({ arm: 'stranger', n: 50, mean: 60 }),
      statisticsOf({ arm: 'baseline', decided: 9 }, []),
    ];
    expect(fitPosterior(statistics, config)).toMatchObject({ contexts: [], usedViews: 0 });
  });
});

describe('evidence of a cell', () => {
  const config = testConfig({ arms: testArms(2), model: { ...flat(3), dailyDecay: 0.5 } });
  const arms = learnedArms(config);
  const evidenceFrom = (statistics: ViewStatistics[]) => {
    const [evidence] = cellEvidence(poolStatistics(statistics, arms, config.model.dailyDecay), config);
    if (!evidence) throw new Error('no evidence');
    return evidence;
  };

  it('removes what the throughput known beforehand explains', () => {
    const rng = uniforms(3);
    // The reward is 40 + 8x; arm-1 met faster viewers by chance and is no better.
    const views = (offset: number) =>
      Array.from({ length: 400 }, () => {
        const throughput = offset + rng();
        return { throughput, quality: 40 + 8 * throughput };
      });
    const { means, slopes, noiseVariance } = evidenceFrom([
      statisticsOf({ arm: 'baseline' }, views(0)),
      statisticsOf({ arm: 'arm-1' }, views(0.5)),
    ]);
    expect(slopes.x).toBeCloseTo(8, 6);
    expect((means[1] ?? 0) - (means[0] ?? 0)).toBeCloseTo(0, 6);
    expect(noiseVariance).toBeLessThan(100 * (9 / 800));
    // What is left is the reward at the cell's mean throughput, 0.75 or so.
    expect(means[0]).toBeGreaterThan(45);
    expect(means[0]).toBeLessThan(47);
  });

  it('removes what the title was known to promise, beside what throughput explains', () => {
    const rng = uniforms(5);
    // The reward is 10 + 3x + p/2, and p is nearly what x is; arm-1 met better titles by chance and is 2 points better.
    const views = (offset: number, gain: number) =>
      Array.from({ length: 400 }, () => {
        const throughput = rng();
        const prospect = 40 + offset + 10 * throughput + 5 * rng();
        return { throughput, prospect, quality: 10 + 3 * throughput + prospect / 2 + gain };
      });
    const { means, slopes, noiseVariance } = evidenceFrom([
      statisticsOf({ arm: 'baseline' }, views(0, 0)),
      statisticsOf({ arm: 'arm-1' }, views(10, 2)),
    ]);
    expect(slopes.x).toBeCloseTo(3, 6);
    expect(slopes.p).toBeCloseTo(0.5, 6);
    expect((means[1] ?? 0) - (means[0] ?? 0)).toBeCloseTo(2, 6);
    expect(noiseVariance).toBeLessThan(100 * (9 / 800));
  });

  it('does not take the difference between arms for an effect of throughput', () => {
    const still = (quality: number, throughput: number) => Array.from({ length: 50 }, () => ({ quality, throughput }));
    const { slopes, means } = evidenceFrom([
      statisticsOf({ arm: 'baseline' }, still(50, 0)),
      statisticsOf({ arm: 'arm-1' }, still(60, 1)),
    ]);
    expect(slopes).toEqual({ x: 0, p: 0 });
    expect((means[1] ?? 0) - (means[0] ?? 0)).toBeCloseTo(10);
  });

  it('counts a view of d days ago decay^d', () => {
    const { views, means } = evidenceFrom([
      gaussianStatistics({ arm: 'baseline', n: 10, mean: 60 }),
      gaussianStatistics({ arm: 'baseline', n: 40, mean: 50, ageDays: 2 }),
    ]);
    expect(views[0]).toBeCloseTo(20);
    expect(means[0]).toBeCloseTo(55);
  });

  it('measures noise per cell, starting from the configured one', () => {
    const few = evidenceFrom([gaussianStatistics({ arm: 'baseline', n: 2, mean: 60, sd: 40 })]).noiseVariance;
    const many = evidenceFrom([gaussianStatistics({ arm: 'baseline', n: 5000, mean: 60, sd: 40 })]).noiseVariance;
    expect(Math.sqrt(few)).toBeLessThan(25);
    expect(Math.sqrt(many)).toBeCloseTo(40, 0);
  });
});
