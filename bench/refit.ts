import type { Allocation, ViewStatistics } from '../src/domain/index.ts';
import { buildAllocation } from '../src/policy/allocate.ts';
import { gaussianStatistics, testArms, testConfig } from '../test/policy/policy-fixtures.ts';
import { type Bench, type BenchResult, summarise } from './report.ts';

const SHAPES = [
  { contexts: 14, arms: 18, targetMs: 300 },
  { contexts: 60, arms: 20, targetMs: 1000 },
] as const;

/** Milliseconds of one refit, statistics in and allocation out, by contexts × arms; measuring variances has its own, slower cadence. */
export const refit: Bench = async ({ quick }) => SHAPES.flatMap((shape) => measure(shape, quick ? 3 : 11));

function measure({ contexts, arms, targetMs }: (typeof SHAPES)[number], rounds: number): BenchResult[] {
  const config = testConfig({ arms: testArms(arms) });
  const statistics = statisticsOf(
    contexts,
    config.arms.map((arm) => arm.id),
  );
  const refitAfter = (previous: Allocation | null, seed: number): [Allocation, number] => {
    const startedAt = performance.now();
    const stamp = { config, seed, allocationVersion: 2, createdAt: config.createdAt, maturedViews: 0 };
    const allocation = buildAllocation({
      ...stamp,
      statistics,
      previous: previous && { config, allocation: previous },
    });
    return [allocation, performance.now() - startedAt];
  };
  const times = (previous: Allocation | null, count: number): number[] =>
    Array.from({ length: count }, (_, seed) => refitAfter(previous, seed)[1]).slice(1);
  const [measured] = refitAfter(null, 0);
  const summary = summarise(times(measured, rounds + 1));
  const name = `${contexts} contexts × ${arms} arms`;
  return [
    { metric: `refit ${name}`, unit: 'ms', ...summary, target: `< ${targetMs} ms`, met: summary.value < targetMs },
    { metric: `refit ${name} that also measures variances`, unit: 'ms', ...summarise(times(null, 4)) },
  ];
}

function statisticsOf(contexts: number, arms: readonly string[]): ViewStatistics[] {
  return Array.from({ length: contexts }, (_, index) => {
    const region = `${String.fromCharCode(65 + ((index >> 1) % 26))}${String.fromCharCode(65 + (((index >> 1) / 26) | 0))}`;
    const context = { region, device: index % 2 === 0 ? 'phone' : 'desktop', connection: 'unknown' } as const;
    return arms.map((arm, k) =>
      gaussianStatistics({ context, arm, n: 200, mean: 70 + Math.sin(index * 7 + k * 3), sd: 12 }),
    );
  }).flat();
}
