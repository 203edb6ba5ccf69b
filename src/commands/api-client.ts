import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { MAKE_ADMIN_KEY } from './access-keys.ts';

const runFileSchema = z.object({ url: z.url() });

/** The running service could not be asked, or said no; the message says what to do. */
export class ApiClientError extends Error {
  override readonly name = 'ApiClientError';
  readonly code = 'client.failed';
  /** What the service answered; null when it did not. */
  readonly status: number | null;
  readonly retryAfterSeconds: number | null;
  constructor(message: string, options: ErrorOptions & { status?: number; retryAfterSeconds?: number } = {}) {
    super(message, options);
    this.status = options.status ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

/** A running service as its own command line sees it: found by run.json, opened by the admin key of this data directory. */
export type ApiClient = {
  url: string;
  key: string;
  request<Body>(method: string, path: string, body?: unknown): Promise<Body>;
};

/** Finds the service of this data directory. Throws ApiClientError when none runs, or no key is at hand. */
export async function connectToApi(config: Config): Promise<ApiClient> {
  const runFile = await readFile(join(config.dataDir, 'run.json'), 'utf8').catch(() => {
    throw new ApiClientError(
      `No service runs on ${config.dataDir} (no run.json there): start one with \`npm start\`, or set NARA_DATA_DIR.`,
    );
  });
  const { url } = runFileSchema.parse(JSON.parse(runFile));
  const key = config.adminToken ?? (await readKey(config));
  return {
    url,
    key,
    async request(method, path, body) {
      const response = await fetch(new URL(path, url), {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      }).catch((cause: Error) => {
        throw new ApiClientError(`${url} does not answer: ${cause.message}`, { cause });
      });
      const text = await response.text();
      const answer = text === '' ? null : JSON.parse(text);
      if (!response.ok) {
        const retryAfterSeconds = Number(response.headers.get('retry-after') ?? 0);
        throw new ApiClientError(`${method} ${path}: ${answer?.detail ?? response.statusText}`, {
          status: response.status,
          ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
        });
      }
      return answer;
    },
  };
}

async function readKey(config: Config): Promise<string> {
  const text = await readFile(join(config.dataDir, 'secrets', 'admin-key'), 'utf8').catch(() => {
    throw new ApiClientError(
      `No admin key is at hand in ${config.dataDir}: make one with \`${MAKE_ADMIN_KEY}\` and set NARA_ADMIN_TOKEN to it.`,
    );
  });
  return text.trim();
}
