import { expect, it } from 'vitest';
import { effectsReport, type TrialUnit } from '../../src/policy/effects-report.ts';

const AT = new Date(0);
const unit = (index: number, treated: boolean, points: number): TrialUnit => ({
  unit: `${treated}-${index}`,
  owner: `o${index}`,
  treated,
  views: 10,
  weight: 10,
  sums: { reward: [points * 10, 10], stallRatio: [index, 600], seenQuality: [8e3, 100], bitrateKbps: [1e5, 100] },
});
const trial = (gain: number): TrialUnit[] =>
  Array.from({ length: 8 }, (_, index) => [
    unit(index, true, 70 + gain + index),
    unit(index, false, 70 + index),
  ]).flat();
const report = (encodeTrial: TrialUnit[], playTrial: TrialUnit[]) =>
  effectsReport({ from: AT, to: AT, encodeTrial, playTrial, groups: [], came: [] });

it('tells the effect of encoding and that of offering apart, each with what it is made of', () => {
  const { encoding, playTime, summary } = report(trial(20), trial(0.1));
  expect(encoding.effects.reward).toMatchObject({ n: 160, treated: { n: 80, assets: 8 }, held: { n: 80, assets: 8 } });
  expect(encoding.effects.reward.value).toBeCloseTo(20, 9);
  expect(playTime.effects.reward.value).toBeCloseTo(0.1, 9);
  expect(encoding.effects.bitrateKbps.value).toBe(0);
  expect(summary[0]).toMatch(
    /^Encoding by what was learned: \+20\.00 points a view, 95 % from .* better; 80 views of 8 assets/,
  );
  expect(summary[1]).toMatch(/^Offering by what was learned: \+0\.10 points a view, .* not decided/);
});

it('says so where there is nothing, or too little, to tell', () => {
  const { summary } = report([], trial(1).slice(0, 4));
  expect(summary[0]).toBe(
    'Encoding by what was learned: nothing to compare yet, 0 views against 0 of held-out assets.',
  );
  expect(summary[1]).toMatch(/\+1\.00 points, over too few assets to say how sure that is/);
  expect(summary[2]).toBe('Predicted audiences: no asset has enough views yet.');
});
