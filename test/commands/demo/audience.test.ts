import { describe, expect, it } from 'vitest';
import { POPULATIONS, planRound } from '../../../src/commands/demo/audience.ts';

const ids = { slow: 'a_slow', fast: 'a_fast' };

describe("the demo's audience", () => {
  it('is the same people for the same round, each with a session of their own', () => {
    const round = planRound(2, 10, ids);
    expect(planRound(2, 10, ids)).toEqual(round);
    expect(round).toHaveLength(10 * POPULATIONS.length);
    const sessions = [...round, ...planRound(3, 10, ids)].map((view) => view.sessionId);
    expect(new Set(sessions).size).toBe(sessions.length);
  });

  it('mostly watches the clip of its own region', () => {
    const round = planRound(1, 100, ids);
    for (const [region, home] of [
      ['IN', 'a_slow'],
      ['SE', 'a_fast'],
    ]) {
      const views = round.filter((view) => view.viewer.context.region === region);
      const share = views.filter((view) => view.assetId === home).length / views.length;
      expect(share).toBeGreaterThan(0.88);
      expect(share).toBeLessThan(1);
    }
  });

  it('has two regions, phones and desktops, and slow and fast lines', () => {
    const contexts = POPULATIONS.map(({ context }) => `${context.region} ${context.device}`);
    expect(new Set(contexts).size).toBe(4);
    expect(new Set(POPULATIONS.map(({ traceKind }) => traceKind))).toEqual(new Set(['cellular-3g', 'fibre']));
  });
});
