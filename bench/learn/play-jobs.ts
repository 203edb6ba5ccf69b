import { benchConfig } from './bench-config.ts';
import { modelData } from './model-data.ts';
import { ourPolicy } from './our-policy.ts';
import type { Assignment } from './play-apart.ts';
import { replay } from './replay.ts';
import { rewardTable } from './reward-table.ts';

// A process of its own: plays what it is told, answers once, ends.

process.once('message', async (message) => {
  const { jobs, traces, titles } = message as Assignment;
  const data = await modelData({ traces, titles });
  const config = benchConfig();
  const table = await rewardTable(data.test, config.arms, config.reward, data.hash);
  const results = jobs.map(({ scenario, seed }) => replay(table, ourPolicy(table, config, seed), seed, scenario));
  process.send?.(results, () => process.disconnect());
});
