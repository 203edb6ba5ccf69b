import type { QoeGroupReply } from './replies.ts';
import type { ContextReport } from './report.ts';

type Metric = keyof QoeGroupReply['metrics'];
type Figures = Pick<ContextReport, 'views' | 'stallRatio' | 'seenQuality' | 'bitrateKbps' | 'reward'>;

/**
 * Baseline against learned in one context. Baseline: all its views of the run. Learned: views of `recent`, the last rounds,
 * that were given any other arm; who gets what is drawn by lot, so both are samples of the same people. Rounds after the
 * choice, not the ones it was made from: otherwise the luckiest arm would always look good. Where the learned choice is the
 * baseline itself, all views that explored other arms stand beside it.
 */
export function compareArms(
  groups: { all: readonly QoeGroupReply[]; recent: readonly QoeGroupReply[] },
  context: { region: string; device: string },
  arms: { baseline: string; learnedChoice: string },
): Figures {
  const here = (group: QoeGroupReply): boolean => group.region === context.region && group.device === context.device;
  const baseline = groups.all.filter((group) => here(group) && group.arm === arms.baseline);
  const others = arms.learnedChoice === arms.baseline ? groups.all : groups.recent;
  const learned = others.filter((group) => here(group) && group.arm !== arms.baseline);
  const compared = (metric: Metric) => ({ baseline: pool(baseline, metric), learned: pool(learned, metric) });
  return {
    views: { baseline: countStarted(baseline), learned: countStarted(learned) },
    stallRatio: compared('stallRatio'),
    seenQuality: compared('seenQuality'),
    bitrateKbps: compared('bitrateKbps'),
    reward: compared('reward'),
  };
}

/** Views of all groups, whatever became of them. */
export function countViews(groups: readonly QoeGroupReply[]): number {
  return groups.reduce((sum, { views }) => sum + views, 0);
}

function countStarted(groups: readonly QoeGroupReply[]): number {
  return groups.reduce((sum, { started }) => sum + started, 0);
}

/** A ratio of sums over groups is Σ numerators ÷ Σ denominators; null when there is nothing to divide by. */
function pool(groups: readonly QoeGroupReply[], metric: Metric): number | null {
  const numerator = groups.reduce((sum, { metrics }) => sum + metrics[metric].numerator, 0);
  const denominator = groups.reduce((sum, { metrics }) => sum + metrics[metric].denominator, 0);
  return denominator > 0 ? numerator / denominator : null;
}
