import { CONNECTIONS, type Context, DEVICES, type PolicyConfig, type ViewStatistics } from '../src/domain/index.ts';
import { buildAllocation, type Previous } from '../src/policy/allocate.ts';
import { gaussianStatistics, testArms, testConfig } from '../test/policy/policy-fixtures.ts';
import { type Bench, type BenchResult, summarise } from './report.ts';

const SHAPES = [
  { contexts: 14, arms: 18, targetMs: 300 },
  { contexts: 60, arms: 20, targetMs: 1000 },
] as const;

/** Growth: the same arms in ever more cells; the last is every device and connection of 250 regions. */
const GROWTH = [50, 150, 500, 1500, 5000] as const;
const QUICK_GROWTH = [50, 150, 500] as const;
const GROWTH_ARMS = 20;
const LARGEST_TARGET_MS = 30_000;

/**
 * Milliseconds of processor of one refit, statistics in and allocation out, by contexts × arms: it is one thread's work, and a busy
 * machine's clock says nothing of it. Measuring variances has its own, slower cadence.
 */
export const refit: Bench = async ({ quick }) => [
  ...SHAPES.flatMap((shape) => measure(shape, quick ? 3 : 11)),
  ...growth(quick ? QUICK_GROWTH : GROWTH),
];

/** One refit after another allocation, or the first. */
function refitOnce(
  config: PolicyConfig,
  statistics: readonly ViewStatistics[],
  previous: Previous | null,
  seed: number,
) {
  const before = process.cpuUsage();
  const stamp = { config, seed, allocationVersion: 2, createdAt: config.createdAt, maturedViews: 0 };
  const allocation = buildAllocation({ ...stamp, statistics, previous });
  const { user, system } = process.cpuUsage(before);
  return { allocation, ms: (user + system) / 1000 };
}

function measure({ contexts, arms, targetMs }: (typeof SHAPES)[number], rounds: number): BenchResult[] {
  const { config, statistics } = world(contexts, arms);
  const times = (previous: Previous | null, count: number): number[] =>
    Array.from({ length: count }, (_, seed) => refitOnce(config, statistics, previous, seed).ms).slice(1);
  const { allocation } = refitOnce(config, statistics, null, 0);
  const summary = summarise(times({ config, allocation }, rounds + 1));
  const name = `${contexts} contexts × ${arms} arms`;
  return [
    { metric: `refit ${name}`, unit: 'ms', ...summary, target: `< ${targetMs} ms`, met: summary.value < targetMs },
    { metric: `refit ${name} that also measures variances`, unit: 'ms', ...summarise(times(null, 4)) },
  ];
}

function growth(sizes: readonly number[]): BenchResult[] {
  const smallest = world(sizes[0] ?? 1, GROWTH_ARMS);
  const { allocation } = refitOnce(smallest.config, smallest.statistics, null, 0);
  // Variances as measured before, and not due again.
  const effects = allocation.effects && { ...allocation.effects, views: Number.MAX_SAFE_INTEGER };
  const previous = effects ? { ...allocation, effects } : allocation;
  return sizes.map((contexts): BenchResult => {
    const { config, statistics } = world(contexts, GROWTH_ARMS);
    const { ms } = refitOnce(config, statistics, { config, allocation: previous }, 1);
    const target = contexts === 5000 ? { target: `< ${LARGEST_TARGET_MS} ms`, met: ms < LARGEST_TARGET_MS } : {};
    const metric = `refit ${contexts} contexts × ${GROWTH_ARMS} arms, ${(ms / contexts).toFixed(2)} ms a context, once`;
    return { metric, value: ms, unit: 'ms', spread: 0, ...target };
  });
}

function world(contexts: number, arms: number): { config: PolicyConfig; statistics: ViewStatistics[] } {
  const config = testConfig({ arms: testArms(arms) });
  const perRegion = DEVICES.length * CONNECTIONS.length;
  // A few cells a region while there are few contexts, then every device and connection of all regions.
  const regions = Math.max(Math.ceil(contexts / perRegion), Math.min(250, Math.ceil(contexts / 2)));
  const statistics = Array.from({ length: contexts }, (_, index) => {
    const region = index % regions;
    const place = Math.floor(index / regions);
    const letter = (at: number): string => String.fromCharCode(65 + (at % 26));
    const context: Context = {
      region: letter(Math.floor(region / 26)) + letter(region),
      device: DEVICES[place % DEVICES.length] ?? 'unknown',
      connection: CONNECTIONS[Math.floor(place / DEVICES.length)] ?? 'unknown',
    };
    return config.arms.map(({ id }, k) =>
      gaussianStatistics({ context, arm: id, n: 200, mean: 70 + Math.sin(index * 7 + k * 3), sd: 12 }),
    );
  }).flat();
  return { config, statistics };
}
