import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRunFile } from '../../src/supervisor/run-file.ts';
import { createDatabase, type Database } from '../../src/telemetry/database.ts';
import { type Browser, findChromium, startBrowser } from '../fixtures/browser.ts';
import { makeClip } from '../fixtures/make-clip.ts';
import { type PageServer, type PlayerBuild, startPageServer } from '../fixtures/page-server.ts';
import { startService, type TestService } from '../fixtures/service.ts';
import { waitFor } from '../fixtures/wait-for.ts';
import {
  BUFFER_SECONDS,
  type MeasuredView,
  SEGMENT_SECONDS,
  type WatchedView,
  type WatchRequest,
  watchView,
} from '../fixtures/watch-view.ts';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

const chromium = findChromium();
if (chromium === null) {
  process.stderr.write(
    '\n*** NO CHROMIUM: real players are NOT tested. apt-get install chromium, or set CHROMIUM. ***\n\n',
  );
}

type Outcome = {
  started: boolean;
  ended: boolean;
  startup_ms: number | null;
  played_ms: number;
  stalled_ms: number;
  stall_count: number;
  seek_stalled_ms: number;
  paused_ms: number;
  rung_ms: Record<string, number>;
  measured_by: string;
  estimated: string[];
  trusted: boolean;
};

let service: TestService;
let pages: PageServer;
let browser: Browser;
let database: Database;
let key: string;
let assetId: string;

/** How far an outcome may be from what the page measured: the larger of a duration and a share. */
type Tolerance = { ms: number; share: number };
type Tolerances = { startup: Tolerance; played: Tolerance; stalled: Tolerance; rungs: Tolerance };

/** As docs/players.md states them. */
const COUNTED = {
  startup: { ms: 250, share: 0.05 },
  played: { ms: 250, share: 0.05 },
  stalled: { ms: 250, share: 0.05 },
  rungs: { ms: 500, share: 0.05 },
};
const TOLERANCES: Record<WatchRequest['reports'], Tolerances> = {
  beacons: COUNTED,
  // A bitrate is told when it is selected; it is shown up to a buffer later.
  events: { ...COUNTED, rungs: { ms: BUFFER_SECONDS * 1000, share: 0.05 } },
  requests: {
    startup: { ms: 500, share: 0.15 },
    played: { ms: 1500, share: 0.1 },
    stalled: { ms: 1000, share: 0.25 },
    rungs: { ms: SEGMENT_SECONDS * 1000, share: 0.1 },
  },
};

type Watched = { watched: WatchedView; outcome: Outcome };
type ViewOf = Pick<WatchRequest, 'player' | 'reports'>;

const EXACT_VIEWS: ViewOf[] = [
  { player: 'hls.js', reports: 'events' },
  { player: 'shaka-player', reports: 'events' },
  { player: 'dash.js', reports: 'events' },
  { player: 'hls.js', reports: 'beacons' },
  { player: 'shaka-player', reports: 'beacons' },
  { player: 'dash.js', reports: 'beacons' },
];
const ESTIMATED_VIEWS: ViewOf[] = [
  { player: 'hls.js', reports: 'requests' },
  { player: 'shaka-player', reports: 'requests' },
  { player: 'dash.js', reports: 'requests' },
];
/** Two cores decode so many videos at a time without dropping frames. */
const AT_A_TIME = 5;

/** The minified builds of shaka-player 5.2 lose the player's state on its way to CMCD (docs/players.md). */
const buildOf = ({ player, reports }: ViewOf): PlayerBuild =>
  player === 'shaka-player' && reports === 'events' ? 'shaka-debug' : BUILDS[player];
const BUILDS = { 'hls.js': 'hls', 'shaka-player': 'shaka', 'dash.js': 'dash' } as const;

const nameOf = ({ player, reports }: ViewOf): string => `${player}-${reports}`;

function expectWithin(what: string, actual: number, expected: number, { ms, share }: Tolerance): void {
  const allowed = Math.max(ms, expected * share);
  expect(
    Math.abs(actual - expected),
    `${what}: page ${expected.toFixed()}, NARA ${actual.toFixed()}`,
  ).toBeLessThanOrEqual(allowed);
}

describe.skipIf(chromium === null)('a real player in a real browser, configured as docs/players.md says', () => {
  const views = new Map<string, Watched>();
  const view = (of: ViewOf): Watched => {
    const found = views.get(nameOf(of));
    if (!found) throw new Error(`${nameOf(of)} was not watched`);
    return found;
  };

  beforeAll(async () => {
    service = await startService();
    pages = await startPageServer();
    browser = await startBrowser(chromium ?? '');
    const clip = join(service.directory, 'clip.mp4');
    await makeClip(clip, { seconds: 14, width: 640, height: 360 });
    assetId = await service.upload(clip);
    await service.assetWhen(assetId, ({ availability, state }) => availability === 'complete' && state === 'ready');
    key = await createKey();
    const known = await readRunFile(join(service.directory, 'data'));
    database = createDatabase(known?.clickhouseUrl ?? '');
    const all = [...EXACT_VIEWS, ...ESTIMATED_VIEWS];
    const watched: [ViewOf, WatchedView][] = [];
    while (all.length > 0) {
      const some = all.splice(0, AT_A_TIME);
      watched.push(...(await Promise.all(some.map(async (of) => [of, await watch(of)] as [ViewOf, WatchedView]))));
    }
    await waitFor(
      'everything to be shipped',
      async () => (await service.call('POST', '/v1/policy/learn', {})).status === 200,
      60_000,
    );
    for (const [of, seen] of watched) views.set(nameOf(of), { watched: seen, outcome: await outcomeOf(nameOf(of)) });
  });
  afterAll(async () => {
    await browser?.stop();
    await pages?.stop();
    await database?.close();
    await service?.stop();
  });

  /** A key as a page has it: it may report, from its own origin. */
  async function createKey(): Promise<string> {
    const args = ['keys', 'create', '--scopes', 'telemetry', '--origins', pages.url, '--json'];
    const env = { ...process.env, NARA_DATA_DIR: join(service.directory, 'data') };
    const { stdout } = await run(process.execPath, ['--import', 'tsx', MAIN, ...args], { env });
    return JSON.parse(stdout).key;
  }

  function watch(of: ViewOf): Promise<WatchedView> {
    const pageUrl = `${pages.url}/${buildOf(of)}`;
    return watchView(browser, {
      ...of,
      pageUrl,
      serviceUrl: service.url,
      view: { assetId, sessionId: nameOf(of), key },
    });
  }

  async function outcomeOf(sessionId: string): Promise<Outcome> {
    // Scored views know which rendition a bitrate was; everything else is the outcome's.
    const sql = `SELECT outcome.* EXCEPT rung_ms, scored.rung_ms AS rung_ms FROM view_outcomes AS outcome FINAL
      JOIN scored_views AS scored ON scored.view_id = outcome.view_id WHERE outcome.session_id = {sessionId:String}`;
    const rows = await database.query<Outcome>(sql, { sessionId });
    expect(rows, sessionId).toHaveLength(1);
    return rows[0] as Outcome;
  }

  function expectAgreement(of: ViewOf): Watched {
    const { watched, outcome } = view(of);
    const { measured, rungMs } = watched;
    const tolerances = TOLERANCES[of.reports];
    expect(outcome).toMatchObject({ started: true, trusted: false });
    // A player that reports knows nothing of the time in which it was made.
    const beforeMs = of.reports === 'beacons' ? 0 : measured.firstRequestMs;
    const startupMs = measured.startupMs - beforeMs;
    expectWithin('start-up', outcome.startup_ms ?? Number.NaN, startupMs, tolerances.startup);
    expectWithin('played', outcome.played_ms, measured.playedMs, tolerances.played);
    for (const id of new Set([...Object.keys(rungMs), ...Object.keys(outcome.rung_ms)])) {
      expectWithin(id, outcome.rung_ms[id] ?? 0, rungMs[id] ?? 0, tolerances.rungs);
    }
    return { watched, outcome };
  }

  it.each(EXACT_VIEWS)('$player reports by $reports what the page measured', (of) => {
    const { watched, outcome } = expectAgreement(of);
    const { measured } = watched;
    const { stalled } = TOLERANCES[of.reports];
    expectWithin('stalled', outcome.stalled_ms, measured.stalledMs, stalled);
    expectWithin('stalled by seeking', outcome.seek_stalled_ms, measured.seekStalledMs, stalled);
    expectWithin('paused', outcome.paused_ms, measured.pausedMs, stalled);
    expect(outcome.stall_count).toBe(measured.stallCount);
    expect(outcome.ended).toBe(true);
    expect(outcome.estimated).toEqual([]);
  });

  it.each(ESTIMATED_VIEWS)('$player reports by $reports what comes near, and is marked an estimate', (of) => {
    const { watched, outcome } = expectAgreement(of);
    // That nothing was shown is seen well; whether for want of data, by seeking or by a hand is a guess.
    const stoodStillMs = idleMs(watched.measured);
    const foundMs = outcome.stalled_ms + outcome.seek_stalled_ms + outcome.paused_ms;
    expectWithin('stood still', foundMs, stoodStillMs, TOLERANCES.requests.stalled);
    expect(outcome.estimated).toEqual(expect.arrayContaining(['startup_ms', 'played_ms', 'stalled_ms']));
  });
});

const idleMs = ({ stalledMs, seekStalledMs, pausedMs }: MeasuredView): number => stalledMs + seekStalledMs + pausedMs;
