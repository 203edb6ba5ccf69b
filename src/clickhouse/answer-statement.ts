import type { IncomingMessage, ServerResponse } from 'node:http';
import type { QueryResult } from './chdb-session.ts';
import { renameInException, syntaxError } from './clickhouse-exception.ts';
import { goClientHello, isGoClientHello } from './go-client-hello.ts';
import { withLandedBody } from './land-insert.ts';
import type { Engine } from './open-engine.ts';
import type { ClickHouseRequest } from './parse-request.ts';
import {
  type CommandStatement,
  type InsertStatement,
  parseStatement,
  type RowsStatement,
  type Statement,
} from './parse-statement.ts';
import { sendWhole } from './reply.ts';
import { NO_PROGRESS, type ReplyHead, type Summary } from './reply-head.ts';
import { decodeBody, type OpenedBody, openBody } from './request-body.ts';
import { openRows } from './row-pipe.ts';
import { sendRows } from './send-rows.ts';
import type { Leasing } from './session-pool.ts';
import { quoteString } from './sql-literal.ts';

/** One request on its way to an answer; `signal` aborts when its client goes away. */
export type Exchange = {
  engine: Engine;
  request: ClickHouseRequest;
  head: ReplyHead;
  res: ServerResponse;
  signal: AbortSignal;
};

/** Reads the statement out of a request, runs it and answers. Throws ClickHouseException while nothing has been sent. */
export async function answerStatement(exchange: Exchange, body: IncomingMessage | null): Promise<void> {
  const { query } = exchange.request;
  const opened = await openStatement(query, body);
  const statement = parseStatement(opened.head);
  if (statement.kind === 'refused') throw statement.exception;
  if (statement.kind === 'insert') return answerInsert(exchange, statement, opened);
  if (!opened.ended) throw syntaxError(`The statement exceeds ${opened.head.length} bytes`);
  return statement.kind === 'rows' ? answerRows(exchange, statement) : answerCommand(exchange, statement);
}

/** A server reads the URL's query and the body as one text, a line break between them. */
async function openStatement(query: string, body: IncomingMessage | null): Promise<OpenedBody> {
  if (body === null) return { head: Buffer.from(query), ended: true, rest: nothing() };
  return openBody(query === '' ? '' : `${query}\n`, decodeBody(body));
}

async function* nothing(): AsyncGenerator<Buffer> {}

async function answerRows(exchange: Exchange, statement: RowsStatement): Promise<void> {
  const { engine, request, res, signal } = exchange;
  const format = statement.format ?? request.defaultFormat;
  const head = { ...exchange.head, format };
  if (isGoClientHello(statement.head, request.protocolRevision)) {
    sendWhole(res, head, goClientHello(engine.facts), NO_PROGRESS);
    return;
  }
  await engine.pool.run(leasing(request, statement), signal, async ({ session, pipePath }) => {
    const { rows, finish } = openRows(pipePath);
    const target = `INTO OUTFILE ${quoteString(pipePath)} TRUNCATE `;
    const settled = session
      .query(`${statement.head}\n${target}FORMAT ${format}${statement.tail}`, format)
      .catch((error: unknown) => {
        throw renameInException(error, target, '');
      })
      .finally(finish);
    try {
      await sendRows(res, head, rows.iterator({ destroyOnReturn: false }), settled.then(readProgress));
    } finally {
      rows.resume(); // whatever became of the answer, the engine still waits for its reader
      await settled.catch(() => {});
    }
  });
}

async function answerCommand(exchange: Exchange, statement: CommandStatement): Promise<void> {
  const { engine, request, res, signal } = exchange;
  const format = statement.format ?? request.defaultFormat;
  const result = await engine.pool.run(leasing(request, statement), signal, ({ session }) =>
    session.query(statement.sql, format),
  );
  sendWhole(res, { ...exchange.head, format }, result.bytes, readProgress(result));
}

async function answerInsert(exchange: Exchange, statement: InsertStatement, opened: OpenedBody): Promise<void> {
  const { engine, request, res, signal } = exchange;
  const first = opened.head.subarray(statement.dataStart);
  const rest = opened.ended ? nothing() : opened.rest;
  const summary = await withLandedBody(engine.incomingDir, first, rest, async ({ path, bytes }) => {
    const { target, settings, format } = statement;
    const sql = `${target} FROM INFILE ${quoteString(path)} ${settings} FORMAT ${format}`;
    const result = await engine.pool
      .run(leasing(request, statement), signal, ({ session }) => session.query(sql, 'Null'))
      .catch((error: unknown) => {
        throw renameInException(error, path, 'request body');
      });
    const { rows, elapsedSeconds } = result;
    return { readRows: rows, readBytes: bytes, writtenRows: rows, writtenBytes: bytes, elapsedSeconds };
  });
  sendWhole(res, exchange.head, Buffer.alloc(0), summary);
}

function readProgress({ rows, resultBytes, elapsedSeconds }: QueryResult): Summary {
  return { ...NO_PROGRESS, readRows: rows, readBytes: resultBytes, elapsedSeconds };
}

function leasing(request: ClickHouseRequest, statement: Statement): Leasing {
  const { database, settings, params } = request;
  const { kind, placeholders, leavesState } = statement;
  const lane = kind === 'insert' ? 'insert' : 'statement';
  return { lane, context: { database, settings, params }, placeholders, leavesState };
}
