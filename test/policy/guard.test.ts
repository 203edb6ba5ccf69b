import { describe, expect, it } from 'vitest';
import type { Context, ViewStatistics } from '../../src/domain/index.ts';
import { judgeArms } from '../../src/policy/guard.ts';
import { fitPosterior } from '../../src/policy/posterior.ts';
import { DESKTOP, PHONE, statisticsOf, testArms, testConfig } from './policy-fixtures.ts';

const config = testConfig({ arms: testArms(2) });
const { guardrails } = config;

type Experience = { context?: Context; views: number; stalledShare?: number; failures?: number; quality?: number };

/** Views of which every fifth stalls, so that ratios vary as they do. */
function rows(arm: string, experience: Experience): ViewStatistics {
  const { context = PHONE, views, stalledShare = 0, failures = 0, quality = 60 } = experience;
  const each = Array.from({ length: views }, (_, index) => ({
    quality: quality + (index % 2 === 0 ? 10 : -10),
    stall: index % 5 === 0 ? Math.min(0.5, 5 * stalledShare) : 0,
  }));
  const watchedMs = views * 60_000;
  return statisticsOf(
    {
      context,
      arm,
      stalledMs: watchedMs * stalledShare,
      playedMs: watchedMs * (1 - stalledShare),
      decided: views + failures,
      failedToStart: failures,
    },
    each,
  );
}

function verdicts(statistics: ViewStatistics[], level: 'cell' | 'region' = 'cell') {
  const posterior = fitPosterior(statistics, config).contexts.find((context) => context.level === level);
  if (!posterior) throw new Error('no posterior');
  return judgeArms(posterior, guardrails);
}

describe('the guardrails', () => {
  it('leave arms alone that are no worse', () => {
    expect(verdicts([rows('baseline', { views: 400 }), rows('arm-1', { views: 400 })])).toEqual(['ok', 'ok']);
  });

  it('take out an arm that is probably worse than the baseline by more than is tolerable', () => {
    expect(verdicts([rows('baseline', { views: 400 }), rows('arm-1', { views: 400, quality: 50 })])).toEqual([
      'ok',
      'harm',
    ]);
    expect(verdicts([rows('baseline', { views: 400 }), rows('arm-1', { views: 400, quality: 59.5 })])).toEqual([
      'ok',
      'ok',
    ]);
  });

  it('do not take out an arm for its reward before it was tried in the context', () => {
    expect(verdicts([rows('baseline', { views: 400 }), rows('arm-1', { views: 9, quality: 20 })])).toEqual([
      'ok',
      'ok',
    ]);
    expect(verdicts([rows('baseline', { views: 400 }), rows('arm-1', { views: 12, quality: 20 })])).toEqual([
      'ok',
      'harm',
    ]);
  });

  it('take out an arm that surely stalls more, however good its reward is', () => {
    const stalling = [rows('baseline', { views: 600 }), rows('arm-1', { views: 600, stalledShare: 0.05, quality: 90 })];
    expect(verdicts(stalling)).toEqual(['ok', 'stall']);
  });

  it('do not judge stalling on a few views', () => {
    const few = guardrails.minViews - 1;
    expect(verdicts([rows('baseline', { views: 600 }), rows('arm-1', { views: few, stalledShare: 0.3 })])).toEqual([
      'ok',
      'ok',
    ]);
  });

  it('do not take out an arm for an excess that chance could have made', () => {
    const unsure = [
      rows('baseline', { views: 60, stalledShare: 0.02 }),
      rows('arm-1', { views: 60, stalledShare: 0.05 }),
    ];
    expect(verdicts(unsure)).toEqual(['ok', 'ok']);
  });

  it('take out an arm whose views surely fail to start', () => {
    const failing = [rows('baseline', { views: 600 }), rows('arm-1', { views: 500, failures: 60 })];
    expect(verdicts(failing)).toEqual(['ok', 'start-failure']);
    const unlucky = [rows('baseline', { views: 600 }), rows('arm-1', { views: 97, failures: 3 })];
    expect(verdicts(unlucky)).toEqual(['ok', 'ok']);
  });

  it('do not blame an arm for serving the cell that stalls anyway', () => {
    const statistics = [
      rows('baseline', { views: 900, stalledShare: 0 }),
      rows('arm-1', { views: 100, stalledShare: 0 }),
      rows('baseline', { context: DESKTOP, views: 100, stalledShare: 0.1 }),
      rows('arm-1', { context: DESKTOP, views: 900, stalledShare: 0.1 }),
    ];
    expect(verdicts(statistics, 'region')).toEqual(['ok', 'ok']);
  });
});
