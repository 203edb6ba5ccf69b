import { beforeEach, describe, expect, it } from 'vitest';
import type { Context } from '../../src/domain/index.ts';
import { decodeEvents } from '../../src/telemetry/decode-events.ts';
import { type Arrival, createIngest, type IngestLimits, type IngestPorts } from '../../src/telemetry/ingest.ts';

const NOW_MS = Date.parse('2026-03-01T12:00:00.000Z');
/** The view is ten minutes old. */
const DECIDED_AT_MS = NOW_MS - 600_000;
const observed: Context = { region: 'ZZ', device: 'desktop', connection: 'unknown' };
const browser: Arrival = { source: 'beacon', context: observed, block: 'b1', trusted: false };
const server: Arrival = { source: 'server', context: observed, block: '', trusted: true };

const LIMITS: IngestLimits = { view: { perSecond: 1, burst: 50 }, block: { perSecond: 1, burst: 80 } };

const event = (of: Record<string, unknown> = {}) => ({
  type: 'progress',
  eventId: 'e1',
  sessionId: 's1',
  assetId: 'a_1',
  ts: '2026-03-01T12:00:00.000Z',
  playedMs: 4000.4,
  rungMs: { low: 4000.4 },
  ...of,
});

let rows: Record<string, unknown>[];
let buried: Record<string, unknown>[];
let ports: IngestPorts;
beforeEach(() => {
  rows = [];
  buried = [];
  ports = {
    hasRoom: () => true,
    bury: async (lines) => {
      buried.push(...lines.map((line) => JSON.parse(`{${line}`)));
    },
    groupOf: (region) => (region === 'SE' ? 'EU-NORTH' : region),
    append: async (lines) => {
      rows.push(...lines.map((line) => JSON.parse(`{${line}`)));
      return { kind: 'stored' };
    },
    attribute: ({ sessionId, viewToken }) =>
      viewToken === 'forged'
        ? { kind: 'bad-token', reason: 'forged' }
        : { kind: 'view', viewId: `v of ${sessionId}`, decidedAtMs: DECIDED_AT_MS },
    clock: { nowMs: () => NOW_MS },
  };
});

describe('ingest', () => {
  it('stores an event as one row with what the server knows of it', async () => {
    expect(await createIngest(ports, LIMITS)([event()], browser)).toEqual({
      kind: 'stored',
      accepted: 1,
      duplicates: 0,
      rejected: [],
    });
    expect(rows).toEqual([
      {
        view_id: 'v of s1',
        event_id: 'e1',
        type: 'progress',
        session_id: 's1',
        asset_id: 'a_1',
        ts: '2026-03-01 12:00:00.000',
        received_at: '2026-03-01 12:00:00.000',
        ...observed,
        source: 'beacon',
        block: 'b1',
        played_ms: 4000,
        rung_ms: { low: 4000 },
      },
    ]);
  });

  it('returns each bad event with its reasons and keeps the rest', async () => {
    const result = await createIngest(ports, LIMITS)(
      [
        event({ eventId: 'good-1' }),
        event({ sessionId: 'no spaces allowed' }),
        { type: 'dance' },
        42,
        event({ playedMs: -1 }),
        event({ eventId: 'good-2' }),
      ],
      browser,
    );
    expect(result).toMatchObject({
      accepted: 2,
      rejected: [
        { index: 1, errors: [{ path: 'sessionId', received: 'no spaces allowed' }] },
        { index: 2, errors: [{ path: 'type' }] },
        { index: 3, errors: [{ received: '42' }] },
        { index: 4, errors: [{ path: 'playedMs', expected: expect.stringContaining('0'), received: '-1' }] },
      ],
    });
    expect(rows.map((row) => row.event_id)).toEqual(['good-1', 'good-2']);
  });

  it('rejects a forged view token and says so', async () => {
    const result = await createIngest(ports, LIMITS)([event({ viewToken: 'forged' })], browser);
    expect(result).toMatchObject({
      accepted: 0,
      rejected: [{ index: 0, errors: [{ path: 'viewToken', received: 'forged' }] }],
    });
  });

  it('counts what it has seen before as duplicates, within a batch and between batches', async () => {
    const ingest = createIngest(ports, LIMITS);
    expect(await ingest([event(), event()], browser)).toMatchObject({ accepted: 1, duplicates: 1 });
    expect(await ingest([event(), event({ eventId: 'e2' })], browser)).toMatchObject({ accepted: 1, duplicates: 1 });
    expect(rows).toHaveLength(2);
  });

  it('does not take for a duplicate what could not be stored', async () => {
    const append = ports.append;
    ports.append = async () => ({ kind: 'full', retryAfterSeconds: 5 });
    const ingest = createIngest({ ...ports, append: (lines) => ports.append(lines) }, LIMITS);
    expect(await ingest([event()], browser)).toEqual({ kind: 'full', retryAfterSeconds: 5 });
    ports.append = append;
    expect(await ingest([event()], browser)).toMatchObject({ accepted: 1, duplicates: 0 });
  });

  it('believes a stated context only from server-side reporters', async () => {
    const stated = { region: 'NO', device: 'phone', connection: 'cellular' };
    await createIngest(ports, LIMITS)([event(stated)], browser);
    await createIngest(ports, LIMITS)([event(stated)], server);
    expect(rows.map(({ region, device, connection }) => ({ region, device, connection }))).toEqual([observed, stated]);
  });

  it('keeps fields it does not know out of storage', async () => {
    await createIngest(ports, LIMITS)([event({ ip: '192.0.2.1', nested: { deep: true } })], browser);
    expect(JSON.stringify(rows)).not.toContain('192.0.2.1');
    expect(rows[0]).not.toHaveProperty('nested');
  });

  it('stores half a surrogate pair as text any database takes', async () => {
    await createIngest(ports, LIMITS)(
      [{ ...event(), type: 'error', code: 'bad \ud800', message: 'half a \udc00 pair' }],
      browser,
    );
    expect(JSON.stringify(rows[0])).not.toMatch(/\\ud[89a-f]/i);
    expect(rows[0]?.code).toBe('bad \ufffd');
  });

  it('replaces the time of a client clock that is more than a day off', async () => {
    await createIngest(ports, LIMITS)(
      [event({ ts: '1999-01-01T00:00:00Z' }), event({ eventId: 'e2', ts: '2026-03-01T14:00:00+02:00' })],
      browser,
    );
    expect(rows.map((row) => row.ts)).toEqual(['2026-03-01 12:00:00.000', '2026-03-01 12:00:00.000']);
  });

  it('takes upload telemetry without making a view of it', async () => {
    await createIngest(ports, LIMITS)([{ ...event(), type: 'upload_end', bytes: 10, elapsedMs: 5 }], browser);
    expect(rows[0]).toMatchObject({ view_id: '', type: 'upload_end', bytes: 10, elapsed_ms: 5, resumes: 0 });
  });
});

describe('decodeEvents', () => {
  it('takes an empty batch for what it is', () => {
    expect(decodeEvents('{"events":[]}')).toEqual({ kind: 'events', events: [] });
  });

  const events = [event({ eventId: 'e1' }), event({ eventId: 'e2' })];

  it.each([
    ['an object with events', JSON.stringify({ events })],
    ['an array', JSON.stringify(events)],
    ['one event per line', events.map((one) => JSON.stringify(one)).join('\n')],
    ['one event per line with a trailing line feed', `${events.map((one) => JSON.stringify(one)).join('\n')}\n`],
  ])('reads %s', (_name, text) => {
    expect(decodeEvents(text)).toEqual({ kind: 'events', events });
  });

  it('keeps the good lines around a torn one', () => {
    const decoded = decodeEvents(`${JSON.stringify(events[0])}\n{"type":"pro\n${JSON.stringify(events[1])}`);
    expect(decoded.kind === 'events' && decoded.events).toHaveLength(3);
  });

  it.each(['', '   ', 'hello', '{"events": 5}', '"text"', '{}'])('says what it expected when it gets %j', (text) => {
    expect(decodeEvents(text)).toMatchObject({ kind: 'unreadable', expected: expect.stringContaining('events') });
  });

  it('keeps what it refuses as dead letters: code, reason, text and whom it was about', async () => {
    await createIngest(ports, LIMITS)([event({ playedMs: -1 }), event({ eventId: 'good' })], browser);
    expect(buried).toMatchObject([
      { code: 'event.invalid', source: 'beacon', block: 'b1', session_id: 's1', asset_id: 'a_1', events: 1 },
    ]);
    expect(buried[0]?.reason).toContain('playedMs: expected');
    expect(JSON.parse(String(buried[0]?.body))).toMatchObject({ playedMs: -1 });
  });

  it('counts rubbish by code, without its text, when there is too much of it', async () => {
    await createIngest(ports, LIMITS)(
      Array.from({ length: 3_000 }, () => 'rubbish'),
      server,
    );
    const events = buried.map((row) => Number(row.events));
    expect(events.reduce((sum, count) => sum + count, 0)).toBe(3_000);
    expect(buried).toHaveLength(1_001);
    expect(buried.at(-1)).toMatchObject({ body: '', events: 2_000 });
  });

  it('refuses to believe that a view played for longer than it exists, except from a server in virtual time', async () => {
    const impossible = event({ playedMs: 500_000, stalledMs: 200_000 });
    expect(await createIngest(ports, LIMITS)([impossible], browser)).toMatchObject({
      accepted: 0,
      rejected: [{ code: 'event.implausible', errors: [{ path: 'playedMs', received: '700000' }] }],
    });
    expect(await createIngest(ports, LIMITS)([impossible], server)).toMatchObject({ accepted: 1, rejected: [] });
    expect(await createIngest(ports, LIMITS)([event({ playedMs: 600_000 })], browser)).toMatchObject({ accepted: 1 });
  });

  it('takes no more of one view, and of one network, than its limits, and says which', async () => {
    const ingest = createIngest(ports, LIMITS);
    const of = (sessionId: string) => Array.from({ length: 70 }, (_, n) => event({ sessionId, eventId: `e${n}` }));
    const first = await ingest(of('s1'), browser);
    expect(first).toMatchObject({ accepted: 50 });
    expect(first.kind === 'stored' && new Set(first.rejected.map(({ code }) => code))).toEqual(new Set(['rate.view']));
    const second = await ingest(of('s2'), browser);
    expect(second).toMatchObject({ accepted: 10 });
    expect(second.kind === 'stored' && new Set(second.rejected.map(({ code }) => code))).toEqual(
      new Set(['rate.block']),
    );
    expect(await ingest(of('s3'), server)).toMatchObject({ accepted: 70 });
  });

  it('takes what was read from a log with its own times and at any rate, and believes it no more than its viewer', async () => {
    const log: Arrival = { ...browser, source: 'cmcd1', isImport: true };
    const reports = Array.from({ length: 200 }, (_, n) => event({ eventId: `q-${n}`, ts: '2026-02-01T10:00:00.000Z' }));
    const impossible = event({ eventId: 'q-x', playedMs: 700_000 });
    expect(await createIngest(ports, LIMITS)([...reports, impossible], log)).toMatchObject({
      accepted: 200,
      rejected: [{ code: 'event.implausible' }],
    });
    expect(rows[0]).toMatchObject({ ts: '2026-02-01 10:00:00.000', block: 'b1' });
    expect(rows[0]).not.toHaveProperty('trusted');
  });

  it('tells repeats with the next rows that are stored, so that accounts add up', async () => {
    const ingest = createIngest(ports, LIMITS);
    await ingest([event()], browser);
    await ingest([event(), event()], browser);
    await ingest([event({ eventId: 'e2' }), event({ eventId: 'e3' }), event()], browser);
    expect(rows.map((row) => row.repeats)).toEqual([undefined, 3, undefined]);
  });

  it('tells them with later rows when the disk would not take the ones they rode on', async () => {
    const { append } = ports;
    const ingest = createIngest(
      { ...ports, append: (lines) => (isAway ? Promise.reject(new Error('EIO')) : append(lines)) },
      LIMITS,
    );
    let isAway = false;
    await ingest([event()], browser);
    await ingest([event(), event()], browser);
    isAway = true;
    await expect(ingest([event({ eventId: 'e2' })], browser)).rejects.toThrow('EIO');
    isAway = false;
    await ingest([event({ eventId: 'e2' })], browser);
    expect(rows.map((row) => row.repeats)).toEqual([undefined, 2]);
  });

  it('what comes again and again while there is no room does not count against its rate', async () => {
    let hasRoom = false;
    const ingest = createIngest({ ...ports, hasRoom: () => hasRoom }, LIMITS);
    for (let n = 0; n < 100; n += 1) expect(await ingest([event()], browser)).toMatchObject({ kind: 'full' });
    hasRoom = true;
    expect(await ingest([event()], browser)).toMatchObject({ kind: 'stored', accepted: 1, rejected: [] });
  });

  it('tells the uploads of one session apart', async () => {
    const end = (assetId: string) => ({
      type: 'upload_end',
      eventId: 'end',
      sessionId: 's1',
      assetId,
      ts: '2026-03-01T12:00:00.000Z',
      bytes: 10,
      elapsedMs: 5,
      resumes: 0,
      stallCount: 0,
      stalledMs: 0,
      abandoned: false,
    });
    const ingest = createIngest(ports, LIMITS);
    expect(await ingest([end('a_1'), end('a_2'), end('a_2')], browser)).toMatchObject({ accepted: 2, duplicates: 1 });
  });

  it('maps stated countries to their configured group', async () => {
    await createIngest(ports, LIMITS)([event({ region: 'SE' })], server);
    expect(rows[0]?.region).toBe('EU-NORTH');
  });
});

describe('what nests too deeply to be written', () => {
  it('is refused and named like anything else', async () => {
    const deep: unknown = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
    const result = await createIngest(ports, LIMITS)([event({ eventId: deep }), event()], browser);
    expect(result).toMatchObject({ accepted: 1, rejected: [{ index: 0, code: 'event.invalid' }] });
    expect(buried).toMatchObject([{ code: 'event.invalid' }]);
  });
});
