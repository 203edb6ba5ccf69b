import type { Server } from 'node:http';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import { FeedHistory } from './feed-history.ts';
import {
  type ClientMessage,
  clientMessageSchema,
  FEED_PROTOCOL,
  type FeedEvent,
  type ServerMessage,
} from './feed-protocol.ts';
import { type FeedGrant, opens } from './feed-token.ts';

/*
 * Lifecycle: attach(server) takes over upgrades of /v1/feed → a client says hello within 10 s → ready → it subscribes →
 * publish() reaches every subscriber → a client that reads too slowly is closed rather than buffered → close().
 */

export type FeedOptions = {
  checkToken(token: string): FeedGrant | null;
  /** A client's own message on a channel, to be shared with the other hosts. */
  onClientPublish(topic: string, type: string, data: unknown, user: string | null): void;
  nowMs(): number;
  log: Logger;
};

type Client = { socket: WebSocket; grant: FeedGrant | null; topics: Set<string>; alive: boolean };

const PATH = '/v1/feed';
const HELLO_WITHIN_MS = 10_000;
const PING_EVERY_MS = 30_000;
const MAX_MESSAGE_BYTES = 16 * 1024;
const MAX_BUFFERED_BYTES = 1024 * 1024;
const CLOSE_POLICY = 1008;
const CLOSE_TOO_SLOW = 1013;

/** The live feed: asset and policy changes, and channels of the host application, over WebSocket. */
export class FeedServer {
  readonly #options: FeedOptions;
  readonly #history: FeedHistory;
  readonly #clients = new Set<Client>();
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (offered) => (offered.has(FEED_PROTOCOL) ? FEED_PROTOCOL : false),
  });
  #pinging: NodeJS.Timeout | null = null;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#history = new FeedHistory(options.nowMs());
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  attach(server: Server): void {
    server.on('upgrade', (request, socket, head) => {
      if (new URL(request.url ?? '/', 'http://localhost').pathname !== PATH) return socket.destroy();
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#welcome(webSocket));
    });
    this.#pinging = setInterval(() => this.#ping(), PING_EVERY_MS);
    this.#pinging.unref();
  }

  /** Tells every subscriber of the topic, and remembers it for those who come back. */
  publish(topic: string, type: string, data: unknown): void {
    const event = this.#history.add(topic, type, data, this.#options.nowMs());
    for (const client of this.#clients) if (client.topics.has(topic)) sendEvent(client, event);
  }

  close(): void {
    if (this.#pinging !== null) clearInterval(this.#pinging);
    for (const { socket } of this.#clients) socket.terminate();
    this.#sockets.close();
  }

  #welcome(socket: WebSocket): void {
    const client: Client = { socket, grant: null, topics: new Set(), alive: true };
    this.#clients.add(client);
    const deadline = setTimeout(() => socket.close(CLOSE_POLICY, 'hello expected'), HELLO_WITHIN_MS);
    socket.on('pong', () => {
      client.alive = true;
    });
    socket.on('error', (error) => this.#options.log.debug({ err: error }, 'feed client failed'));
    socket.on('close', () => {
      clearTimeout(deadline);
      this.#clients.delete(client);
    });
    socket.on('message', (data, isBinary) => {
      const message = isBinary ? null : parseMessage(String(data));
      if (message === null)
        return refuse(client, 'message.invalid', 'expected {op:hello|subscribe|unsubscribe|publish, …}');
      if (message.op === 'hello') clearTimeout(deadline);
      this.#handle(client, message);
    });
  }

  #handle(client: Client, message: ClientMessage): void {
    if (message.op === 'hello') return this.#greet(client, message.token, message.resume ?? {});
    const { grant } = client;
    if (grant === null) return refuse(client, 'hello.first', 'say hello with a token first');
    if (message.op === 'publish') {
      if (!message.topic.startsWith('channel:') || !opens(grant, message.topic))
        return refuse(client, 'topic.closed', `${message.topic} is not open to this token`);
      return this.#options.onClientPublish(message.topic, message.type, message.data, grant.user);
    }
    for (const topic of message.topics) {
      if (message.op === 'unsubscribe') client.topics.delete(topic);
      else if (opens(grant, topic)) client.topics.add(topic);
      else refuse(client, 'topic.closed', `${topic} is not open to this token`);
    }
  }

  #greet(client: Client, token: string, resume: Record<string, number>): void {
    const grant = this.#options.checkToken(token);
    if (grant === null) {
      refuse(client, 'token.invalid', 'the token is not ours, or has expired');
      return client.socket.close(CLOSE_POLICY, 'token');
    }
    client.grant = grant;
    this.#closeAt(client, grant.expiresAt);
    send(client, { op: 'ready' });
    for (const [topic, lastId] of Object.entries(resume)) {
      if (!opens(grant, topic)) continue;
      client.topics.add(topic);
      const missed = this.#history.since(topic, lastId);
      if (!missed.complete) send(client, { op: 'gap', topic, after: lastId });
      for (const event of missed.events) sendEvent(client, event);
    }
  }

  #closeAt({ socket }: Client, expiresAtMs: number): void {
    const timer = setTimeout(() => socket.close(CLOSE_POLICY, 'token expired'), expiresAtMs - this.#options.nowMs());
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  }

  #ping(): void {
    for (const client of this.#clients) {
      if (!client.alive) client.socket.terminate();
      client.alive = false;
      client.socket.ping();
    }
  }
}

function parseMessage(text: string): ClientMessage | null {
  try {
    const parsed = clientMessageSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function sendEvent(client: Client, event: FeedEvent): void {
  send(client, { op: 'event', ...event });
}

function refuse(client: Client, code: string, message: string): void {
  send(client, { op: 'error', code, message });
}

function send({ socket }: Client, message: ServerMessage): void {
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > MAX_BUFFERED_BYTES) return socket.close(CLOSE_TOO_SLOW, 'too slow');
  socket.send(JSON.stringify(message));
}
