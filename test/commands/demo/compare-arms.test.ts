import { describe, expect, it } from 'vitest';
import { compareArms, countViews } from '../../../src/commands/demo/compare-arms.ts';
import type { QoeGroupReply } from '../../../src/commands/demo/replies.ts';

function group(arm: string, started: number, stalledMs: number, region = 'IN'): QoeGroupReply {
  const metric = (numerator: number, denominator: number) => ({ numerator, denominator, n: started });
  return {
    region,
    device: 'phone',
    arm,
    views: started + 1,
    started,
    failedToStart: 0,
    leftBeforeStart: 1,
    unobserved: 0,
    metrics: {
      stallRatio: metric(stalledMs, started * 1000),
      seenQuality: metric(started * 50, started),
      bitrateKbps: metric(started * 800, started),
      reward: metric(started * 40, started),
    },
  };
}

const LOW = { baseline: 'baseline', learnedChoice: 'low' };

describe('baseline against learned', () => {
  const groups = {
    all: [group('baseline', 10, 500), group('low', 100, 9000), group('baseline', 7, 7000, 'SE')],
    recent: [group('baseline', 2, 0), group('low', 30, 300), group('sparse', 10, 500)],
  };

  it('pools the recent views of all other arms by their sums, and all baseline views of the context', () => {
    const figures = compareArms(groups, { region: 'IN', device: 'phone' }, LOW);
    expect(figures.views).toEqual({ baseline: 10, learned: 40 });
    expect(figures.stallRatio).toEqual({ baseline: 0.05, learned: 0.02 });
    expect(figures.seenQuality).toEqual({ baseline: 50, learned: 50 });
  });

  it('takes all exploring views where the learned choice is the baseline', () => {
    const arms = { baseline: 'baseline', learnedChoice: 'baseline' };
    const figures = compareArms(groups, { region: 'IN', device: 'phone' }, arms);
    expect(figures.views).toEqual({ baseline: 10, learned: 100 });
    expect(figures.stallRatio.learned).toBe(0.09);
  });

  it('is null where there is nothing to compare', () => {
    const figures = compareArms(groups, { region: 'SE', device: 'phone' }, LOW);
    expect(figures.views).toEqual({ baseline: 7, learned: 0 });
    expect(figures.reward).toEqual({ baseline: 40, learned: null });
  });

  it('counts views whatever became of them', () => {
    expect(countViews(groups.all)).toBe(120);
  });
});
