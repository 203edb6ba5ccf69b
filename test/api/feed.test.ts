import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { FeedHistory } from '../../src/api/feed/feed-history.ts';
import type { ServerMessage } from '../../src/api/feed/feed-protocol.ts';
import { FeedServer } from '../../src/api/feed/feed-server.ts';
import { createFeedTokens } from '../../src/api/feed/feed-token.ts';
import { waitFor } from '../fixtures/wait-for.ts';

let nowMs = 1_700_000_000_000;
const tokens = createFeedTokens('a secret of the tests', () => nowMs);
let http: Server;
let feed: FeedServer;
let published: { topic: string; user: string | null }[];

beforeEach(async () => {
  published = [];
  feed = new FeedServer({
    checkToken: tokens.check,
    onClientPublish: (topic, _type, _data, user) => published.push({ topic, user }),
    nowMs: () => nowMs,
    log: pino({ level: 'silent' }),
  });
  http = createServer();
  feed.attach(http);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  feed.close();
  http.close();
});

const tokenFor = (...topics: string[]): string => tokens.mint({ topics, user: 'ann', ttlSeconds: 60 });

async function connect(token: string, resume?: Record<string, number>) {
  const socket = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/v1/feed`, 'nara.v1');
  const heard: ServerMessage[] = [];
  socket.on('message', (data) => heard.push(JSON.parse(String(data))));
  await new Promise((resolve) => socket.once('open', resolve));
  const say = (message: object) => socket.send(JSON.stringify(message));
  say({ op: 'hello', token, ...(resume ? { resume } : {}) });
  await waitFor('an answer to hello', () => heard.length > 0);
  const has = (op: string) => waitFor(`an ${op}`, () => heard.some((message) => message.op === op));
  return {
    socket,
    heard,
    say,
    has,
    events: () => heard.flatMap((message) => (message.op === 'event' ? [message] : [])),
  };
}

describe('FeedServer', () => {
  it('tells subscribers what happens on their topics, in order, and nobody else', async () => {
    const client = await connect(tokenFor('assets', 'policy'));
    client.say({ op: 'subscribe', topics: ['assets'] });
    client.say({ op: 'subscribe', topics: ['qoe'] });
    await client.has('error');
    feed.publish('assets', 'asset.changed', { id: 'a' });
    feed.publish('policy', 'policy.allocation', {});
    feed.publish('assets', 'asset.changed', { id: 'b' });
    await waitFor('both', () => client.events().length === 2);
    expect(client.events().map(({ data }) => data)).toEqual([{ id: 'a' }, { id: 'b' }]);
    const [first, second] = client.events();
    expect((second?.id ?? 0) - (first?.id ?? 0)).toBe(1);
  });

  it('gives a returning client what it missed', async () => {
    const client = await connect(tokenFor('assets'));
    client.say({ op: 'subscribe', topics: ['assets'] });
    await waitFor('the subscription', () => {
      feed.publish('assets', 'asset.changed', { id: 'seen' });
      return client.events().length > 0;
    });
    const last = client.events().at(-1)?.id ?? 0;
    client.socket.close();
    feed.publish('assets', 'asset.changed', { id: 'missed' });
    const back = await connect(tokenFor('assets'), { assets: last });
    await waitFor('the missed one', () => back.events().some(({ data }) => (data as { id: string }).id === 'missed'));
    expect(back.heard.some(({ op }) => op === 'gap')).toBe(false);
  });

  it('says that there is a gap where it cannot', async () => {
    feed.publish('assets', 'asset.changed', {});
    const client = await connect(tokenFor('assets'), { assets: 5 });
    await client.has('gap');
  });

  it('refuses tokens that are not its own or have expired', async () => {
    const expired = tokenFor('assets');
    nowMs += 61_000;
    for (const token of [expired, `${tokenFor('assets')}x`, 'nonsense']) {
      expect((await connect(token)).heard[0]).toMatchObject({ op: 'error', code: 'token.invalid' });
    }
  });

  it('passes on what clients say on channels their token opens', async () => {
    const client = await connect(tokenFor('channel:room', 'assets'));
    client.say({ op: 'publish', topic: 'assets', type: 'message', data: {} });
    await client.has('error');
    client.say({ op: 'publish', topic: 'channel:room', type: 'typing', data: {} });
    await waitFor('the message', () => published.length > 0);
    expect(published).toEqual([{ topic: 'channel:room', user: 'ann' }]);
  });

  it('answers nonsense with an error and stays', async () => {
    const client = await connect(tokenFor('assets'));
    client.socket.send('{"op":');
    await client.has('error');
    expect(client.socket.readyState).toBe(WebSocket.OPEN);
  });
});

describe('FeedHistory', () => {
  it('forgets the oldest events of a topic first, and knows that it did', () => {
    const history = new FeedHistory(0);
    for (let n = 0; n < 500; n += 1) history.add('assets', 'x', n, 0);
    const { events, complete } = history.since('assets', 1);
    expect(complete).toBe(false);
    expect(events.at(-1)?.data).toBe(499);
    expect(events.length).toBeLessThanOrEqual(200);
    expect(history.since('assets', 450).complete).toBe(true);
  });
});
