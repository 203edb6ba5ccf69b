import { describe, expect, it } from 'vitest';
import { type ClusterSums, clusteredEffect, studentQuantile } from '../../src/policy/clustered-effect.ts';
import { uniforms } from './policy-fixtures.ts';

const unit = (of: Partial<ClusterSums> & Pick<ClusterSums, 'unit' | 'treated'>): ClusterSums => ({
  owner: of.unit,
  views: 10,
  weight: 10,
  numerator: 0,
  denominator: 10,
  ...of,
});

describe('the difference between two sides', () => {
  it('is that of their ratios of sums, with what they are made of', () => {
    const rows = [
      unit({ unit: 'a', treated: true, numerator: 800 }),
      unit({ unit: 'b', treated: true, views: 30, weight: 30, denominator: 30, numerator: 1800 }),
      unit({ unit: 'c', treated: false, numerator: 600 }),
    ];
    expect(clusteredEffect(rows)).toEqual({
      value: 5,
      ci95: null,
      clusteredBy: null,
      n: 50,
      treated: { value: 65, numerator: 2600, denominator: 40, n: 40, assets: 2, owners: 2 },
      held: { value: 60, numerator: 600, denominator: 10, n: 10, assets: 1, owners: 1 },
    });
  });

  it('weighs views by 1 ÷ the probability of their side', () => {
    const rows = [
      unit({ unit: 'a', treated: true, views: 10, weight: 100, numerator: 100 * 50, denominator: 100 }),
      unit({ unit: 'b', treated: true, views: 10, weight: 20, numerator: 20 * 80, denominator: 20 }),
      unit({ unit: 'c', treated: false, numerator: 600 }),
    ];
    expect(clusteredEffect(rows).treated.value).toBeCloseTo((100 * 50 + 20 * 80) / 120, 9);
    expect(clusteredEffect(rows).treated.denominator).toBeCloseTo(20, 9);
  });

  it('is nothing where a side has no views', () => {
    expect(clusteredEffect([unit({ unit: 'a', treated: true })])).toMatchObject({ value: null, ci95: null });
    expect(clusteredEffect([])).toMatchObject({ value: null, n: 0 });
  });

  it('has an interval of independent assets that is the textbook’s', () => {
    const values = { treated: [70, 72, 68, 74, 66, 70], held: [60, 64, 56, 60, 62, 58] };
    const rows = (['treated', 'held'] as const).flatMap((side) =>
      values[side].map((value, index) =>
        unit({ unit: `${side}-${index}`, treated: side === 'treated', numerator: value * 10 }),
      ),
    );
    const variance = (all: number[]): number => {
      const mean = all.reduce((sum, each) => sum + each, 0) / all.length;
      return all.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (all.length - 1) / all.length;
    };
    const half = 2.570582 * Math.sqrt(variance(values.treated) + variance(values.held));
    const { value, ci95 } = clusteredEffect(rows);
    expect(value).toBeCloseTo(10, 9);
    expect((ci95?.[1] ?? 0) - 10).toBeCloseTo(half, 1);
  });

  it('is told by owners where assets of an owner are alike', () => {
    const rows = Array.from({ length: 60 }, (_, index) => {
      const owner = index % 12;
      const treated = owner % 2 === 0;
      return unit({ unit: `u${index}`, owner: `o${owner}`, treated, numerator: 10 * (60 + owner) });
    });
    expect(clusteredEffect(rows).clusteredBy).toBe('owner');
  });
});

describe('intervals of no effect', () => {
  it('hold zero about as often as they say, with few held-out assets and owners who are alike', () => {
    const uniform = uniforms(7);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    const runs = 400;
    let [covered, byViews] = [0, 0];
    for (let run = 0; run < runs; run += 1) {
      const rows = Array.from({ length: 30 }, (_, owner) => {
        const ofOwner = 4 * normal();
        return Array.from({ length: 6 }, (__, index) => {
          const views = 5 + Math.floor(40 * uniform());
          const mean = 70 + ofOwner + 3 * normal() + (10 / Math.sqrt(views)) * normal();
          const treated = uniform() > 0.1;
          const sums = { views, weight: views, numerator: mean * views, denominator: views };
          return unit({ unit: `${owner}-${index}`, owner: `${owner}`, treated, ...sums });
        });
      }).flat();
      const { value, ci95, treated, held } = clusteredEffect(rows);
      if (ci95 !== null && ci95[0] <= 0 && ci95[1] >= 0) covered += 1;
      if (Math.abs(value ?? 0) <= 1.96 * 10 * Math.sqrt(1 / treated.n + 1 / held.n)) byViews += 1;
    }
    expect(covered / runs).toBeGreaterThan(0.93);
    expect(byViews / runs).toBeLessThan(0.6);
  });
});

it('Student’s quantile is the tables’', () => {
  expect(studentQuantile(4)).toBeCloseTo(2.776, 1);
  expect(studentQuantile(10)).toBeCloseTo(2.228, 2);
  expect(studentQuantile(100)).toBeCloseTo(1.984, 3);
});
