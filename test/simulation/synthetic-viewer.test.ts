import { describe, expect, it } from 'vitest';
import { seededRng } from '../../src/policy/seeded-rng.ts';
import { drawViewer, type ViewerPopulation } from '../../src/simulation/synthetic-viewer.ts';
import { meanBandwidthKbps } from '../../src/simulation/throughput-trace.ts';

const population: ViewerPopulation = {
  context: { region: 'IN', device: 'phone', connection: 'cellular' },
  traceKind: 'cellular-3g',
  watchMedianMs: 60_000,
};

describe('synthetic viewers', () => {
  it('are the same people for the same seed', () => {
    expect(drawViewer(population, seededRng(5, 'test'))).toEqual(drawViewer(population, seededRng(5, 'test')));
  });

  it('watch around the median, wait a while and always come with a measured line', () => {
    const rng = seededRng(6, 'test');
    const viewers = Array.from({ length: 300 }, () => drawViewer(population, rng));
    const wanted = viewers.map((viewer) => viewer.sitting.wantedMs).toSorted((a, b) => a - b);
    expect(wanted[150]).toBeGreaterThan(50_000);
    expect(wanted[150]).toBeLessThan(72_000);
    expect(viewers.every((viewer) => viewer.throughputBeforeKbps > 0 && viewer.sitting.startPatienceMs > 0)).toBe(true);
  });

  it('have a covariate that goes with what their line will do', () => {
    const rng = seededRng(7, 'test');
    const pairs = Array.from({ length: 300 }, () => {
      const { sitting, throughputBeforeKbps } = drawViewer(population, rng);
      const during = meanBandwidthKbps(sitting.trace, sitting.joinAtMs, sitting.joinAtMs + 120_000);
      return { before: Math.log(throughputBeforeKbps), during: Math.log(during) };
    });
    const mean = (pick: (pair: (typeof pairs)[number]) => number) => pairs.reduce((sum, p) => sum + pick(p), 0) / 300;
    const [before, during] = [mean((p) => p.before), mean((p) => p.during)];
    const covariance = mean((p) => (p.before - before) * (p.during - during));
    const spread = Math.sqrt(mean((p) => (p.before - before) ** 2) * mean((p) => (p.during - during) ** 2));
    expect(covariance / spread).toBeGreaterThan(0.35);
  });
});
