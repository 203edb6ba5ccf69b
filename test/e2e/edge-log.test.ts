import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImportSummary } from '../../src/commands/telemetry/import-tally.ts';
import { readRunFile } from '../../src/supervisor/run-file.ts';
import { makeClip } from '../fixtures/make-clip.ts';
import { startService, type TestService } from '../fixtures/service.ts';
import { waitFor } from '../fixtures/wait-for.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const NGINX = findNginx();
/** Loopback addresses that nothing but these two viewers uses. */
const FIRST_VIEWER = '127.83.0.1';
const SECOND_VIEWER = '127.83.0.2';

function findNginx(): string | null {
  try {
    return execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nginx'], {
      encoding: 'utf8',
    }).trim();
  } catch {
    return null;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The configuration that docs/edge.md gives, at places of its own. */
async function startEdge(service: TestService) {
  const directory = join(service.directory, 'edge');
  await mkdir(directory);
  const port = await freePort();
  const docs = await readFile(new URL('../../docs/edge.md', import.meta.url), 'utf8');
  const config = /```nginx\n([\s\S]*?)```/.exec(docs)?.[1] ?? '';
  const logPath = join(directory, 'nara.log');
  const placed = config
    .replaceAll('http://127.0.0.1:8080', service.url)
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('/var/cache/nginx/nara', join(directory, 'cache'))
    .replace('/var/log/nginx/nara.log', logPath);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  await writeFile(
    join(directory, 'nginx.conf'),
    `daemon off; ${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; pid ${join(directory, 'pid')};
     error_log ${join(directory, 'error.log')}; events {} http { ${temporary.join(' ')} ${placed} }`,
  );
  const nginx = spawn(NGINX ?? '', ['-p', directory, '-c', join(directory, 'nginx.conf')], { stdio: 'inherit' });
  const url = `http://127.0.0.1:${port}`;
  await waitFor('nginx', () =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return {
    url,
    logPath,
    async stop() {
      nginx.kill('SIGQUIT');
      await once(nginx, 'exit');
    },
  };
}

type Fetched = { status: number; text: string; location: string };

/** A GET that comes from an address of the viewer's own. */
function fetchFrom(address: string, url: string): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const request = get(url, {
      localAddress: address,
      agent: false,
      headers: { 'user-agent': 'Mozilla/5.0 (iPhone)' },
    });
    request.once('error', reject);
    request.once('response', async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const location = response.headers.location ?? '';
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('latin1'), location });
    });
  });
}

/** Plays an asset as hls.js with CMCD v1 in the query asks for it; answers how many reports that was. */
async function play(edge: string, assetId: string, sessionId: string, address: string): Promise<number> {
  const ask = async (path: string, cmcd: Record<string, string | number>): Promise<Fetched> => {
    const keys = Object.entries({ ...cmcd, cid: `"${assetId}"`, sf: 'h', sid: `"${sessionId}"` });
    const text = keys.map(([key, value]) => `${key}=${value}`).join(',');
    const url = new URL(path, edge);
    url.searchParams.set('CMCD', text);
    const fetched = await fetchFrom(address, url.href);
    expect([200, 307]).toContain(fetched.status);
    return fetched;
  };
  const decision = await fetchFrom(address, `${edge}/v/${assetId}/master.m3u8?sid=${sessionId}`);
  expect(decision.status).toBe(307);
  const manifest = await ask(new URL(decision.location, edge).pathname, { ot: 'm' });
  const playlistPath = new URL(linesOf(manifest.text)[0] ?? '', new URL(decision.location, edge)).pathname;
  const playlist = await ask(playlistPath, { ot: 'm' });
  const segments = linesOf(playlist.text);
  for (const [n, segment] of segments.entries()) {
    const path = new URL(segment, new URL(playlistPath, edge)).pathname;
    await ask(path, { bl: n * 2000, br: 400, d: 2000, mtp: 5000, ot: 'v', ...(n === 0 ? { su: '?1' } : {}) });
  }
  expect(segments.length).toBeGreaterThan(1);
  return segments.length + 1;
}

const linesOf = (playlist: string): string[] =>
  playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

async function importLog(service: TestService, ...args: string[]): Promise<ImportSummary> {
  const env = { ...process.env, NARA_DATA_DIR: join(service.directory, 'data'), NARA_ADMIN_TOKEN: service.key };
  const command = ['--import', 'tsx', MAIN, 'telemetry', 'import-log', '--json', ...args];
  return await new Promise((resolve, reject) => {
    execFile(process.execPath, command, { env }, (error, stdout) =>
      error ? reject(error) : resolve(JSON.parse(stdout)),
    );
  });
}

async function rows<Row>(service: TestService, query: string): Promise<Row[]> {
  const run = await readRunFile(join(service.directory, 'data'));
  const client = createClient({ url: run?.clickhouseUrl ?? '' });
  try {
    return await (await client.query({ query, format: 'JSONEachRow' })).json<Row>();
  } finally {
    await client.close();
  }
}

type Outcome = { session: string; started: boolean; played: number };
const outcomes = (service: TestService) =>
  rows<Outcome>(
    service,
    'SELECT session_id AS session, started, toUInt32(played_ms) AS played FROM view_outcomes FINAL ORDER BY session_id',
  );
const eventsOf = async (service: TestService, session: string): Promise<number> => {
  const query = `SELECT toUInt32(uniqExact(event_id)) AS events FROM events WHERE session_id = '${session}'`;
  return (await rows<{ events: number }>(service, query))[0]?.events ?? 0;
};
const shipped = async (service: TestService): Promise<void> => {
  expect((await service.call('POST', '/v1/policy/learn', {})).status).toBe(200);
};

/** Every file below a directory that holds a text. */
async function filesWith(directory: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}

if (NGINX === null) process.stderr.write('edge-log.test.ts: nginx is not installed; the edge is not tried\n');

describe.skipIf(NGINX === null)('an nginx in front, as docs/edge.md has it', () => {
  let service: TestService;
  let edge: Awaited<ReturnType<typeof startEdge>>;
  let assetId: string;
  let reports: number;
  beforeAll(async () => {
    service = await startService();
    const clip = join(service.directory, 'clip.mp4');
    await makeClip(clip, { seconds: 6, width: 640, height: 360 });
    assetId = await service.upload(clip);
    await service.assetWhen(assetId, ({ state }) => state === 'ready');
    edge = await startEdge(service);
    // Two viewers who are given different ladders ask for different files.
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const pin = { region: 'ZZ', device: 'phone', arm: 'baseline', expiresAt, actor: 'test', reason: 'one ladder' };
    expect((await service.call('POST', '/v1/policy/pins', pin)).status).toBe(201);
    reports = await play(edge.url, assetId, 'first', FIRST_VIEWER);
    await play(edge.url, assetId, 'second', SECOND_VIEWER);
  });
  afterAll(async () => {
    await edge?.stop();
    await service?.stop();
  });

  it('keeps from us what the second viewer reported', async () => {
    await shipped(service);
    expect(await eventsOf(service, 'first')).toBeGreaterThanOrEqual(reports);
    // Only its own manifest, which nobody else asks for.
    expect(await eventsOf(service, 'second')).toBe(1);
  });

  it('gives it back through its log, and the second viewer went as the first did', async () => {
    const dry = await importLog(service, '--dry-run', edge.logPath);
    expect(dry).toMatchObject({ reports, imported: 0, unparsable: 0 });
    const summary = await importLog(service, edge.logPath);
    expect(summary).toMatchObject({ reports, imported: summary.events, duplicates: 0, refused: 0, examples: {} });
    await shipped(service);
    expect(await eventsOf(service, 'second')).toBe(await eventsOf(service, 'first'));
    const [first, second] = await outcomes(service);
    expect(first).toMatchObject({ session: 'first', started: true });
    expect(second).toEqual({ ...first, session: 'second', played: expect.any(Number) });
    expect(second?.played).toBeGreaterThan(0);
    // Both are estimated from requests a few milliseconds apart.
    expect(Math.abs((second?.played ?? 0) - (first?.played ?? 0))).toBeLessThan(2_000);
    const where = await rows(
      service,
      "SELECT DISTINCT source, device, match(block, '^[0-9a-f]{16}$') AS hasBlock, trusted FROM events WHERE session_id = 'second'",
    );
    expect(where).toEqual([{ source: 'cmcd1', device: 'phone', hasBlock: 1, trusted: false }]);
  });

  it('changes nothing when the log is read again, compressed and all', async () => {
    const before = await outcomes(service);
    const compressed = `${edge.logPath}.1.gz`;
    await writeFile(compressed, gzipSync(await readFile(edge.logPath)));
    const summary = await importLog(service, compressed);
    expect(summary).toMatchObject({ imported: 0, duplicates: summary.events, refused: 0 });
    await shipped(service);
    expect(await outcomes(service)).toEqual(before);
  });

  it('leaves no address of a viewer behind', async () => {
    expect(await filesWith(join(service.directory, 'edge'), SECOND_VIEWER)).toContain(edge.logPath);
    for (const address of [FIRST_VIEWER, SECOND_VIEWER])
      expect(await filesWith(join(service.directory, 'data'), address)).toEqual([]);
  });

  it('is not where uploads are measured twice: the service told of its own', async () => {
    const uploads = await rows<{ type: string; source: string; asset: string }>(
      service,
      "SELECT type, any(source) AS source, any(asset_id) AS asset FROM events WHERE view_id = '' GROUP BY type ORDER BY type",
    );
    expect(uploads).toEqual([
      { type: 'upload_end', source: 'server', asset: assetId },
      { type: 'upload_progress', source: 'server', asset: assetId },
    ]);
  });
});
