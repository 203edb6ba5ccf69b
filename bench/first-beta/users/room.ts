import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';

// Lifecycle: openRoom → connected and greeted → say() as often as wanted → close(). Everybody hears everything; the wait is
// for one's own words to come back.

/** Where people talk: NARA's feed, or the host's own room. */
export type RoomAddress = { url: string; token: string | null };

export type Room = { say(): Promise<{ heardAtMs: number }>; close(): void };

const TOPIC = 'channel:first-beta';
const TIMEOUT_MS = 30_000;

export async function openRoom({ url, token }: RoomAddress): Promise<Room> {
  const socket = new WebSocket(url, token === null ? [] : ['nara.v1']);
  const waiting = new Map<string, (heardAtMs: number) => void>();
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => socket.terminate());
  socket.on('message', (data) => {
    const heardAtMs = performance.now();
    const words = /"words":"([^"]+)"/.exec(String(data))?.[1] ?? '';
    waiting.get(words)?.(heardAtMs);
    waiting.delete(words);
  });
  if (token !== null) {
    socket.send(JSON.stringify({ op: 'hello', token }));
    await new Promise((resolve) => socket.once('message', resolve));
    socket.send(JSON.stringify({ op: 'subscribe', topics: [TOPIC] }));
  }
  return {
    say: () =>
      new Promise((resolve, reject) => {
        const words = randomUUID();
        const timer = setTimeout(() => reject(new Error('nobody heard it')), TIMEOUT_MS);
        waiting.set(words, (heardAtMs) => {
          clearTimeout(timer);
          resolve({ heardAtMs });
        });
        const message = token === null ? { words } : { op: 'publish', topic: TOPIC, type: 'message', data: { words } };
        socket.send(JSON.stringify(message));
      }),
    close: () => socket.terminate(),
  };
}
