import type { IncomingMessage, ServerResponse } from 'node:http';
import { renameInException, syntaxError } from './clickhouse-exception.ts';
import type { Gate } from './gate.ts';
import { goClientHello, isGoClientHello } from './go-client-hello.ts';
import { withLandedBody } from './land-insert.ts';
import type { Engine } from './open-engine.ts';
import type { ClickHouseRequest } from './parse-request.ts';
import { type CommandStatement, type InsertStatement, parseStatement, type RowsStatement } from './parse-statement.ts';
import { sendWhole } from './reply.ts';
import { NO_PROGRESS, type ReplyHead } from './reply-head.ts';
import { decodeBody, type OpenedBody, openBody } from './request-body.ts';
import { openRows } from './row-pipe.ts';
import { sendRows } from './send-rows.ts';
import { quoteString } from './sql-literal.ts';

/** One request on its way to an answer; `signal` aborts when its client goes away. */
export type Exchange = {
  engine: Engine;
  /** Inserts of any size pass here first: two at once fill the machine, six would not fit into its memory. */
  insertGate: Gate;
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
    const summary = settled.then((result) => ({
      ...NO_PROGRESS,
      readRows: result.rows,
      readBytes: result.resultBytes,
      elapsedSeconds: result.elapsedSeconds,
    }));
    await sendRows(res, head, rows, summary);
  });
}

async function answerCommand(exchange: Exchange, statement: CommandStatement): Promise<void> {
  const { engine, request, res, signal } = exchange;
  const format = statement.format ?? request.defaultFormat;
  const result = await engine.pool.run(leasing(request, statement), signal, ({ session }) =>
    session.query(statement.sql, format),
  );
  const progress = { readRows: result.rows, readBytes: result.resultBytes, elapsedSeconds: result.elapsedSeconds };
  sendWhole(res, { ...exchange.head, format }, result.bytes, { ...NO_PROGRESS, ...progress });
}

async function answerInsert(exchange: Exchange, statement: InsertStatement, opened: OpenedBody): Promise<void> {
  const { engine, insertGate, request, res, signal } = exchange;
  const first = opened.head.subarray(statement.dataStart);
  const rest = opened.ended ? nothing() : opened.rest;
  const summary = await withLandedBody(engine.incomingDir, first, rest, async ({ path, bytes }) => {
    const { target, settings, format } = statement;
    const sql = `${target} FROM INFILE ${quoteString(path)} ${settings} FORMAT ${format}`;
    const result = await insertGate
      .pass(signal, () =>
        engine.pool.run(leasing(request, statement), signal, ({ session }) => session.query(sql, 'Null')),
      )
      .catch((error: unknown) => {
        throw renameInException(error, path, 'request body');
      });
    const written = { writtenRows: result.rows, writtenBytes: bytes };
    return { readRows: result.rows, readBytes: bytes, elapsedSeconds: result.elapsedSeconds, ...written };
  });
  sendWhole(res, exchange.head, Buffer.alloc(0), summary);
}

function leasing(request: ClickHouseRequest, statement: RowsStatement | InsertStatement | CommandStatement) {
  const { database, settings, params } = request;
  const { placeholders, leavesState } = statement;
  return { context: { database, settings, params }, placeholders, leavesState };
}
