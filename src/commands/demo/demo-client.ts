import type { z } from 'zod';

/** The service answered something the demo did not expect; the message says to what, and the answer's beginning. */
export class UnexpectedAnswerError extends Error {
  readonly code = 'demo.unexpected_answer';
  override readonly name = 'UnexpectedAnswerError';
}

/** The service as any other program calls it: over HTTP, with a key. */
export type DemoClient = {
  url: string;
  key: string;
  /** Any status; never follows a redirect. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** A 2xx answer's JSON as the schema has it. Throws UnexpectedAnswerError. */
  getJson<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>>;
  postJson<Schema extends z.ZodType>(path: string, body: unknown, schema: Schema): Promise<z.output<Schema>>;
};

const SHOWN_CHARACTERS = 300;

/** A client that stops waiting when the signal is aborted. */
export function createDemoClient(url: string, key: string, signal: AbortSignal): DemoClient {
  // One listener for all requests: thousands of fetches on one long-lived signal would each leave theirs behind.
  const active = new Set<AbortController>();
  signal.addEventListener('abort', () => {
    for (const controller of active) controller.abort(signal.reason);
  });
  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    signal.throwIfAborted();
    const controller = new AbortController();
    active.add(controller);
    const headers = { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string> | undefined) };
    try {
      return await fetch(new URL(path, url), { redirect: 'manual', signal: controller.signal, ...init, headers });
    } finally {
      active.delete(controller);
    }
  };
  const json = async <Schema extends z.ZodType>(path: string, schema: Schema, init: RequestInit) => {
    const response = await request(path, init);
    const text = await response.text();
    const asked = `${init.method ?? 'GET'} ${path}`;
    if (!response.ok) throw unexpected(asked, response.status, text);
    const parsed = schema.safeParse(parseJson(text));
    if (!parsed.success) throw unexpected(asked, response.status, text, parsed.error);
    return parsed.data;
  };
  return {
    url,
    key,
    request,
    getJson: (path, schema) => json(path, schema, {}),
    postJson: (path, body, schema) =>
      json(path, schema, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
  };
}

/** For answers that are not JSON: the error with the same wording. */
export function unexpected(asked: string, status: number, text: string, cause?: unknown): UnexpectedAnswerError {
  const shown = text.slice(0, SHOWN_CHARACTERS);
  return new UnexpectedAnswerError(`${asked} answered ${status}: ${shown === '' ? '(nothing)' : shown}`, { cause });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
