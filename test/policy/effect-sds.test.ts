import { describe, expect, it } from 'vitest';
import type { Context, ViewStatistics } from '../../src/domain/index.ts';
import { effectSds, isMeasureDue } from '../../src/policy/effect-sds.ts';
import { modelCells, shareEffects } from '../../src/policy/model-cells.ts';
import { fitPosterior } from '../../src/policy/posterior.ts';
import { normalDraws } from '../../src/policy/seeded-rng.ts';
import { gaussianStatistics, testArms, testConfig, uniforms } from './policy-fixtures.ts';

const config = testConfig({ arms: testArms(6) });

/** Sixteen cells whose arms differ by these standard deviations, seen with little noise. */
function world(sd: { arm: number; cell: number }): ViewStatistics[] {
  const normal = normalDraws(uniforms(5));
  const everywhere = config.arms.map(() => sd.arm * normal());
  return ['NO', 'SE', 'DK', 'FI', 'IN', 'BR', 'US', 'JP'].flatMap((region) =>
    (['phone', 'desktop'] as const).flatMap((device) => {
      const context: Context = { region, device, connection: 'unknown' };
      return config.arms.map(({ id }, arm) =>
        gaussianStatistics({ context, arm: id, n: 400, mean: 60 + (everywhere[arm] ?? 0) + sd.cell * normal(), sd: 5 }),
      );
    }),
  );
}

describe('measuring how much effects vary', () => {
  it('tells effects that are the same everywhere from those of single cells', () => {
    const shared = fitPosterior(world({ arm: 4, cell: 0.2 }), config).effects?.sds;
    const own = fitPosterior(world({ arm: 0.2, cell: 4 }), config).effects?.sds;
    expect(shared?.arm).toBeGreaterThan(2);
    expect(shared?.cell).toBeLessThan(1);
    expect(own?.cell).toBeGreaterThan(3);
    expect(own?.arm).toBeLessThan(2);
  });

  it('finds likelier values than the configured ones, and leaves off what is off', () => {
    const statistics = world({ arm: 4, cell: 0.2 });
    const { arms, effects } = fitPosterior(statistics, config);
    const cells = modelCells(statistics, arms, config, []);
    const configured = effectSds(config.model);
    const measured = effects?.sds ?? configured;
    const devianceOf = (sds: typeof measured) => shareEffects(cells, arms.length, sds).shared.deviance;
    expect(devianceOf(measured)).toBeLessThan(devianceOf(configured));
    expect(measured.response).toBe(configured.response);
  });

  it('waits for enough views, and then for half as many more', () => {
    const sds = effectSds(config.model);
    expect(isMeasureDue(null, 1999)).toBe(false);
    expect(isMeasureDue(null, 2000)).toBe(true);
    expect(isMeasureDue({ views: 10_000, sds }, 14_999)).toBe(false);
    expect(isMeasureDue({ views: 10_000, sds }, 15_000)).toBe(true);
  });

  it('keeps what was measured until then', () => {
    const kept = { views: 1e9, sds: { ...effectSds(config.model), arm: 1.23 } };
    expect(fitPosterior(world({ arm: 4, cell: 0.2 }), config, kept).effects).toBe(kept);
  });
});
