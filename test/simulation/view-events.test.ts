import { describe, expect, it } from 'vitest';
import { eventSchema } from '../../src/domain/index.ts';
import { seededRng } from '../../src/policy/seeded-rng.ts';
import { playHls } from '../../src/simulation/hls-player.ts';
import { drawViewer } from '../../src/simulation/synthetic-viewer.ts';
import { viewEvents } from '../../src/simulation/view-events.ts';

const STARTED_AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const population = {
  context: { region: 'IN', device: 'phone', connection: 'cellular' },
  traceKind: 'cellular-3g',
  watchMedianMs: 90_000,
} as const;
const ladder = {
  renditions: [200, 500, 1200].map((kbps) => ({
    id: `v${kbps}`,
    bitrateKbps: kbps,
    segments: Array.from({ length: 12 }, () => ({ durationMs: 2000, bytes: kbps * 250 })),
  })),
};
const identity = { sessionId: 's-1', assetId: 'a_1', startedAtMs: STARTED_AT_MS, viewportHeight: 360 };

function eventsOf(seed: number, startPatienceMs = 60_000) {
  const viewer = drawViewer(population, seededRng(seed, 'test'));
  const playback = playHls(ladder, { ...viewer.sitting, startPatienceMs });
  return { playback, events: viewEvents(playback, identity) };
}

describe('the telemetry of a playback', () => {
  it('is valid, in order of time, and numbered from 0 with ids unique in the view', () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const { events } = eventsOf(seed);
      expect(events.map((event) => eventSchema.parse(event))).toEqual(events);
      expect(events.map((event) => event.eventId)).toEqual(events.map((_, index) => `e${index}`));
      const times = events.map((event) => Date.parse(event.ts));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(times[0]).toBe(STARTED_AT_MS);
      expect(events[0]?.type).toBe('view_start');
      expect(events.at(-1)?.type).toBe('view_end');
    }
  });

  it('ends with whole counters whose rungMs add up to playedMs, close to the exact ones', () => {
    const { events, playback } = eventsOf(3);
    const end = events.at(-1);
    if (end?.type !== 'view_end') throw new Error('expected a view_end');
    expect(Object.values(end.rungMs ?? {}).reduce((sum, ms) => sum + ms, 0)).toBe(end.playedMs);
    expect(Math.abs((end.playedMs ?? 0) - playback.final.playedMs)).toBeLessThan(3);
    expect(end).toMatchObject({ viewportHeight: 360, startupMs: Math.round(playback.final.startupMs ?? 0) });
    expect(Object.keys(end.rungMs ?? {}).every((id) => playback.renditionIds.includes(id))).toBe(true);
  });

  it('of a view that never started has no startup and nothing played', () => {
    const { events } = eventsOf(4, 1);
    expect(events.map((event) => event.type)).toEqual(['view_start', 'view_end']);
    expect(events[1]).toMatchObject({ playedMs: 0, stalledMs: 0, rungMs: {} });
    expect(events[1]).not.toHaveProperty('startupMs');
  });

  it('carries the view token on every event when there is one', () => {
    const viewer = drawViewer(population, seededRng(1, 'test'));
    const events = viewEvents(playHls(ladder, viewer.sitting), { ...identity, viewToken: 'token' });
    expect(events.every((event) => event.viewToken === 'token')).toBe(true);
  });
});
