import type { PolicyConfig, ViewStatistics } from '../../src/domain/index.ts';
import { type Suggestions, suggestArms } from '../../src/policy/proposer/suggest-arms.ts';
import { rungAt, screenOf } from '../../src/simulation/rate-quality.ts';
import type { BenchResult } from '../report.ts';
import type { ModelData } from './model-data.ts';
import { ourPolicy } from './our-policy.ts';
import { BATCH, replay } from './replay.ts';
import { joinTables, type RewardTable, rewardTable } from './reward-table.ts';

/** Ladders are proposed when this many batches have been seen, by what one run has seen until then. */
const PROPOSED_AFTER = 30;
const LIMIT = 3;
const CURVE_KBPS = [100, 200, 350, 600, 1000, 1600, 2500, 4000, 6500];

/** Mean quality of the split's titles at nominal bitrates: what a service knows of its own renditions. */
function catalogueCurve(titles: ModelData['test']['titles'], device: 'phone' | 'desktop') {
  const screen = screenOf(device);
  return CURVE_KBPS.map((kbps) => {
    const points = titles.map((title) => {
      const chunks = rungAt(title, kbps * title.complexityScale).quality[screen];
      return chunks.reduce((sum, value) => sum + value, 0) / chunks.length;
    });
    return { kbps, points: points.reduce((sum, value) => sum + value, 0) / points.length };
  });
}

function suggestionsOf(table: RewardTable, config: PolicyConfig, titles: ModelData['test']['titles']): Suggestions {
  let suggestions: Suggestions = { arms: [], retire: [] };
  const curves = { phone: catalogueCurve(titles, 'phone'), desktop: catalogueCurve(titles, 'desktop') };
  const policy = ourPolicy(table, config, 1, {
    watch: (allocation, statistics: readonly ViewStatistics[], batch) => {
      if (batch !== PROPOSED_AFTER) return;
      suggestions = suggestArms({
        config,
        statistics,
        allocation,
        rateQuality: (device) => (device === 'phone' ? curves.phone : curves.desktop),
        limit: LIMIT,
      });
    },
  });
  replay(table, policy, 1, 'stationary', PROPOSED_AFTER * BATCH);
  return suggestions;
}

/** What the proposer's ladders add: the same views with and without them from batch 31 on. */
export async function proposerRows(
  data: ModelData,
  table: RewardTable,
  config: PolicyConfig,
  without: readonly { reward: number }[],
): Promise<BenchResult[]> {
  const { arms: suggested, retire } = suggestionsOf(table, config, data.test.titles);
  const ladders = suggested.map(
    ({ arm, worth }) => `${arm.rungs.map(({ bitrateKbps }) => bitrateKbps).join('/')} (expected ${worth.toFixed(2)})`,
  );
  const what = `${suggested.length} ladders proposed after ${(PROPOSED_AFTER * BATCH).toLocaleString('en')} views${suggested.length > 0 ? `: ${ladders.join('; ')}` : ''}; ${retire.length} retired`;
  if (suggested.length === 0) return [{ metric: what, unit: 'points', value: 0, spread: 0 }];
  const added = suggested.map(({ arm }) => arm);
  const joined = joinTables(table, await rewardTable(data.test, added, config.reward, data.hash));
  const kept = config.arms.map((arm) => (retire.includes(arm.id) ? { ...arm, state: 'retired' as const } : arm));
  const later = { fromBatch: PROPOSED_AFTER, config: { ...config, configVersion: 2, arms: [...kept, ...added] } };
  const gains = without.map(({ reward }, index) => {
    const seed = index + 1;
    return replay(joined, ourPolicy(joined, config, seed, { later }), seed, 'stationary').reward - reward;
  });
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  const spread = Math.sqrt(gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / Math.max(1, gains.length - 1));
  return [
    {
      metric: `proposer on, reward per view over all views less without it: ${what}`,
      unit: 'points',
      value: mean,
      spread,
    },
  ];
}
