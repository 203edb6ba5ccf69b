import { connect, type Socket } from 'node:net';
import { quantile } from 'simple-statistics';

/** Where to send, and how much in one body. */
export type Target = { url: URL; batch: number };

/** What a stretch of load saw: every request was answered with 202. Latency counts from when a request was due. */
export type Load = { eventsPerSecond: number; p50Ms: number; p99Ms: number };

const HEAD_END = Buffer.from('\r\n\r\n');

/** Keeps `connections` busy for `seconds`: as much as the server takes. */
export async function saturate(target: Target, options: { connections: number; seconds: number }): Promise<Load> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  const endAt = startedAt + options.seconds * 1000;
  const sender = async (): Promise<void> => {
    const connection = await openConnection(target);
    while (performance.now() < endAt) {
      const sentAt = performance.now();
      await connection.post();
      latencies.push(performance.now() - sentAt);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: options.connections }, sender));
  return summary(latencies, target, performance.now() - startedAt);
}

/** Sends at a steady rate, whatever the server does: a slow answer delays nobody but itself, and what waits is counted. */
export async function sendSteadily(
  target: Target,
  options: { connections: number; seconds: number; eventsPerSecond: number },
): Promise<Load> {
  const latencies: number[] = [];
  const everyMs = (1000 * target.batch) / options.eventsPerSecond;
  const total = Math.floor((options.seconds * 1000) / everyMs);
  const startedAt = performance.now();
  let next = 0;
  const sender = async (): Promise<void> => {
    const connection = await openConnection(target);
    while (next < total) {
      const dueAt = startedAt + next * everyMs;
      next += 1;
      const waitMs = dueAt - performance.now();
      if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
      await connection.post();
      latencies.push(performance.now() - Math.min(dueAt, performance.now()));
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: options.connections }, sender));
  return summary(latencies, target, performance.now() - startedAt);
}

function summary(latencies: number[], { batch }: Target, elapsedMs: number): Load {
  return {
    eventsPerSecond: (latencies.length * batch * 1000) / elapsedMs,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
}

type Connection = { post(): Promise<void>; close(): void };

/** One keep-alive connection with one request under way: a client that costs less than the servers it measures. */
async function openConnection({ url, batch }: Target): Promise<Connection> {
  const socket: Socket = connect(Number(url.port), url.hostname);
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  let answered: (() => void) | null = null;
  let failed: (error: Error) => void = () => {};
  let received = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const headEnd = received.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const head = received.subarray(0, headEnd).toString('latin1');
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) return failed(new Error(`an answer without a length: ${head}`));
    if (received.length < headEnd + HEAD_END.length + length) return;
    received = Buffer.alloc(0);
    if (head.startsWith('HTTP/1.1 202')) answered?.();
    else failed(new Error(`not accepted: ${head}`));
  });
  socket.once('error', (error) => failed(error));
  socket.once('close', () => failed(new Error('the connection was closed')));
  const write = bodyWriter(batch);
  return {
    post: () =>
      new Promise<void>((resolve, reject) => {
        answered = resolve;
        failed = reject;
        const body = write();
        socket.write(
          `POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
      }),
    close() {
      failed = () => {};
      socket.destroy();
    },
  };
}

/** Views that one connection reports in turn, and reports of each, as a player that reports every ten seconds for two minutes. */
const VIEWS_AT_ONCE = 20;
const REPORTS_OF_A_VIEW = 12;
let views = 0;

/** Bodies of one view each, ASCII, so that length in characters is length in bytes. */
function bodyWriter(batch: number): () => string {
  let written = 0;
  let firstView = 0;
  return () => {
    const round = written % (VIEWS_AT_ONCE * REPORTS_OF_A_VIEW);
    if (round === 0) {
      firstView = views;
      views += VIEWS_AT_ONCE;
    }
    written += 1;
    const sessionId = `bench-${process.pid}-${firstView + (round % VIEWS_AT_ONCE)}`;
    const ts = new Date().toISOString();
    let events = '';
    for (let n = 0; n < batch; n += 1) {
      const at = Math.floor(round / VIEWS_AT_ONCE) * batch + n;
      events +=
        `${n === 0 ? '' : ','}{"type":"progress","eventId":"e${at}","sessionId":"${sessionId}","assetId":"a_bench","ts":"${ts}"` +
        `,"playedMs":${at * 100},"stalledMs":${at},"bytes":${at * 10_000},"rungMs":{"360p-459k-00000000":${at * 100}}}`;
    }
    return `{"events":[${events}]}`;
  };
}
