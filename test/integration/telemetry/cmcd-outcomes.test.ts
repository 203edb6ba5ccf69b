import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventSource, TelemetryEvent } from '../../../src/domain/index.ts';
import type { CmcdReport } from '../../../src/telemetry/cmcd/cmcd-report.ts';
import { decodeCmcdBody } from '../../../src/telemetry/cmcd/decode-body.ts';
import { decodeCmcdRequest } from '../../../src/telemetry/cmcd/decode-request.ts';
import { foldSegment } from '../../../src/telemetry/fold-segment.ts';
import { FOLD_ALL_SQL } from '../../../src/telemetry/outcome-fold.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { toEventRow } from '../../fixtures/event-row.ts';
import { decisionRow } from './fixtures/applied-segments.ts';

let engine: TestDatabase;
let directory: string;
beforeAll(async () => {
  engine = await startTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'nara-cmcd-'));
});
afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true });
});

const context = { region: 'NO', device: 'phone', connection: 'cellular' } as const;
/** Recent, because raw rows older than 90 days are dropped on arrival. */
const NOW_MS = Math.floor(Date.now() / 1000) * 1000 - 3_600_000;
let segments = 0;

type Sent = { viewId: string; event: TelemetryEvent; source: EventSource; receivedAtMs: number };

/** One segment: inserted, then folded, as the shipper does it. */
async function ship(sent: readonly Sent[]): Promise<void> {
  segments += 1;
  const id = `segment-${segments}`;
  const path = join(directory, id);
  const rows = sent.map(({ viewId, event, source, receivedAtMs }) => ({
    segment: id,
    ...toEventRow(event, { viewId, context, receivedAtMs, source, block: '', trusted: false }),
  }));
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await engine.database.insertFile('events', path, id);
  await foldSegment(engine.database, id);
}

type Outcome = {
  view_id: string;
  started: boolean;
  ended: boolean;
  fatal: boolean;
  startup_ms: number | null;
  played_ms: number;
  stalled_ms: number;
  stall_count: number;
  seek_stalled_ms: number;
  paused_ms: number;
  rung_ms: Record<string, number>;
  rung_kbps_ms: Record<string, number>;
  switches: number;
  measured_by: string;
  estimated: string[];
};

async function outcomeOf(viewId: string): Promise<Outcome> {
  const rows = await engine.database.query<Outcome>(
    'SELECT * FROM view_outcomes FINAL WHERE view_id = {viewId:String}',
    {
      viewId,
    },
  );
  expect(rows).toHaveLength(1);
  return rows[0] as Outcome;
}

const sentBy = (viewId: string, report: CmcdReport | null, receivedAtMs: number): Sent[] =>
  report?.kind === 'events'
    ? report.events.map((event) => ({ viewId, event, source: report.source, receivedAtMs }))
    : [];

/** Lines of event mode, each `ms` after the start. */
const eventLines = (viewId: string, lines: readonly [ms: number, keys: string][]): Sent[] =>
  decodeCmcdBody(
    lines.map(([ms, keys], sn) => `cid="a",e=ps,sid="s",sn=${sn},ts=${NOW_MS + ms},${keys},v=2`).join('\n'),
    NOW_MS,
  ).flatMap(({ report }) => sentBy(viewId, report, NOW_MS));

/** Requests for video segments of two seconds, each `ms` after the start. */
const requests = (viewId: string, told: readonly [ms: number, segment: number, keys: string][], rung = 'r1'): Sent[] =>
  told.flatMap(([ms, segment, keys]) => {
    const url = `/v/a/r/${rung}/seg-${String(segment).padStart(5, '0')}.m4s`;
    const cmcd = encodeURIComponent(`d=2000,nor="next",ot=v,sid="s"${keys && `,${keys}`}`);
    const receivedAtMs = NOW_MS + ms;
    return sentBy(viewId, decodeCmcdRequest({ url: `${url}?CMCD=${cmcd}`, headers: {}, receivedAtMs }), receivedAtMs);
  });

const CAPTURES = new URL('../../fixtures/cmcd-captures/', import.meta.url);
type Capture = {
  player: string;
  measured: {
    events: [atMs: number, name: string, playhead: number][];
    stalledMs: number;
    stallCount: number;
    seekStalledMs: number;
    pausedMs: number;
    startupMs: number;
  };
  requests: { atMs?: number; method: string; path: string; headers: Record<string, string>; body: string }[];
};
const captures = readdirSync(CAPTURES).map(
  (name): Capture => JSON.parse(readFileSync(new URL(name, CAPTURES), 'utf8')),
);

function sentIn({ player, requests }: Capture): Sent[] {
  return requests.flatMap(({ atMs = 0, method, path, headers, body }) => {
    if (method === 'POST') return decodeCmcdBody(body, NOW_MS).flatMap(({ report }) => sentBy(player, report, NOW_MS));
    return sentBy(player, decodeCmcdRequest({ url: path, headers, receivedAtMs: atMs }), NOW_MS);
  });
}

/** Wall clock between the element's `playing` and whatever ended that. */
function playedMs({ measured }: Capture): number {
  let played = 0;
  let since: number | null = null;
  for (const [atMs, name] of measured.events) {
    if (name === 'playing') since ??= atMs;
    else if (['waiting', 'pause', 'seeking', 'ended'].includes(name) && since !== null) {
      played += atMs - since;
      since = null;
    }
  }
  return played;
}

describe('what real players sent, held against what the page measured', () => {
  beforeAll(() => ship(captures.flatMap(sentIn)));

  const told = (keys: string) => captures.filter(({ requests }) => requests.some(({ body }) => body.includes(keys)));
  const timed = captures.filter(({ requests }) => requests.every(({ method, atMs }) => method === 'GET' && atMs));

  it.each(told('sta=p').map((capture) => [capture.player, capture] as const))(
    '%s is exact',
    async (player, capture) => {
      const outcome = await outcomeOf(player);
      const { measured } = capture;
      expect(outcome).toMatchObject({
        started: true,
        ended: true,
        fatal: false,
        estimated: [],
        measured_by: 'cmcd2-event',
      });
      expect(outcome.stall_count).toBe(measured.stallCount);
      expect(Math.abs(outcome.played_ms - playedMs(capture))).toBeLessThan(50);
      expect(Math.abs(outcome.stalled_ms - measured.stalledMs)).toBeLessThan(50);
      expect(Math.abs(outcome.seek_stalled_ms - measured.seekStalledMs)).toBeLessThan(50);
      expect(Math.abs(outcome.paused_ms - measured.pausedMs)).toBeLessThan(50);
      expect(Math.abs((outcome.startup_ms ?? 0) - measured.startupMs)).toBeLessThan(100);
    },
  );

  it.each(timed.map((capture) => [capture.player, capture] as const))('%s comes near', async (player, capture) => {
    const outcome = await outcomeOf(player);
    const { measured } = capture;
    expect(outcome).toMatchObject({ started: true, ended: false });
    expect(outcome.estimated).toContain('played_ms');
    expect(outcome.stall_count).toBe(measured.stallCount);
    expect(Math.abs(outcome.played_ms / playedMs(capture) - 1)).toBeLessThan(0.08);
    expect(Math.abs(outcome.stalled_ms - measured.stalledMs)).toBeLessThan(250);
    expect(Math.abs(outcome.seek_stalled_ms - measured.seekStalledMs)).toBeLessThan(250);
    expect(Math.abs((outcome.startup_ms ?? 0) - measured.startupMs)).toBeLessThan(200);
  });

  it('has captures of both kinds from every player', () => {
    const players = (some: readonly Capture[]) => [
      ...new Set(some.map(({ player }) => player.replace(/-v[12].*/, ''))),
    ];
    expect(players(told('sta=p'))).toEqual(['dash-js', 'hls-js', 'shaka-player']);
    expect(players(timed)).toEqual(['dash-js', 'hls-js', 'shaka-player']);
  });
});

describe('states of event mode', () => {
  it('counts rebuffering before the first playing as start-up, and after seeking as seeking', async () => {
    await ship(
      eventLines('states', [
        [0, 'sta=s'],
        [300, 'sta=r'],
        [1000, 'sta=p'],
        [5000, 'sta=k'],
        [5010, 'sta=r'],
        [6000, 'sta=p'],
        [8000, 'sta=r'],
        [9500, 'sta=p'],
        [10_000, 'sta=e'],
      ]),
    );
    expect(await outcomeOf('states')).toMatchObject({
      startup_ms: 1000,
      played_ms: 6500,
      stalled_ms: 1500,
      stall_count: 1,
      seek_stalled_ms: 1000,
      ended: true,
    });
  });

  it('takes a silence for the state before it only so long', async () => {
    await ship(
      eventLines('silent', [
        [0, 'sta=s'],
        [1000, 'sta=p'],
        [7_200_000, 'sta=p'],
        [7_210_000, 'sta=e'],
      ]),
    );
    expect((await outcomeOf('silent')).played_ms).toBe(65_000 + 10_000);
  });

  it('believes the playhead where playing is claimed and nothing moves', async () => {
    await ship(
      eventLines('still', [
        [0, 'sta=p,pt=0'],
        [10_000, 'sta=p,pt=2000'],
        [11_000, 'sta=e,pt=3000'],
      ]),
    );
    expect((await outcomeOf('still')).played_ms).toBe(3000);
  });

  it('reads the state of a response at its end, not at its beginning', async () => {
    const response = (sn: number, ms: number, ttlb: number, keys: string) =>
      `cid="a",e=rr,sid="s",sn=${sn},ts=${NOW_MS + ms},ttlb=${ttlb},${keys},v=2`;
    const lines = [
      `cid="a",e=ps,sid="s",sn=0,sta=s,ts=${NOW_MS},v=2`,
      `cid="a",e=ps,sid="s",sn=1,sta=p,ts=${NOW_MS + 2000},v=2`,
      response(2, 100, 2500, 'sta=p'),
      `cid="a",e=ps,sid="s",sn=3,sta=e,ts=${NOW_MS + 4000},v=2`,
    ];
    await ship(decodeCmcdBody(lines.join('\n'), NOW_MS).flatMap(({ report }) => sentBy('response', report, NOW_MS)));
    expect(await outcomeOf('response')).toMatchObject({ startup_ms: 2000, played_ms: 2000 });
  });

  it('shows a selected bitrate once the buffer before it has played', async () => {
    await ship(
      eventLines('switcher', [
        [0, 'sta=p,br=(400;v)'],
        [10_000, 'sta=p,br=(2000;v 128;a),bl=(4000;v)'],
        [20_000, 'sta=e'],
      ]),
    );
    expect(await outcomeOf('switcher')).toMatchObject({
      rung_ms: {},
      rung_kbps_ms: { 400: 14_000, 2000: 6000 },
      switches: 1,
    });
  });

  it('keeps a bounded number of bitrates, whatever a stranger names', async () => {
    const lines = Array.from({ length: 200 }, (_, n): [number, string] => [n * 1000, `sta=p,br=(${100 + n})`]);
    await ship(eventLines('stranger', lines));
    expect(Object.keys((await outcomeOf('stranger')).rung_kbps_ms)).toHaveLength(64);
  });

  it('counts a fatal state as a failure to start', async () => {
    await ship(
      eventLines('failed', [
        [0, 'sta=s'],
        [900, 'sta=f,ec=("4")'],
      ]),
    );
    expect(await outcomeOf('failed')).toMatchObject({ started: false, fatal: true, played_ms: 0 });
  });
});

describe('requests for segments', () => {
  /** Plays 2 s after the first request, stalls for 3 s at 6 s, and its requests end at 12 s of the media. */
  const told: [number, number, string][] = [
    [0, 0, 'su'],
    [2000, 1, 'bl=2000,su'],
    [3000, 2, 'bl=3000'],
    [5000, 3, 'bl=3000'],
    [11_000, 4, 'bl=2000,bs'],
    [12_000, 5, 'bl=3000'],
  ];

  it('gives start-up, media shown, and a stall where the player says so', async () => {
    await ship(requests('asker', told));
    const outcome = await outcomeOf('asker');
    expect(outcome).toMatchObject({
      startup_ms: 2000,
      stalled_ms: 3000,
      stall_count: 1,
      measured_by: 'cmcd1',
      started: true,
    });
    expect(outcome.estimated).toEqual(['startup_ms', 'played_ms', 'rung_ms', 'switches', 'stalled_ms', 'stall_count']);
    // Seven seconds between the requests, and half a segment after the last.
    expect(outcome.played_ms).toBe(8000);
    expect(outcome.rung_ms).toEqual({ r1: 8000 });
  });

  it('takes waiting with media in the buffer for a pause', async () => {
    await ship(requests('pauser', [...told.slice(0, 4), [11_000, 4, 'bl=4000']]));
    expect(await outcomeOf('pauser')).toMatchObject({ stalled_ms: 0, stall_count: 0, paused_ms: 5000 });
  });

  it('does not take seeking for a stall, though dash.js says that it starved', async () => {
    await ship(
      requests('seeker', [
        ...told.slice(0, 4),
        [6000, 40, 'bl=0,bs,su'],
        [7500, 41, 'bl=2000,bs,su'],
        [8500, 42, 'bl=3000'],
      ]),
    );
    expect(await outcomeOf('seeker')).toMatchObject({ stalled_ms: 0, stall_count: 0, seek_stalled_ms: 1500 });
  });

  it('counts the rest of the buffer as shown when the last segment of the asset was asked for', async () => {
    const last: Sent[] = requests('finisher', told.slice(0, 4)).concat(
      sentBy(
        'finisher',
        decodeCmcdRequest({
          url: '/v/a/r/r1/seg-00004.m4s?CMCD=bl%3D3000%2Cd%3D2000%2Cot%3Dv%2Csid%3D%22s%22',
          headers: {},
          receivedAtMs: NOW_MS + 7000,
        }),
        NOW_MS + 7000,
      ),
    );
    await ship(last);
    expect((await outcomeOf('finisher')).played_ms).toBe(10_000);
  });

  it('takes neither manifests, nor init segments, nor audio for media shown', async () => {
    const asked = (url: string, keys: string, ms: number) =>
      sentBy(
        'browser',
        decodeCmcdRequest({
          url: `${url}?CMCD=${encodeURIComponent(`${keys},sid="s"`)}`,
          headers: {},
          receivedAtMs: NOW_MS + ms,
        }),
        NOW_MS + ms,
      );
    await ship([
      ...asked('/v/a/master.m3u8', 'ot=m', 0),
      ...asked('/v/a/r/r1/init.mp4', 'ot=i,d=0', 100),
      ...asked('/v/a/r/audio-64k-x/seg-00000.m4s', 'ot=a,d=2000', 200),
      ...asked('/v/a/r/audio-64k-x/seg-00001.m4s', 'ot=a,d=2000', 900),
    ]);
    expect(await outcomeOf('browser')).toMatchObject({ started: false, played_ms: 0, startup_ms: null });
  });
});

describe('several witnesses of one view', () => {
  it('believes native counters before states, and states before requests', async () => {
    const beacon: TelemetryEvent = {
      type: 'progress',
      eventId: 'p1',
      sessionId: 's',
      assetId: 'a',
      ts: new Date(NOW_MS).toISOString(),
      playedMs: 4321,
      stalledMs: 0,
      startupMs: 777,
      rungMs: { r9: 4321 },
    };
    const states = (viewId: string) =>
      eventLines(viewId, [
        [0, 'sta=s'],
        [500, 'sta=p'],
        [9000, 'sta=r'],
        [9900, 'sta=e'],
      ]);
    const asked = (viewId: string) =>
      requests(viewId, [
        [0, 0, ''],
        [1000, 1, 'bl=1500'],
        [2000, 2, 'bl=2500'],
      ]);
    await ship([
      ...states('all-three'),
      ...asked('all-three'),
      { viewId: 'all-three', event: beacon, source: 'beacon', receivedAtMs: NOW_MS },
      ...states('two'),
      ...asked('two'),
    ]);
    expect(await outcomeOf('all-three')).toMatchObject({
      played_ms: 4321,
      stalled_ms: 0,
      stall_count: 0,
      startup_ms: 777,
      rung_ms: { r9: 4321 },
      measured_by: 'beacon',
      estimated: [],
    });
    // How long from the states, which rendition from the requests.
    expect(await outcomeOf('two')).toMatchObject({
      played_ms: 8500,
      stalled_ms: 900,
      startup_ms: 500,
      rung_ms: { r1: 8500 },
      measured_by: 'cmcd2-event',
      estimated: [],
    });
  });
});

describe('scored views told by bitrates', () => {
  it('count as the highest offered rung whose average the stated peak reaches', async () => {
    await engine.database.insertRows('decisions', [decisionRow('bitrates', NOW_MS)]);
    await ship(
      eventLines('bitrates', [
        [0, 'sta=p,br=(540)'],
        [6000, 'sta=p,br=(2600)'],
        [10_000, 'sta=e'],
      ]),
    );
    const [row] = await engine.database.query<Record<string, unknown>>(
      "SELECT rung_ms, known_rung_ms, quality_ms, rung_heights FROM scored_views WHERE view_id = 'bitrates'",
    );
    expect(row).toEqual({
      rung_ms: { low: 6000, high: 4000 },
      known_rung_ms: 10_000,
      quality_ms: 6000 * 60 + 4000 * 95,
      rung_heights: [720, 360],
    });
  });
});

const STATES = ['d', 's', 'p', 'k', 'r', 'a', 'w', 'e', 'f', 'q'];
const cmcdViewArbitrary = fc.record({
  lines: fc.array(
    fc.record({
      gap: fc.integer({ min: 0, max: 90_000 }),
      state: fc.option(fc.constantFrom(...STATES)),
      kbps: fc.option(fc.constantFrom(400, 900, 2000)),
      bl: fc.option(fc.integer({ min: 0, max: 30_000 })),
      pt: fc.option(fc.integer({ min: 0, max: 90_000 })),
      msd: fc.option(fc.integer({ min: 0, max: 5000 })),
    }),
    { maxLength: 12 },
  ),
  asked: fc.array(
    fc.record({
      gap: fc.integer({ min: 0, max: 9000 }),
      index: fc.integer({ min: 0, max: 12 }),
      rung: fc.constantFrom('r1', 'r2'),
      bl: fc.option(fc.integer({ min: 0, max: 6000 })),
      flags: fc.constantFrom('', ',bs', ',su', ',bs,su', ',bsd=(900;v),v=2'),
    }),
    { maxLength: 12 },
  ),
  beacon: fc.option(fc.integer({ min: 0, max: 50_000 })),
  again: fc.array(fc.nat(30), { maxLength: 8 }),
  order: fc.infiniteStream(fc.nat(1_000_000)).map((stream) => [...stream.take(80)]),
  cuts: fc.tuple(fc.nat(20), fc.nat(40)),
});
type CmcdView = typeof cmcdViewArbitrary extends fc.Arbitrary<infer View> ? View : never;

const key = (name: string, value: unknown): string => (value === null ? '' : `,${name}=${value}`);

function sentOf(viewId: string, { lines, asked, beacon }: CmcdView): Sent[] {
  let ms = 0;
  const events = lines.flatMap(({ gap, state, kbps, bl, pt, msd }, sn) => {
    ms += gap;
    const text = `cid="a",e=t,sid="s",sn=${sn},ts=${NOW_MS + ms}${key('sta', state)}${key('br', kbps)}${key('bl', bl)}${key('pt', pt)}${key('msd', msd)},v=2`;
    return decodeCmcdBody(text, NOW_MS).flatMap(({ report }) => sentBy(viewId, report, NOW_MS));
  });
  let askedMs = 0;
  const requested = asked.flatMap(({ gap, index, rung, bl, flags }, n) => {
    askedMs += gap;
    return requests(viewId, [[askedMs, index, `rtp=${n * 100}${key('bl', bl)}${flags}`]], rung);
  });
  if (beacon === null) return [...events, ...requested];
  const ts = new Date(NOW_MS).toISOString();
  const event: TelemetryEvent = { type: 'progress', eventId: 'b', sessionId: 's', assetId: 'a', ts, playedMs: beacon };
  return [...events, ...requested, { viewId, event, source: 'beacon', receivedAtMs: NOW_MS }];
}

describe('outcome fold of CMCD views', () => {
  it('gives the same row in any order, doubled, and lost first and sent later, over several segments', async () => {
    const views = fc.sample(cmcdViewArbitrary, { numRuns: 60, seed: 11 });
    const tidy: Sent[] = [];
    const parts: [Sent[], Sent[], Sent[]] = [[], [], []];
    for (const [index, view] of views.entries()) {
      tidy.push(...sentOf(`tidy-${index}`, view));
      const sent = sentOf(`messy-${index}`, view);
      const doubled = [...sent, ...view.again.flatMap((pick) => sent[pick % sent.length] ?? [])];
      const shuffled = doubled
        .map((one, at) => ({ one, rank: view.order[at] ?? 0 }))
        .sort((left, right) => left.rank - right.rank);
      for (const [at, { one }] of shuffled.entries()) {
        const part = at < view.cuts[0] ? 0 : at < view.cuts[1] ? 1 : 2;
        parts[part].push({ ...one, receivedAtMs: NOW_MS + at * 1000 });
      }
    }
    await ship(tidy);
    for (const part of parts) await ship(part);
    await ship(parts[1].slice(0, 50));
    const columns =
      'SELECT * EXCEPT (view_id, event_rows, first_received_at, last_received_at, received_hours) FROM view_outcomes FINAL';
    let told = 0;
    for (const [index, view] of views.entries()) {
      const [expected] = await engine.database.query<Outcome>(`${columns} WHERE view_id = {id:String}`, {
        id: `tidy-${index}`,
      });
      const rows = await engine.database.query(`${columns} WHERE view_id = {id:String}`, { id: `messy-${index}` });
      expect(rows, JSON.stringify(view)).toEqual(expected === undefined ? [] : [expected]);
      if ((expected?.played_ms ?? 0) > 0) told += 1;
    }
    expect(told).toBeGreaterThan(20);
  });

  it('is not changed by folding everything again', async () => {
    const before = await engine.database.query('SELECT * FROM view_outcomes FINAL ORDER BY view_id');
    await engine.database.command(FOLD_ALL_SQL);
    expect(await engine.database.query('SELECT * FROM view_outcomes FINAL ORDER BY view_id')).toEqual(before);
  });
});
