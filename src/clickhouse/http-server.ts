import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { answerStatement, type Exchange } from './answer-statement.ts';
import { ClickHouseException, toClickHouseException } from './clickhouse-exception.ts';
import type { Engine } from './open-engine.ts';
import { isForm, parseForm } from './parse-form.ts';
import { type ClickHouseRequest, parseCredentials, parseRequest } from './parse-request.ts';
import { sendException } from './reply.ts';
import type { ReplyHead } from './reply-head.ts';
import { decodeBody, readForm } from './request-body.ts';

/** A server whose statements can be ended: `abortAll` kills what is running. */
export type ClickHouseServer = { server: Server; abortAll(): void; idle(): Promise<void> };

const USER = 'default';
/** As a ClickHouse server has it; clients read it from the Keep-Alive header. */
const KEEP_ALIVE_MS = 10_000;
/** A client that takes nothing for this long is cut off: it would hold a session for ever (`send_timeout`). */
const STALLED_CLIENT_MS = 300_000;
/** Of an exception's text, which can quote whole statements and rows. */
const LOGGED_CHARACTERS = 300;
/** Bodies come as slowly as their producer; only their head is hurried. */
const NO_TIMEOUT = 0;

/** ClickHouse's HTTP interface over an open engine. Does not listen yet. */
export function createClickHouseServer(engine: Engine, password: string, log: Logger): ClickHouseServer {
  const running = new Map<AbortController, Promise<void>>();
  const server = createServer((req, res) => {
    const controller = new AbortController();
    res.once('close', () => {
      if (!res.writableFinished) controller.abort(new ClickHouseException(210, 'NETWORK_ERROR', 'The client has gone'));
    });
    res.setTimeout(STALLED_CLIENT_MS, () => {
      if (res.writableNeedDrain) res.destroy();
    });
    const done = answer({ engine, password, log, req, res, signal: controller.signal });
    running.set(
      controller,
      done.finally(() => running.delete(controller)),
    );
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = NO_TIMEOUT;
  return {
    server,
    abortAll: () => {
      const reason = new ClickHouseException(236, 'ABORTED', 'The server is shutting down');
      for (const controller of running.keys()) controller.abort(reason);
    },
    idle: async () => void (await Promise.allSettled(running.values())),
  };
}

type Incoming = Pick<Exchange, 'engine' | 'res' | 'signal'> & {
  password: string;
  log: Logger;
  req: IncomingMessage;
};

async function answer(incoming: Incoming): Promise<void> {
  const { engine, password, log, req, res, signal } = incoming;
  const address = `http://localhost${req.url ?? '/'}`;
  if (!URL.canParse(address)) return void res.writeHead(400).end();
  const url = new URL(address);
  if (answerPlainly(url, req, res)) return;
  const head: ReplyHead = {
    facts: engine.facts,
    queryId: url.searchParams.get('query_id') || randomUUID(),
    format: 'TabSeparated',
    coding: null,
    exceptionTag: randomBytes(8).toString('hex'),
  };
  try {
    authenticate(url.searchParams, req, password);
    const { request, body } = await readRequest(url.searchParams, req);
    const replyHead = { ...head, format: request.defaultFormat, coding: request.answerCoding };
    await answerStatement({ ...incoming, request, head: replyHead }, body);
  } catch (error) {
    const exception = toClickHouseException(signal.aborted ? signal.reason : error);
    const { code, type } = exception;
    log.info(
      { queryId: head.queryId, code, type, reason: exception.message.slice(0, LOGGED_CHARACTERS) },
      'statement failed',
    );
    if (res.headersSent) res.destroy();
    else if (!res.destroyed) sendException(res, head, exception);
  }
}

/** `/ping` and an empty request say that the server is there; anything but `/` is not. */
function answerPlainly(url: URL, req: IncomingMessage, res: ServerResponse): boolean {
  const isBare = req.method !== 'POST' && url.pathname === '/' && !url.searchParams.has('query');
  const isAlive = isBare || url.pathname === '/ping' || url.pathname === '/replicas_status';
  if (!isAlive && url.pathname === '/') return false;
  res.writeHead(isAlive ? 200 : 404, { 'content-type': 'text/plain; charset=UTF-8' });
  res.end(isAlive ? 'Ok.\n' : `There is no handle ${url.pathname}\n`);
  return true;
}

async function readRequest(
  search: URLSearchParams,
  req: IncomingMessage,
): Promise<{ request: ClickHouseRequest; body: IncomingMessage | null }> {
  const merged = new URLSearchParams(search);
  const contentType = req.headers['content-type'];
  let body: IncomingMessage | null = req;
  if (contentType !== undefined && isForm(contentType)) {
    const form = parseForm(contentType, await readForm(decodeBody(req)));
    if (form.kind === 'refused') throw form.exception;
    for (const [name, value] of form.fields) merged.set(name, value);
    body = null;
  }
  const parsed = parseRequest(req.method ?? 'GET', merged, req.headers);
  if (parsed.kind === 'refused') throw parsed.exception;
  return { request: parsed.request, body };
}

function authenticate(search: URLSearchParams, req: IncomingMessage, password: string): void {
  const given = parseCredentials(search, req.headers);
  if (given.user === USER && timingSafeEqual(digest(given.password), digest(password))) return;
  const message = `${given.user}: Authentication failed: password is incorrect, or there is no user with such name`;
  throw new ClickHouseException(516, 'AUTHENTICATION_FAILED', message);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
