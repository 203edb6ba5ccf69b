import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventSchema } from '../../src/domain/index.ts';
import { toLineEnd } from '../../src/telemetry/event-line.ts';
import { writeUsualEvent } from '../../src/telemetry/usual-event.ts';

const usual = {
  type: 'progress',
  eventId: 'e1',
  sessionId: 's1',
  assetId: 'a_1',
  ts: '2026-03-01T12:00:00.000Z',
  playedMs: 4000.4,
  rungMs: { low: 4000.4 },
};

const oddValue = fc.oneof(
  fc.anything(),
  fc.constantFrom('', 'é', '\ud800', 'a b', '2026-02-30T12:00:00.000Z', '2026-03-01T24:00:00.000Z', 'NO', 'no', 'ZZZ'),
  fc.constantFrom(-1, 0, 0.5, 1e9 + 1, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, null, [], { low: -1 }),
);
const FIELDS = Object.keys({
  ...usual,
  ...Object.fromEntries(
    ['viewToken', 'region', 'device', 'connection', 'sequence', 'sample', 'stalledMs', 'bytes', 'stallCount'].map(
      (name) => [name, 0],
    ),
  ),
  viewportHeight: 0,
  startupMs: 0,
  unknown: 0,
});

const columnsOf = (lineEnd: string): unknown => JSON.parse(`{${lineEnd.slice(1)}}`);

describe('a usual event', () => {
  it('is the usual one', () => {
    expect(writeUsualEvent(usual)).toEqual({
      event: usual,
      lineEnd: ',"event_id":"e1","type":"progress","played_ms":4000,"rung_ms":{"low":4000}',
    });
    expect(writeUsualEvent({ ...usual, type: 'view_start' })?.lineEnd).toBe(',"event_id":"e1","type":"view_start"');
    expect(writeUsualEvent({ ...usual, type: 'startup', startupMs: 3 })?.lineEnd).toContain('"startup_ms":3');
    expect(writeUsualEvent({ ...usual, type: 'startup' })).toBeNull();
  });

  it('is one that the schema takes, and is written exactly as the schema would have it', () => {
    let taken = 0;
    fc.assert(
      fc.property(
        fc.constantFrom('view_start', 'startup', 'progress', 'view_end', 'stall', 'dance'),
        fc.dictionary(fc.constantFrom(...FIELDS), oddValue, { maxKeys: 4 }),
        fc.subarray(['eventId', 'ts', 'assetId'], { maxLength: 1 }),
        (type, odd, missing) => {
          const candidate: Record<string, unknown> = { ...usual, type, ...odd };
          for (const field of missing) delete candidate[field];
          const usually = writeUsualEvent(candidate);
          if (usually === null) return;
          taken += 1;
          const parsed = eventSchema.safeParse(candidate);
          expect(parsed.error).toBeUndefined();
          if (parsed.success) expect(columnsOf(usually.lineEnd)).toEqual(columnsOf(toLineEnd(parsed.data)));
        },
      ),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});
