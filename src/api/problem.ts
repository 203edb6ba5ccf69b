import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';
import { z } from 'zod';
import { describeIssues, type Issue } from '../domain/index.ts';

/** A refusal as RFC 9457 describes it. `code` is stable, `detail` is for people. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly errors: Issue[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  constructor(
    status: number,
    code: string,
    detail: string,
    extra: { errors?: Issue[]; retryAfterSeconds?: number } = {},
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = extra.errors;
    this.retryAfterSeconds = extra.retryAfterSeconds;
  }
}

const TITLES: Record<number, string> = {
  400: 'Bad request',
  401: 'Authentication needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition failed',
  413: 'Too large',
  415: 'Unsupported media type',
  423: 'Locked',
  460: 'Checksum mismatch',
  501: 'Not supported',
  503: 'Not available now',
  507: 'Not enough room',
};

/** `value` as the schema reads it; throws a 400 naming each bad field. */
export function parseOr400<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = describeIssues(parsed.error, value);
  const first = errors[0];
  const detail =
    first === undefined
      ? 'The request is not usable.'
      : `${first.path || 'the body'}: expected ${first.expected} (got ${first.received})`;
  throw new Problem(400, 'request.invalid', detail, { errors });
}

/** The end of the chain: no such route. */
export const notFound: RequestHandler = (request) => {
  throw new Problem(404, 'route.unknown', `There is no ${request.method} ${request.path} here; see /openapi.json.`);
};

/** The end of Express' chain. */
export function problemHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    sendProblem(error, request, response, log);
  };
}

/** The one place where errors become responses. What nobody expected is a 500 with an id that is also in the log. */
export function sendProblem(error: unknown, request: IncomingMessage, response: ServerResponse, log: Logger): void {
  const problem = toProblem(error);
  if (problem === null) {
    const id = randomUUID();
    log.error({ err: error, id, method: request.method, path: pathOf(request) }, 'request failed');
    send(response, {
      status: 500,
      title: 'Internal error',
      code: 'internal',
      detail: `Something went wrong here; the log knows it as ${id}.`,
    });
    return;
  }
  if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  if (problem.retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(problem.retryAfterSeconds));
  send(response, {
    status: problem.status,
    title: TITLES[problem.status] ?? 'Error',
    code: problem.code,
    detail: problem.message,
    ...(problem.errors ? { errors: problem.errors } : {}),
  });
}

/** Without the query, which may hold a key. */
const pathOf = ({ url }: IncomingMessage): string => url?.split('?')[0] ?? '';

function send(response: ServerResponse, body: { status: number; [key: string]: unknown }): void {
  const text = JSON.stringify({ type: 'about:blank', ...body });
  response.writeHead(body.status, {
    'cache-control': 'no-store',
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

const httpErrorSchema = z.object({ status: z.int(), type: z.string().default('refused'), message: z.string() });

/** Express' own errors (body too large, bad JSON, bad gzip, bad URL escapes) keep their status. */
function toProblem(error: unknown): Problem | null {
  if (error instanceof Problem) return error;
  if (error instanceof URIError) return new Problem(400, 'request.url', 'The URL is not correctly percent-encoded.');
  if (isUnavailable(error))
    return new Problem(503, 'database.unavailable', 'The analytics database does not answer; try again soon.', {
      retryAfterSeconds: 5,
    });
  if (error instanceof Error && error.name === 'SpoolWriteError')
    return new Problem(503, 'telemetry.unwritable', 'The disk takes nothing now; nothing was stored, try again.', {
      retryAfterSeconds: 5,
    });
  if (!(error instanceof Error)) return null;
  // http-errors keeps `status` on the prototype, so the fields are picked by name.
  const { status, type, message } = error as Partial<Record<'status' | 'type', unknown>> & Error;
  const parsed = httpErrorSchema.safeParse({ status, type, message });
  if (!parsed.success || parsed.data.status >= 500) return null;
  return new Problem(parsed.data.status, `request.${parsed.data.type}`, parsed.data.message);
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Error && error.name === 'DatabaseError' && 'code' in error && error.code === 'UNREACHABLE';
}
