import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../src/policy/ladder-families.ts';
import { rewardOf } from '../../src/policy/reward.ts';
import { generateTitles, generateTraceFamilies } from '../../src/simulation/model-world.ts';
import { createTitle, titleLadder } from '../../src/simulation/rate-quality.ts';
import { familyRegion, simulateSessions } from '../../src/simulation/simulate-sessions.ts';
import { componentsOf, type ModelSession, simulateView } from '../../src/simulation/simulate-view.ts';
import { constantTrace, createTrace, type ThroughputTrace } from '../../src/simulation/throughput-trace.ts';
import { uniforms } from '../policy/policy-fixtures.ts';

const { reward } = defaultConfig({ createdAt: '2026-03-01T12:00:00.000Z' });
const CHUNKS = 20;
const flat = (averageKbps: number, quality: number) => ({
  averageKbps,
  chunkBytes: Array.from({ length: CHUNKS }, () => (averageKbps * 4000) / 8),
  quality: {
    phone: Array.from({ length: CHUNKS }, () => quality),
    desktop: Array.from({ length: CHUNKS }, () => quality - 20),
    tv: Array.from({ length: CHUNKS }, () => quality - 40),
  },
});
/** 4,000 kbit/s at the top: nominal bitrates are real ones. */
const title = createTitle('flat', 4000, [flat(1000, 80), flat(4000, 100)]);

function play(trace: ThroughputTrace, nominalKbps: number[], changes: Partial<ModelSession> = {}) {
  const session: ModelSession = {
    trace,
    joinAtMs: 0,
    wantedMs: 40_000,
    player: 'hls.js',
    throughputBeforeKbps: 2000,
    ...changes,
  };
  const ladder = titleLadder(title, nominalKbps);
  const playback = simulateView(session, ladder);
  const see = (device: 'phone' | 'desktop') =>
    componentsOf(playback, ladder, {
      device,
      throughputBeforeKbps: session.throughputBeforeKbps,
      prospect: 50,
      clips: reward,
    });
  return { playback, see };
}

describe('the components of a simulated view', () => {
  it('on a constant line of twice the only rung are what one works out by hand', () => {
    // 4 s of 1 Mbit/s in 2 s: starts after 2 s, never stalls; 30 s of buffer: 40 s and the rest of the buffer are fetched.
    const { playback, see } = play(constantTrace(2000, 0), [1000]);
    const fetchedMs = (playback.final.bytes * 8) / 1000;
    expect(see('phone')).toEqual({
      one: 1,
      throughput: Math.log(2),
      quality: 80,
      stall: 0,
      startup: 2,
      switches: 0,
      mbps: fetchedMs / 40_000,
      failure: 0,
      prospect: 50,
    });
    expect(see('desktop')?.quality).toBe(60);
    expect(fetchedMs).toBeGreaterThan(64_000);
    expect(fetchedMs).toBeLessThanOrEqual(74_000);
  });

  it('count a stall as the share of time it took', () => {
    // First chunk in 2 s, each later one in 8 s: 4 s shown, 4 s missing, for nine of ten chunks.
    const trace = createTrace([
      { durationMs: 2000, bandwidthKbps: 2000, latencyMs: 0 },
      { durationMs: 1_000_000, bandwidthKbps: 500, latencyMs: 0 },
    ]);
    const { playback, see } = play(trace, [1000]);
    expect(playback.final).toMatchObject({ playedMs: 40_000, stalledMs: 36_000, startupMs: 2000 });
    const components = see('phone');
    expect(components?.stall).toBeCloseTo(36 / 76, 9);
    expect(rewardOf(components as NonNullable<typeof components>, reward)).toBeCloseTo(
      80 - (200 * 36) / 76 - 2 - 2 * ((playback.final.bytes * 8) / 1000 / 40_000),
      9,
    );
  });

  it('follow a step up of the line to the better rung, capped where nobody sees a difference', () => {
    const trace = createTrace([
      { durationMs: 10_000, bandwidthKbps: 1500, latencyMs: 0 },
      { durationMs: 1_000_000, bandwidthKbps: 12_000, latencyMs: 0 },
    ]);
    const { playback, see } = play(trace, [1000, 4000], { wantedMs: 200_000 });
    const [low = 0, high = 0] = playback.final.rungMs;
    expect(low).toBeGreaterThan(0);
    expect(low + high).toBe(200_000);
    expect(playback.final).toMatchObject({ switchesUp: 1, switchesDown: 0 });
    // 100 on a phone counts as 95.
    expect(see('phone')?.quality).toBeCloseTo((80 * low + 95 * high) / 200_000, 9);
    expect(see('desktop')?.quality).toBeCloseTo((60 * low + 80 * high) / 200_000, 9);
    expect(see('phone')?.switches).toBeCloseTo(0.3, 9);
  });

  it('of a view that never started are nothing', () => {
    const ladder = titleLadder(title, [1000]);
    const { playback } = play(constantTrace(2000, 0), [1000]);
    const unseen = { ...playback, final: { ...playback.final, startupMs: null, playedMs: 0 } };
    expect(
      componentsOf(unseen, ladder, { device: 'tv', throughputBeforeKbps: 1, prospect: 50, clips: reward }),
    ).toBeNull();
  });
});

describe('the players', () => {
  const nominal = [1000, 1500, 2250, 3400];
  const highest = (player: ModelSession['player'], kbps: number) => {
    const { rungMs } = play(constantTrace(kbps, 0), nominal, { player, wantedMs: 200_000 }).playback.final;
    return rungMs.indexOf(Math.max(...rungMs));
  };

  it('use what their factors allow of a constant line', () => {
    // hls.js goes up to what 0.7 of the line carries; shaka's ranges overlap and the higher wins, so it needs 1,500 ÷ 0.95.
    expect(highest('hls.js', 2000)).toBe(0);
    expect(highest('shaka', 1600)).toBe(1);
    expect(highest('hls.js', 2200)).toBe(1);
    expect(highest('shaka', 1560)).toBe(0);
  });

  it('shaka buffers ten seconds ahead, BOLA eighteen', () => {
    const fetchedAheadMs = (player: ModelSession['player']) => {
      const { final } = play(constantTrace(100_000, 0), [1000], { player }).playback;
      return (final.bytes * 8) / 1000 - final.playedMs;
    };
    expect(fetchedAheadMs('shaka')).toBeGreaterThanOrEqual(8000);
    expect(fetchedAheadMs('shaka')).toBeLessThanOrEqual(14_000);
    expect(fetchedAheadMs('bola')).toBeGreaterThanOrEqual(16_000);
    expect(fetchedAheadMs('bola')).toBeLessThanOrEqual(22_000);
  });

  it('BOLA settles at the rung the line can sustain and does not stall', () => {
    const { final } = play(constantTrace(2700, 0), nominal, { player: 'bola', wantedMs: 200_000 }).playback;
    expect(final.stalledMs).toBe(0);
    expect((final.rungMs[2] ?? 0) + (final.rungMs[3] ?? 0)).toBeGreaterThan(100_000);
  });
});

describe('simulated sessions', () => {
  const world = (seed: number) => ({
    families: generateTraceFamilies(uniforms(seed)),
    titles: generateTitles(uniforms(seed + 1)),
    ladders: [
      { arm: 'low', nominalKbps: [150, 400] },
      { arm: 'high', nominalKbps: [1500, 4000] },
    ],
    clips: reward,
    count: 20,
  });

  it('are the same for the same seed, and others for another', () => {
    const once = simulateSessions({ ...world(1), rng: uniforms(7) });
    expect(simulateSessions({ ...world(1), rng: uniforms(7) })).toEqual(once);
    expect(simulateSessions({ ...world(1), rng: uniforms(8) })).not.toEqual(once);
    expect(once).toHaveLength(40);
  });

  it('offer every ladder to the same session', () => {
    const views = simulateSessions({ ...world(2), rng: uniforms(9) });
    for (let session = 0; session < 20; session += 1) {
      const [left, right] = views.filter((view) => view.session === session);
      expect({ ...left, arm: '', components: right?.components }).toEqual({ ...right, arm: '' });
      expect(left?.components.throughput).toBe(right?.components.throughput);
    }
  });

  it('name a family of lines as a region', () => {
    expect(familyRegion('norway-3g')).toBe('ZZ-NORWAY3G');
    expect(familyRegion('colombia-cellular')).toBe('ZZ-COLOMBIACELL');
  });
});
