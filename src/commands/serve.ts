// Lifecycle: configuration and programs looked at → lock → orphans of a killed predecessor → ports and secrets → ClickHouse and Redis → API and worker → ready.
// Stop, in the order worker, API, Redis, ClickHouse, within 10 s; run.json goes and the lock is released last. Children
// lead their own process groups, so a terminal's Ctrl-C comes to this process alone and the order holds.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { CONFIG_EXIT_CODE, type Config } from '../config.ts';
import { acquireLock, type HeldLock, type LockHolder } from '../supervisor/acquire-lock.ts';
import { findParentDeathSignal } from '../supervisor/die-with-parent.ts';
import { endOrphans } from '../supervisor/end-orphans.ts';
import { keepRunFile } from '../supervisor/keep-run-file.ts';
import { readRunFile } from '../supervisor/run-file.ts';
import { type Shutdown, stopOnSignal } from '../supervisor/stop-on-signal.ts';
import { type SupervisedChild, supervise } from '../supervisor/supervise.ts';
import { MAKE_ADMIN_KEY } from './access-keys.ts';
import { CannotServeError, checkCanServe } from './check-can-serve.ts';
import { type PlannedChild, planServe, type ServePlan } from './serve-plan.ts';

/** API and worker start after this even if a database is not ready: they can wait for it better than a player can for them. */
const DATABASE_HEAD_START_MS = 3_000;
const MAIN_PATH = fileURLToPath(new URL('../main.ts', import.meta.url));

/** A running service; stop() takes 10 s at most. */
export type Serving = Shutdown & {
  url: string;
  /** Resolves when the API answers. */
  ready: Promise<void>;
};

/**
 * Runs everything on this machine until SIGTERM, SIGINT or stop(); the children run `mainPath COMMAND`.
 * Throws ConfigError, CannotServeError or PortTakenError.
 */
export async function runServe(config: Config, log: Logger, mainPath = MAIN_PATH): Promise<Serving> {
  await checkCanServe(config);
  await mkdir(config.dataDir, { recursive: true });
  const lock = await takeDataDir(config.dataDir, log);
  try {
    await endOrphansOf(config.dataDir, log);
    const plan = await planServe(config, mainPath, log);
    return await startAll(config, plan, lock, log);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function takeDataDir(dataDir: string, log: Logger): Promise<HeldLock> {
  const outcome = await acquireLock(dataDir, 'nara serve');
  if (outcome.kind === 'held') throw heldError(dataDir, outcome.holder, (await readRunFile(dataDir))?.url);
  const previous = outcome.tookOverFrom;
  if (previous) log.warn({ previous }, 'took over the lock of a process that is gone');
  return outcome.lock;
}

async function endOrphansOf(dataDir: string, log: Logger): Promise<void> {
  const left = await readRunFile(dataDir);
  if (left === null) return;
  for (const { name, pid } of await endOrphans(left)) {
    log.warn({ child: name, childPid: pid }, 'a child of an earlier run was still there, it has ended');
  }
}

function heldError(dataDir: string, holder: LockHolder, url: string | undefined): CannotServeError {
  const where = url === undefined ? '' : `, at ${url}`;
  const who = `${holder.what} (pid ${holder.pid} on ${holder.host}, since ${holder.since}${where})`;
  return new CannotServeError(
    'serve.data_dir_held',
    `${dataDir} is in use by ${who}: stop it, or set NARA_DATA_DIR to another directory`,
  );
}

async function startAll(config: Config, plan: ServePlan, lock: HeldLock, log: Logger): Promise<Serving> {
  const { url, clickhouseUrl, redisUrl } = plan;
  const runFile = keepRunFile(config.dataDir, { url, clickhouseUrl, redisUrl }, log);
  const tieToParent = await findParentDeathSignal();
  const keep = ({ name, stopTimeoutMs, what }: PlannedChild): SupervisedChild => {
    const onPid = (pid: number | null): void => runFile.setPid(name, pid);
    const finalExit = { code: CONFIG_EXIT_CODE, onFinalExit: () => void shutdown.fail() };
    return supervise({ ...what, name, stopTimeoutMs, stopSignal: 'SIGTERM', tieToParent, log, onPid, finalExit });
  };
  const databases = plan.databases.map(keep);
  const api = keep(plan.api);
  const worker = keep(plan.worker);
  const last = async (): Promise<void> => {
    await runFile.remove();
    await lock.release();
  };
  const shutdown = stopOnSignal({ children: [worker, api, ...databases.toReversed()], last, log });
  void startInOrder(databases, [api, worker]);
  const ready = api.whenReady().then(async () => {
    await runFile.settled();
    await announce(config, url, log);
  });
  return { url, ready, ...shutdown };
}

async function startInOrder(databases: SupervisedChild[], services: SupervisedChild[]): Promise<void> {
  for (const database of databases) database.start();
  const all = Promise.all(databases.map((database) => database.whenReady()));
  await Promise.race([all, sleep(DATABASE_HEAD_START_MS, undefined, { ref: false })]);
  for (const service of services) service.start();
}

async function announce(config: Config, url: string, log: Logger): Promise<void> {
  const keys = await whereKeysAre(config);
  log.info({ url, keys }, 'NARA-1r is ready');
  // People read a terminal; programs read the log line, run.json or this message.
  if (process.stderr.isTTY)
    process.stderr.write(`\n  NARA-1r listens on ${url}\n  Keys: ${keys}\n  Stop with Ctrl-C\n\n`);
  process.send?.({ type: 'ready', url });
}

async function whereKeysAre({ adminToken, dataDir }: Config): Promise<string> {
  const folder = join(dataDir, 'secrets');
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('-key'));
  const found = names.map((name) => join(folder, name));
  if (adminToken !== null) found.unshift('NARA_ADMIN_TOKEN');
  else if (!names.includes('admin-key')) found.push(`see \`nara keys list\`, or \`${MAKE_ADMIN_KEY}\``);
  return found.join(', ');
}
