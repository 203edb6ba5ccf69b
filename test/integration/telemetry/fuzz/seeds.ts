import { readdirSync, readFileSync } from 'node:fs';

/** A request as it should be. */
export type Seed = { method: 'GET' | 'POST'; path: string; headers: Record<string, string>; body: Buffer };

const CAPTURES = new URL('../../../fixtures/cmcd-captures/', import.meta.url);

/** The session of every seed, which each mutant has replaced by one of its own, and the asset of all. */
export const SESSION = 's-1';
const ASSET = 'a_1';

type Capture = {
  sessionId: string;
  assetId: string;
  requests: { method: string; path: string; headers: Record<string, string>; body: string }[];
};

/** Valid reports of every kind: native ones written here, and what real players sent. */
export function readSeeds(ts: string): Seed[] {
  return [...nativeSeeds(ts), ...capturedSeeds()];
}

const COUNTERS = {
  playedMs: 4000.4,
  stalledMs: 120,
  seekStalledMs: 7,
  stallCount: 1,
  startupMs: 512,
  pausedMs: 0,
  bytes: 1_234_567,
  rungMs: { '240p-105k': 1000, '480p-1408k-28a3c5de': 3000.4 },
  switchesUp: 1,
  switchesDown: 0,
  droppedFrames: 3,
  viewportHeight: 1080,
};
const SAMPLE = {
  state: 'playing',
  playheadMs: 4000,
  bufferMs: 12_000,
  bitrateKbps: 1408.5,
  renditionId: '480p-1408k-28a3c5de',
  segmentMs: 2000,
  segmentIndex: 2,
  lastSegment: false,
  starved: false,
  throughputKbps: 5300.25,
  playbackRate: 1,
};

function nativeSeeds(ts: string): Seed[] {
  const base = {
    sessionId: SESSION,
    assetId: ASSET,
    ts,
    region: 'NO',
    device: 'phone',
    connection: 'wifi',
    sequence: 4,
  };
  const events = [
    { ...base, type: 'view_start', eventId: 'e0' },
    { ...base, type: 'startup', eventId: 'e1', startupMs: 512 },
    { ...base, type: 'stall', eventId: 'e2', durationMs: 300, cause: 'buffer' },
    { ...base, type: 'rung_switch', eventId: 'e3', from: '240p-105k', to: '480p-1408k-28a3c5de' },
    { ...base, type: 'error', eventId: 'e4', code: 'MEDIA_ERR', fatal: false, message: 'it hiccupped “twice” \u0001' },
    { ...base, type: 'progress', eventId: 'e5', ...COUNTERS, sample: SAMPLE },
    { ...base, type: 'view_end', eventId: 'e6', ...COUNTERS },
    { ...base, type: 'view_end', eventId: 'e7', ...COUNTERS, viewToken: 'eyJ.x' },
    { ...base, type: 'upload_progress', eventId: 'u1', bytes: 5, elapsedMs: 10 },
    { ...base, type: 'upload_end', eventId: 'u2', bytes: 9, elapsedMs: 20, resumes: 1, stallCount: 1, abandoned: true },
  ];
  const lines = events.map((event) => JSON.stringify(event));
  const batch = JSON.stringify({ events });
  const seed = (body: string, headers: Record<string, string>): Seed => ({
    method: 'POST',
    path: '/v1/telemetry',
    headers,
    body: Buffer.from(body),
  });
  return [
    ...lines.map((line) => seed(line, { 'content-type': 'text/plain;charset=UTF-8' })),
    seed(batch, { 'content-type': 'application/json' }),
    seed(JSON.stringify(events), { 'content-type': 'application/json' }),
    seed(`${lines.join('\n')}\n`, { 'content-type': 'application/x-ndjson' }),
  ];
}

/** The longest bodies of each capture, and some of its media requests. */
function capturedSeeds(): Seed[] {
  const names = readdirSync(CAPTURES).filter((name) => name.endsWith('.json'));
  return names.sort().flatMap((name) => {
    const text = readFileSync(new URL(name, CAPTURES), 'utf8');
    const { sessionId, assetId } = JSON.parse(text) as Capture;
    const { requests } = JSON.parse(text.replaceAll(sessionId, SESSION).replaceAll(assetId, ASSET)) as Capture;
    const bodies = requests.filter(({ method, body }) => method === 'POST' && body !== '');
    const media = requests.filter(({ path, headers }) => path.includes('CMCD=') || 'cmcd-session' in headers);
    const longest = bodies.sort((left, right) => right.body.length - left.body.length).slice(0, 6);
    return [
      ...longest.map(({ path, headers, body }) => toSeed('POST', path, headers, body)),
      ...media.slice(1, 3).map(({ path, headers }) => toSeed('GET', path, headers, '')),
    ];
  });
}

function toSeed(method: Seed['method'], path: string, headers: Record<string, string>, body: string): Seed {
  return { method, path: path.replace(/[?&]key=[^&]*/, ''), headers, body: Buffer.from(body) };
}
