import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventSchema } from '../../src/domain/index.ts';
import { toEventLine } from '../../src/telemetry/event-line.ts';
import { isWellFormedEvent } from '../../src/telemetry/well-formed-event.ts';

const origin = {
  viewId: `v_${'x'.repeat(22)}`,
  context: { region: 'NO', device: 'phone', connection: 'unknown' },
  receivedAt: '2026-03-01 12:00:00.000',
  source: 'beacon',
  block: '',
  trusted: false,
} as const;

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

describe('a well-formed event', () => {
  it('is the usual one', () => {
    expect(isWellFormedEvent(usual)).toBe(true);
    expect(isWellFormedEvent({ ...usual, type: 'view_start' })).toBe(true);
    expect(isWellFormedEvent({ ...usual, type: 'startup', startupMs: 3 })).toBe(true);
    expect(isWellFormedEvent({ ...usual, type: 'startup' })).toBe(false);
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
          if (!isWellFormedEvent(candidate)) return;
          taken += 1;
          const parsed = eventSchema.safeParse(candidate);
          expect(parsed.error).toBeUndefined();
          if (parsed.success) expect(toEventLine(candidate, origin)).toBe(toEventLine(parsed.data, origin));
        },
      ),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});
