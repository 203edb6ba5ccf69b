import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import type { Kind, Sample } from '../samples.ts';
import { type Answer, ask } from './ask.ts';
import { every } from './every.ts';
import { createPlayer } from './player.ts';
import { openRoom, type RoomAddress } from './room.ts';

/** What the users are told: everything is reached over the line. */
export type Crowd = { hostUrl: string; names: string[]; password: string; masterUrl: string; room: RoomAddress };

/** How often one person does what. */
const EVERY_MS = { feed: 2_000, segment: 2_000, viewing: 10_000, words: 3_000, post: 12_000, logIn: 40_000 };
/** What browsers open to one host at most. */
const CONNECTIONS = 6;

/** One person with the page open: reads, posts, watches, talks, until aborted. Every request becomes a sample. */
export async function beUser(crowd: Crowd, name: string, signal: AbortSignal, record: (sample: Sample) => void) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let token = '';

  const measure = async (
    kind: Kind,
    dueAtMs: number,
    work: () => Promise<{ firstByteAtMs: number; failure: string | null }>,
  ): Promise<void> => {
    const atMs = Date.now() - (performance.now() - dueAtMs);
    const outcome = await work().catch((error: Error) => ({
      firstByteAtMs: performance.now(),
      failure: `${error.name}: ${error.message}`,
    }));
    // What is under way when the user leaves tells nothing.
    if (signal.aborted && outcome.failure !== null) return;
    record({ kind, atMs, firstByteMs: outcome.firstByteAtMs - dueAtMs, failure: outcome.failure });
  };
  const fetch = async (kind: Kind, url: URL, dueAtMs: number, options?: Parameters<typeof ask>[2]) => {
    let answer: Answer | null = null;
    await measure(kind, dueAtMs, async () => {
      answer = await ask(agent, url, options);
      const { status, firstByteAtMs } = answer;
      return { firstByteAtMs, failure: status < 400 ? null : `${kind} answered ${status}` };
    });
    return answer as Answer | null;
  };
  const host = (path: string): URL => new URL(path, crowd.hostUrl);
  const json = (body: unknown) => ({
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', authorization: token },
  });
  const logIn = async (dueAtMs: number): Promise<void> => {
    const answer = await fetch('log-in', host('/login'), dueAtMs, json({ name, password: crowd.password }));
    token = answer?.status === 200 ? JSON.parse(String(answer.body)).token : token;
  };

  let dueAtMs = performance.now();
  const masterUrl = (): URL => new URL(`${crowd.masterUrl}?sid=${randomUUID()}`);
  const player = createPlayer(masterUrl, async (kind, url) => {
    const answer = await fetch(kind, url, dueAtMs);
    dueAtMs = performance.now();
    return answer;
  });
  // Some have begun before anybody looked.
  let viewingEndsAtMs = performance.now() + Math.random() * EVERY_MS.viewing;
  await player.open();
  const watch = async (due: number): Promise<void> => {
    dueAtMs = due;
    if (due >= viewingEndsAtMs) {
      viewingEndsAtMs = due + EVERY_MS.viewing;
      await player.open();
    }
    await player.next();
  };

  await logIn(performance.now());
  const room = await openRoom(crowd.room);
  const say = async () => ({ firstByteAtMs: (await room.say()).heardAtMs, failure: null });
  await Promise.all([
    every(EVERY_MS.logIn, signal, logIn),
    every(EVERY_MS.feed, signal, async (due) => {
      await fetch('feed', host('/feed'), due, { headers: { authorization: token } });
    }),
    every(EVERY_MS.post, signal, async (due) => {
      await fetch('post', host('/posts'), due, json({ text: `${name} was here, ${'x'.repeat(80)}` }));
    }),
    every(EVERY_MS.segment, signal, watch),
    every(EVERY_MS.words, signal, (due) => measure('websocket', due, say)),
  ]);
  room.close();
  agent.destroy();
}
