import { type Agent, type IncomingHttpHeaders, request } from 'node:http';

/** An answer with when its first byte was there (`performance.now()`). */
export type Answer = { status: number; headers: IncomingHttpHeaders; body: Buffer; firstByteAtMs: number };

const TIMEOUT_MS = 30_000;

/** One request over the user's own connections, its body read to the end. Rejects when it is not answered. */
export function ask(
  agent: Agent,
  url: URL,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const outgoing = request(url, { agent, method, headers, signal }, (incoming) => {
      const firstByteAtMs = performance.now();
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', reject);
      incoming.once('end', () => {
        const { statusCode: status = 0, headers: answered } = incoming;
        resolve({ status, headers: answered, body: Buffer.concat(chunks), firstByteAtMs });
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
