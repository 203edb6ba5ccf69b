import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack } from '../src/commands/demo/start-stack.ts';
import { type Bench, type BenchResult, summarise } from './report.ts';

const BATCH = 20;
const CONNECTIONS = 32;

/**
 * Durable ingest of batches of 20 events: the real API beside a bare node:http server that only parses and shares fdatasync
 * between whatever arrives together. Both are driven in turn, round by round, from this process.
 */
export const ingest: Bench = async ({ quick }) => {
  const directory = await mkdtemp(join(tmpdir(), 'nara-bench-'));
  const stack = await startStack({ directory, signal: new AbortController().signal });
  const bare = await startBareServer(join(directory, 'bare.ndjson'));
  const rounds = quick ? 2 : 7;
  const seconds = quick ? 1 : 3;
  const samples: { nara: number[]; bare: number[] } = { nara: [], bare: [] };
  try {
    for (let round = 0; round <= rounds; round += 1) {
      samples.nara.push(await drive(`${stack.url}/v1/telemetry?key=${stack.key}`, seconds, round));
      samples.bare.push(await drive(bare.url, seconds, round));
    }
  } finally {
    await bare.stop();
    await stack.stop();
    await rm(directory, { recursive: true, force: true });
  }
  const [nara, peer] = [summarise(samples.nara.slice(1)), summarise(samples.bare.slice(1))];
  const ratio = nara.value / peer.value;
  const result: BenchResult = {
    metric: `durable ingest, batches of ${BATCH}`,
    unit: 'events/s',
    ...nara,
    peer: 'bare node:http, parse and group-committed fdatasync',
    peerValue: peer.value,
    ratio,
    target: 'ratio ≥ 0.6',
    met: ratio >= 0.6,
  };
  return [result];
};

/** Events per second that were acknowledged over `seconds`, with a bounded number of requests under way. */
async function drive(url: string, seconds: number, round: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const startedAt = performance.now();
  const endAt = startedAt + seconds * 1000;
  let acknowledged = 0;
  const sender = async (connection: number): Promise<void> => {
    for (let n = 0; performance.now() < endAt; n += 1) {
      await post(agent, url, bodyOf(`b-${round}-${connection}-${n}`));
      acknowledged += BATCH;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, connection) => sender(connection)));
  agent.destroy();
  return (acknowledged / (performance.now() - startedAt)) * 1000;
}

function bodyOf(sessionId: string): string {
  const ts = new Date().toISOString();
  const events = Array.from({ length: BATCH }, (_, n) => ({
    type: 'progress',
    eventId: `e${n}`,
    sessionId,
    assetId: 'a_bench',
    ts,
    playedMs: n * 1000,
    stalledMs: n,
    bytes: n * 100_000,
    rungMs: { '360p-459k-00000000': n * 1000 },
  }));
  return JSON.stringify({ events });
}

function post(agent: Agent, url: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (answer) => {
        answer.resume();
        answer.once('end', () =>
          answer.statusCode === 202 ? resolve() : reject(new Error(`answered ${answer.statusCode}`)),
        );
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

type Bare = { url: string; stop(): Promise<void> };

async function startBareServer(path: string): Promise<Bare> {
  const file = await open(path, 'a');
  const commit = groupCommit(file);
  const server: Server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', async () => {
      const { events } = JSON.parse(Buffer.concat(chunks).toString());
      await commit(events.map((event: unknown) => `${JSON.stringify(event)}\n`).join(''));
      response.writeHead(202).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await file.close();
    },
  };
}

function groupCommit(file: FileHandle): (text: string) => Promise<void> {
  let waiting: { text: string; done(): void }[] = [];
  let running = false;
  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await file.write(batch.map(({ text }) => text).join(''));
      await file.datasync();
      for (const { done } of batch) done();
    }
    running = false;
  };
  return (text) =>
    new Promise((done) => {
      waiting.push({ text, done });
      if (!running) void run();
    });
}
