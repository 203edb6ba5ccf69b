import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import type { Config } from '../config.ts';
import { openKeyStore, requireKeysBeyondLoopback } from './access-keys.ts';
import { checkFfmpeg, checkFfprobe } from './doctor/check-programs.ts';

const run = promisify(execFile);

type CannotServeCode =
  | 'serve.data_dir_held'
  | 'serve.redis_missing'
  | 'serve.chdb_missing'
  | 'serve.ffmpeg_unusable'
  | 'serve.ffprobe_unusable';

/** The service cannot be started here; the message says why and what to do. */
export class CannotServeError extends Error {
  override readonly name = 'CannotServeError';
  readonly code: CannotServeCode;
  constructor(code: CannotServeCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Finds, before anything is started, what would otherwise end a child again and again. Changes nothing. Throws ConfigError
 * or CannotServeError.
 */
export async function checkCanServe(config: Config): Promise<void> {
  requireKeysBeyondLoopback(config, openKeyStore(config));
  const [ffmpeg, ffprobe] = await Promise.all([checkFfmpeg(config), checkFfprobe(config)]);
  if (!ffmpeg.ok) throw new CannotServeError('serve.ffmpeg_unusable', `${ffmpeg.found}: ${ffmpeg.mend}`);
  if (!ffprobe.ok) throw new CannotServeError('serve.ffprobe_unusable', `${ffprobe.found}: ${ffprobe.mend}`);
  if (config.redisUrl === null && !(await runs('redis-server', ['--version']))) {
    throw new CannotServeError(
      'serve.redis_missing',
      'redis-server is not on the PATH: run `node scripts/setup.mjs`, or set REDIS_URL to a server that runs elsewhere',
    );
  }
  if (config.clickhouseUrl === null && !canResolve('chdb')) {
    throw new CannotServeError(
      'serve.chdb_missing',
      'the embedded ClickHouse (npm package chdb) is not installed: run `npm install`, or set CLICKHOUSE_URL to a server',
    );
  }
}

async function runs(command: string, args: string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}

function canResolve(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
