import { describe, expect, it } from 'vitest';
import { printReport } from '../../../src/commands/demo/print-report.ts';
import {
  type AssetReport,
  type ContextReport,
  type DemoReport,
  findProblems,
} from '../../../src/commands/demo/report.ts';

const offer = { fallbackLevel: 'cell', arms: [{ arm: 'baseline', share: 0.9 }], why: 'a reason' } as const;
const context: ContextReport = {
  region: 'IN',
  device: 'phone',
  before: { ...offer, arms: [...offer.arms] },
  after: { ...offer, arms: ['a', 'b', 'c', 'd', 'e'].map((arm) => ({ arm, share: 0.2 })) },
  learnedChoice: 'a',
  learnsBaseline: false,
  views: { baseline: 12, learned: 3 },
  stallRatio: { baseline: 0.0123, learned: null },
  seenQuality: { baseline: 71.25, learned: 73 },
  bitrateKbps: { baseline: 840.4, learned: 790 },
  reward: { baseline: 60, learned: 61.5 },
};

function asset(region: string, upload: 1 | 2, bitrates: number[]): AssetReport {
  const rungs = bitrates.map((bitrateKbps) => ({ height: 360, bitrateKbps, fps: 30 }));
  const times = { playableMs: 900, completeMs: 9000 };
  return {
    id: `a_${region}${upload}`,
    region,
    owner: 'o',
    upload,
    ...times,
    rungs,
    renditions: [],
    reason: 'why',
    holdout: false,
  };
}

const good: DemoReport = {
  ok: true,
  problems: [],
  durationMs: 100_000,
  assets: [
    asset('IN', 1, [150, 300]),
    asset('SE', 1, [150, 300]),
    asset('IN', 2, [100, 300]),
    asset('SE', 2, [150, 300]),
  ],
  telemetry: { views: 15, viewsStored: 15, sent: 90, accepted: 90, stored: 90 },
  policy: { before: { configVersion: 1, allocationVersion: 1 }, after: { configVersion: 1, allocationVersion: 7 } },
  ladders: [{ arm: 'baseline', floorKbps: 150, topKbps: 4300, rungCount: 7 }],
  contexts: [context],
};

describe('the findings of a demo', () => {
  it('are fine when all agree; the fast region may keep its rungs', () => {
    expect(findProblems(good, 'IN')).toEqual([]);
  });

  it.each([
    [
      { telemetry: { ...good.telemetry, accepted: 89 } },
      ['90 events were sent but 89 accepted', '89 events were accepted but 90 are stored'],
    ],
    [{ telemetry: { ...good.telemetry, viewsStored: 14 } }, ['15 views were played but 14 are counted']],
    [{ policy: { ...good.policy, after: good.policy.before } }, ['nothing was learned: no new allocation']],
    [{ assets: good.assets.slice(0, 2) }, ['the second upload from IN has the same rungs as the first']],
    [
      { assets: [{ ...asset('IN', 1, [1]), completeMs: null, holdout: true }, asset('IN', 2, [2])] },
      [
        'asset a_IN1 does not say when it was playable and complete',
        'asset a_IN1 is held out although the holdout is off',
      ],
    ],
    [
      { contexts: [{ ...context, views: { baseline: 5, learned: 0 } }] },
      ['IN phone has 5 baseline and 0 learned views'],
    ],
  ])('name what is wrong (%#)', (change, problems) => {
    expect(findProblems({ ...good, ...change }, 'IN')).toEqual(problems);
  });
});

describe('the printed report', () => {
  it('shows offers, figures with their numbers of views, and what is unknown as a dash', () => {
    const text = printReport(good).join('\n');
    expect(text).toContain('at first: baseline 90 %');
    expect(text).toContain('now:      a 20 %, b 20 %, c 20 %, d 20 %, others 20 %');
    expect(text).toMatch(/IN phone\s+12 -> 3\s+1\.23 % -> -\s+71\.3 -> 73\.0\s+840 -> 790\s+60\.0 -> 61\.5/);
    expect(text).toContain('playable after 0.9 s, complete after 9.0 s');
    expect(text).toContain('360p 150, 360p 300 kbit/s');
    expect(text).toContain('ladders:    baseline 150 to 4300 kbit/s in 7');
    expect(text).toContain('Everything did what it says.');
  });

  it('says what changed from the first upload of a region to the second', () => {
    const text = printReport(good).join('\n');
    expect(text).toContain('without 360p 150 kbit/s; with 360p 100 kbit/s (2 rungs before, 2 now)');
    expect(text).toContain('the same rungs as before');
  });

  it('puts the figures into words, and does not take exploring for learning', () => {
    expect(printReport(good).join('\n')).toContain(
      'IN phone: a is the learned choice: traffic -6 %, seen quality +1.8 points, stall ratio - %-points.',
    );
    const level = { ...context, seenQuality: { baseline: 95, learned: 94.99 } };
    expect(printReport({ ...good, contexts: [level] }).join('\n')).toContain('seen quality 0.0 points');
    const stayed = { ...context, learnedChoice: 'baseline', learnsBaseline: true };
    expect(printReport({ ...good, contexts: [stayed] }).join('\n')).toContain(
      'IN phone: the baseline is the learned choice; on the right are all views that explored other ladders.',
    );
  });

  it('wraps long reasons below their first word', () => {
    const why = Array.from({ length: 40 }, (_, index) => `word${index}`).join(' ');
    const lines = printReport({ ...good, contexts: [{ ...context, after: { ...context.after, why } }] });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(118);
    const first = lines.findIndex((line) => line.includes('word0 '));
    expect(lines[first + 1]?.search(/\S/)).toBe(lines[first]?.indexOf('word0'));
    expect(
      lines
        .slice(first, first + 4)
        .join(' ')
        .match(/word\d+/g),
    ).toHaveLength(40);
  });

  it('lists what went wrong', () => {
    const text = printReport({ ...good, ok: false, problems: ['one thing', 'another'] }).join('\n');
    expect(text).toContain('NOT everything did what it says:\n  - one thing\n  - another');
  });
});
