import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { z } from 'zod';
import { seededRng } from '../../../../src/policy/seeded-rng.ts';
import { type Mutant, mutate } from './mutate.ts';
import { readSeeds } from './seeds.ts';

const CONCURRENT = 24;
/** What a batch of 10,000 bad items may be answered with, and then some. */
const MAX_ANSWER_BYTES = 8 * 1024 ** 2;

type Answer = { status: number; headers: IncomingHttpHeaders; text: string };
/** What was answered all in all; media requests are answered before their reports are stored, and counted apart. */
export type Tally = {
  statuses: Record<string, number>;
  accepted: number;
  duplicates: number;
  rejected: number;
  mediaRequests: number;
  /** Answers that should not have been, with what they answered. */
  wrong: string[];
};

const storedSchema = z.strictObject({
  accepted: z.int().min(0),
  duplicates: z.int().min(0),
  rejected: z.array(
    z.strictObject({
      index: z.int().min(0),
      code: z.string().regex(/^[a-z]+\.[a-z]+$/),
      errors: z.array(z.strictObject({ path: z.string(), expected: z.string(), received: z.string().max(100) })).min(1),
    }),
  ),
});
const problemSchema = z.looseObject({
  type: z.literal('about:blank'),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
});

/** Sends `count` mutants, several at a time, and holds every answer against what may be answered. */
export async function sendMutants(url: string, { seed, count }: { seed: number; count: number }): Promise<Tally> {
  const seeds = readSeeds(new Date().toISOString());
  const rng = seededRng(seed, 'mutants');
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENT });
  const tally: Tally = { statuses: {}, accepted: 0, duplicates: 0, rejected: 0, mediaRequests: 0, wrong: [] };
  let sent = 0;

  async function sendSome(): Promise<void> {
    while (sent < count) {
      const number = sent++;
      const mutant = mutate(seeds, rng, number);
      const key = number % 5 === 0 ? 'decide' : 'telemetry';
      const answer = await send(agent, url, mutant, key).catch((error: Error) => error);
      const complaint = answer instanceof Error ? String(answer) : judge(mutant, answer, tally);
      if (complaint !== null) tally.wrong.push(`${number}: ${complaint}; ${describe(mutant)}`);
    }
  }

  await Promise.all(Array.from({ length: CONCURRENT }, sendSome));
  agent.destroy();
  return tally;
}

function send(agent: Agent, url: string, { method, path, headers, body }: Mutant, key: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    const options = { method, agent, headers: { ...headers, authorization: `Bearer ${key}` } };
    const sent = request(`${url}${path}`, options, (response) => {
      const chunks: Buffer[] = [];
      isAnswered = true;
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
      response.on('error', reject);
    });
    // A body that is refused unread cannot be sent to its end.
    sent.on('error', (error) => isAnswered || reject(error));
    sent.end(body);
  });
}

/** What is wrong with an answer; null when nothing is. */
function judge(mutant: Mutant, { status, headers, text }: Answer, tally: Tally): string | null {
  tally.statuses[status] = (tally.statuses[status] ?? 0) + 1;
  if (status >= 500) return `${status} ${text.slice(0, 200)}`;
  if (text.length > MAX_ANSWER_BYTES) return `an answer of ${text.length} bytes`;
  if (mutant.method === 'GET') {
    tally.mediaRequests += 1;
    return null;
  }
  if (status !== 202 && status !== 200) {
    const isProblem = problemSchema.safeParse(parseJson(text)).success;
    if (!isProblem || headers['content-type'] !== 'application/problem+json; charset=utf-8')
      return `${status} without a problem document: ${text.slice(0, 200)}`;
    return mutant.path === '/v1/cmcd' && mutant.isSound && mutant.body.length <= 65_536
      ? `${status}, after which players drop what they reported`
      : null;
  }
  const stored = storedSchema.safeParse(parseJson(text));
  if (!stored.success) return `${stored.error.message}: ${text.slice(0, 200)}`;
  tally.accepted += stored.data.accepted;
  tally.duplicates += stored.data.duplicates;
  tally.rejected += stored.data.rejected.length;
  return null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const SHOWN_BYTES = 300;

function describe({ method, path, headers, body, mutations }: Mutant): string {
  const shown = body.subarray(0, SHOWN_BYTES).toString('latin1');
  return `${method} ${path.slice(0, SHOWN_BYTES)} ${JSON.stringify(headers)} ${mutations.join(' + ')} ${JSON.stringify(shown)}`;
}
