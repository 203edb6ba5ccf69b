import { describe, expect, it } from 'vitest';
import { candidatesOf, cmcdBatches, ingestBatches, nativeBatches } from '../../../src/api/ingest/report-batches.ts';
import type { Arrival, IngestResult } from '../../../src/telemetry/ingest.ts';
import { Refusal } from '../../../src/telemetry/refusal.ts';

const ARRIVAL: Omit<Arrival, 'source'> = {
  context: { region: 'ZZ', device: 'unknown', connection: 'unknown' },
  block: 'b1',
  trusted: false,
};
const batch = (source: Arrival['source'], candidates: unknown[], indexes: number[]) => ({
  source,
  candidates,
  indexes,
});

describe('native events', () => {
  it('are one batch, named after who sends it', () => {
    const batches = [{ source: 'beacon', candidates: [{ a: 1 }, { b: 2 }], indexes: null }];
    expect(nativeBatches('{"events":[{"a":1},{"b":2}]}', false)).toEqual({ kind: 'batches', batches });
    expect(nativeBatches('[{"a":1}]', true)).toMatchObject({ batches: [{ source: 'server' }] });
  });

  it('that are none are unreadable', () => {
    expect(nativeBatches('hello', false)).toMatchObject({ kind: 'unreadable', received: 'hello' });
  });
});

describe('a native event that is nested', () => {
  const nested = (levels: number) => `${'['.repeat(levels)}1${']'.repeat(levels)}`;
  const candidatesIn = (body: string): unknown[] => {
    const decoded = nativeBatches(body, false);
    return decoded.kind === 'batches' ? decoded.batches.flatMap(({ candidates }) => candidates) : [];
  };

  it('as deep as no event is, and deeper than its refusal could be written, spoils no other', () => {
    const [good, bad, last] = candidatesIn(`[{"a":1},{"eventId":${nested(100_000)}},{"b":{"c":[1]}}]`);
    expect([good, last]).toEqual([{ a: 1 }, { b: { c: [1] } }]);
    expect(bad).toMatchObject({ code: 'event.unreadable', errors: [{ expected: 'at most 16 levels of nesting' }] });
  });

  it('no deeper than that is left to be judged by what it says', () => {
    expect(candidatesIn(`[{"a":${nested(15)}}]`)[0]).not.toBeInstanceOf(Refusal);
    expect(candidatesIn(`[{"a":${nested(16)}}]`)[0]).toBeInstanceOf(Refusal);
  });
});

describe('CMCD lines', () => {
  const LINE = 'sid="s1",cid="a_1",v=2,e=ps,sta=p';

  it('keep the place in the body for every event and every refusal that comes of them', () => {
    const decoded = cmcdBatches(`(((\n${LINE},bsd=(1000 2000)\nv=2,e=ps`, 0);
    expect(decoded).toMatchObject({ kind: 'batches', batches: [{ source: 'cmcd2-event', indexes: [0, 1, 1, 1, 2] }] });
    const [first] = decoded.kind === 'batches' ? decoded.batches : [];
    expect(first?.candidates.map((candidate) => candidate instanceof Refusal && candidate.code)).toEqual([
      'event.unreadable',
      false,
      false,
      false,
      'report.anonymous',
    ]);
  });

  it('that are none at all are no batch, and nothing is wrong', () => {
    expect(cmcdBatches('', 0)).toEqual({ kind: 'batches', batches: [] });
  });

  it('that are refused keep what was expected and what came', () => {
    const [refusal] = candidatesOf({
      kind: 'unusable',
      source: 'cmcd2-event',
      code: 'event.unreadable',
      expected: 'a report',
      received: 'rubbish',
    });
    expect(refusal).toMatchObject({
      code: 'event.unreadable',
      errors: [{ path: '', expected: 'a report', received: 'rubbish' }],
      candidate: 'rubbish',
    });
  });
});

describe('several batches', () => {
  it('are one answer, each refusal at its place in the body', async () => {
    const seen: Arrival[] = [];
    const result = await ingestBatches(
      async (candidates, arrival) => {
        seen.push(arrival);
        const last = candidates.length - 1;
        return {
          kind: 'stored',
          accepted: last,
          duplicates: 2,
          rejected: [{ index: last, code: 'event.invalid', errors: [] }],
        };
      },
      [batch('cmcd1', ['a', 'b'], [0, 4]), batch('cmcd2-event', ['c', 'd', 'e'], [1, 2, 3])],
      ARRIVAL,
    );
    expect(result).toEqual({
      kind: 'stored',
      accepted: 3,
      duplicates: 4,
      rejected: [
        { index: 4, code: 'event.invalid', errors: [] },
        { index: 3, code: 'event.invalid', errors: [] },
      ],
    });
    expect(seen).toEqual([
      { ...ARRIVAL, source: 'cmcd1' },
      { ...ARRIVAL, source: 'cmcd2-event' },
    ]);
  });

  it('end with the first for which there is no room', async () => {
    const results: IngestResult[] = [
      { kind: 'stored', accepted: 1, duplicates: 0, rejected: [] },
      { kind: 'full', retryAfterSeconds: 5 },
    ];
    const result = await ingestBatches(
      async () => results.shift() ?? { kind: 'stored', accepted: 9, duplicates: 0, rejected: [] },
      [batch('cmcd1', ['a'], [0]), batch('cmcd2-event', ['b'], [1]), batch('beacon', ['c'], [2])],
      ARRIVAL,
    );
    expect(result).toEqual({ kind: 'full', retryAfterSeconds: 5 });
  });
});
