import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';

const POLL_MS = 20;
const GIVE_UP_MS = 90_000;
/** What players buffer before they begin. */
const SEGMENTS = 2;

/** Resolves (performance.now) once a player that asks again and again could begin: two segments of every track were fetched. */
export async function whenPlayable(url: string, assetId: string): Promise<number> {
  const deadline = performance.now() + GIVE_UP_MS;
  for (;;) {
    if (await canBegin(`${url}/v/${assetId}/master.m3u8?sid=bench-${assetId}`)) return performance.now();
    if (performance.now() > deadline) throw new Error(`asset ${assetId} was not playable within ${GIVE_UP_MS} ms`);
    await sleep(POLL_MS);
  }
}

async function canBegin(master: string): Promise<boolean> {
  const answer = await fetch(master);
  const text = await answer.text();
  if (!answer.ok) return false;
  const variants = uris(text);
  const audio = [...text.matchAll(/URI="([^"]+\.m3u8)"/g)]
    .map(([line, uri]) => ({ line, uri: uri ?? '' }))
    .filter(({ uri }) => !uri.includes('iframe'));
  const playlists = [...new Set([variants[0] ?? '', ...audio.map(({ uri }) => uri)])].filter(Boolean);
  const all = await Promise.all(playlists.map((playlist) => hasSegments(new URL(playlist, answer.url))));
  return all.length > 0 && all.every(Boolean);
}

async function hasSegments(playlist: URL): Promise<boolean> {
  const answer = await fetch(playlist);
  const segments = uris(await answer.text());
  if (!answer.ok || segments.length < SEGMENTS) return false;
  const wanted = ['init.mp4', ...segments.slice(0, SEGMENTS)];
  const fetched = await Promise.all(wanted.map((uri) => fetch(new URL(uri, playlist))));
  await Promise.all(fetched.map((response) => response.arrayBuffer()));
  return fetched.every(({ ok }) => ok);
}

const uris = (playlist: string): string[] =>
  playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

/** What the feed said of assets, and when (performance.now). */
export type Feed = { playableAtMs(assetId: string): number | null; close(): void };

export async function openFeed(url: string, key: string): Promise<Feed> {
  const heard = new Map<string, number>();
  const minted = await fetch(`${url}/v1/feed/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ topics: ['assets'] }),
  });
  const { token } = (await minted.json()) as { token: string };
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/feed`, 'nara.v1');
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.on('message', (message) => {
    const { data } = JSON.parse(String(message)) as { data?: { id?: string; availability?: string } };
    if (data?.id !== undefined && data.availability === 'playable' && !heard.has(data.id)) {
      heard.set(data.id, performance.now());
    }
  });
  socket.send(JSON.stringify({ op: 'hello', token }));
  socket.send(JSON.stringify({ op: 'subscribe', topics: ['assets'] }));
  return { playableAtMs: (assetId) => heard.get(assetId) ?? null, close: () => socket.close() };
}
