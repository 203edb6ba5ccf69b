// Lifecycle: spawned → run.json names its address → /readyz says 200 → used → stop(): SIGTERM, SIGKILL after a while.
// The IPC channel ties it to this process: if the demo is killed, `nara serve` sees the channel close and stops itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readRunFile } from '../../supervisor/run-file.ts';
import { waitUntil } from './wait-until.ts';

const MAIN_PATH = fileURLToPath(new URL('../../main.ts', import.meta.url));
const READY_TIMEOUT_MS = 60_000;
/** `serve` promises to stop within 10 s. */
const STOP_TIMEOUT_MS = 15_000;
const SHOWN_LOG_LINES = 15;

/** The whole service, running on a data directory of its own. */
export type Stack = { url: string; key: string; stop(): Promise<void> };

/** The service did not come up; the message ends with what it logged last. */
export class StackError extends Error {
  readonly code = 'demo.stack';
  override readonly name = 'StackError';
}

/** Part of the first policy config, so that the demo's few uploads all show what was learned: none is drawn for an experiment. */
export const INITIAL_POLICY = { encode: { holdoutShare: 0, liftPanelShare: 0, supersetShare: 0 } };

/** Starts `nara serve` below `directory` on free ports and waits until it is ready. Throws StackError. */
export async function startStack(options: {
  directory: string;
  signal: AbortSignal;
  mainPath?: string;
}): Promise<Stack> {
  const dataDir = join(options.directory, 'data');
  const logPath = join(options.directory, 'serve.log');
  const key = randomBytes(24).toString('base64url');
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(dataDir, 'initial-policy.json'), JSON.stringify(INITIAL_POLICY));
  const child = await spawnServe(options.mainPath ?? MAIN_PATH, logPath, stackEnvironment(dataDir, key));
  try {
    const url = await waitUntil(() => readyUrl(child, dataDir), {
      what: 'the service to be ready',
      timeoutMs: READY_TIMEOUT_MS,
      everyMs: 100,
      signal: options.signal,
    });
    return { url, key, stop: () => stopChild(child) };
  } catch (cause) {
    await stopChild(child);
    options.signal.throwIfAborted();
    const said = await lastLines(logPath);
    throw new StackError(`${cause instanceof Error ? cause.message : String(cause)}; it said last:\n${said}`, {
      cause,
    });
  }
}

/** Whatever of the caller's environment could tie the demo to a real installation is blanked, which is the same as unset. */
const BLANKED = ['CLICKHOUSE_URL', 'REDIS_URL', 'NARA_MEDIA_STORE', 'NARA_SECRET', 'NARA_CLICKHOUSE_PORT'] as const;

function stackEnvironment(dataDir: string, key: string): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(BLANKED.map((name) => [name, ''])),
    NARA_HOST: '127.0.0.1',
    NARA_PORT: '0',
    NARA_DATA_DIR: dataDir,
    NARA_ADMIN_TOKEN: key,
  };
}

async function spawnServe(mainPath: string, logPath: string, env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const log = await open(logPath, 'a');
  try {
    const child = spawn(process.execPath, ['--import', 'tsx', mainPath, 'serve'], {
      // biome-ignore lint/style/noProcessEnv: nothing is read; a child inherits its parent's environment whole.
      env: { ...process.env, ...env },
      stdio: ['ignore', log.fd, log.fd, 'ipc'],
    });
    child.on('error', () => {});
    return child;
  } finally {
    await log.close();
  }
}

async function lastLines(logPath: string): Promise<string> {
  const lines = (await readFile(logPath, 'utf8').catch(() => '')).trim().split('\n');
  return lines.slice(-SHOWN_LOG_LINES).join('\n');
}

async function readyUrl(child: ChildProcess, dataDir: string): Promise<string | null> {
  if (hasEnded(child))
    throw new Error(`nara serve ended (${child.signalCode ?? `code ${child.exitCode}`}) before it was ready`);
  const run = await readRunFile(dataDir);
  if (run === null) return null;
  const ready = await fetch(new URL('/readyz', run.url)).then(
    (response) => response.ok,
    () => false,
  );
  return ready ? run.url : null;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(force);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}
