import { createDecider } from '../src/delivery/decide-views.ts';
import { StandingDecisions } from '../src/delivery/standing-decisions.ts';
import { deriveViewKeys } from '../src/delivery/view-identity.ts';
import type { AssetDocument, Context } from '../src/domain/index.ts';
import { buildAllocation } from '../src/policy/allocate.ts';
import { assetTreatments } from '../src/policy/asset-treatments.ts';
import { chooseArm } from '../src/policy/choose-arm.ts';
import { findEntry, indexAllocation } from '../src/policy/index-allocation.ts';
import { defaultConfig } from '../src/policy/ladder-families.ts';
import { hostedAsset, rendition } from '../test/fixtures/assets.ts';
import { gaussianStatistics } from '../test/policy/policy-fixtures.ts';
import { type Bench, summarise } from './report.ts';

const BATCH = 1_000;
const context: Context = { region: 'NO', device: 'phone', connection: 'cellular' };
const clock = { nowMs: () => Date.now() };

/**
 * Decisions per second of one process: the draw alone, and the whole path with identity and record but no disk or Redis.
 * The asset has six of the ladders' rungs, so that some arms are not eligible and some are one treatment.
 */
export const decide: Bench = async ({ quick }) => {
  const rounds = quick ? 5 : 21;
  const config = defaultConfig({ createdAt: new Date().toISOString() });
  const createdAt = config.createdAt;
  const statistics = config.arms.map(({ id }, index) =>
    gaussianStatistics({ context, arm: id, n: 200, mean: 60 + Math.sin(index), sd: 15 }),
  );
  const stamp = { config, seed: 1, allocationVersion: 1, createdAt, maturedViews: 0 };
  const allocation = buildAllocation({ ...stamp, statistics, previous: null });
  const table = indexAllocation({ config, allocation });
  const asset: AssetDocument = hostedAsset({
    renditions: [150, 262, 459, 803, 1404, 2457].map((bitrateKbps) =>
      rendition({ id: `r${bitrateKbps}`, bitrateKbps }),
    ),
  });
  const treatments = assetTreatments(config, { renditions: asset.renditions, complexityScale: 1, sourceHeight: 720 });
  const choose = (uniform: number) => chooseArm({ entry: findEntry(table, context), treatments, uniform });

  const freshEntry = () => findEntry(indexAllocation({ config, allocation }), context);

  const draws: number[] = [];
  const whole: number[] = [];
  const firsts: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    draws.push(perSecond(BATCH * 20, (n) => choose((n * 0.618) % 1)));
    whole.push(await wholePath(asset, choose, round));
    firsts.push(milliseconds(() => chooseArm({ entry: freshEntry(), treatments, uniform: 0.5 })));
  }
  return [
    { metric: 'draw an arm', unit: 'decisions/s', ...summarise(draws.slice(1)) },
    {
      metric: 'first draw in a context on a kind of asset: P(best) among its treatments',
      unit: 'ms',
      ...summarise(firsts.slice(1)),
    },
    {
      metric: 'decide a view (identity, draw, record), in batches of 1,000',
      unit: 'decisions/s',
      target: '≥ 50,000',
      ...met(whole),
    },
  ];
};

function met(samples: readonly number[]): { value: number; spread: number; met: boolean } {
  const summary = summarise(samples.slice(1));
  return { ...summary, met: summary.value >= 50_000 };
}

function milliseconds(work: () => unknown): number {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
}

const perSecond = (times: number, work: (n: number) => unknown): number =>
  (times /
    milliseconds(() => {
      for (let n = 0; n < times; n += 1) work(n);
    })) *
  1000;

async function wholePath(
  asset: AssetDocument,
  choose: (uniform: number) => ReturnType<typeof chooseArm>,
  round: number,
): Promise<number> {
  const nowhere = {
    read: async (keys: readonly string[]) => ({ values: keys.map(() => null), completeSinceMs: 0 }),
    claim: async () => [],
    forget: async () => {},
  };
  const standing = new StandingDecisions({
    shared: nowhere,
    logged: async () => [],
    isAnyLoggedBefore: async () => false,
    clock,
    onUnavailable: () => {},
  });
  const decideViews = createDecider(
    {
      asset: async () => asset,
      choose: ({ uniform }) => ({ ...choose(uniform), configVersion: 1, allocationVersion: 1 }),
      resolve: () => [],
      standing,
      log: async () => ({ kind: 'stored' }),
      clock,
    },
    deriveViewKeys('a secret of the bench'),
  );
  const batches = 10;
  const startedAt = performance.now();
  for (let batch = 0; batch < batches; batch += 1) {
    await decideViews(
      Array.from({ length: BATCH }, (_, n) => ({
        sessionId: `s-${round}-${batch}-${n}`,
        assetId: asset.id,
        context,
        covariates: {},
      })),
    );
  }
  return ((batches * BATCH) / (performance.now() - startedAt)) * 1000;
}
