import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { ChdbSession } from './chdb-session.ts';
import { EmbeddedClickHouseError } from './embedded-clickhouse-error.ts';
import { ALLOCATOR_OPTIONS, engineConfig, engineMemory, sessionSettings } from './engine-config.ts';
import { probeThreads } from './probe-threads.ts';
import { makeRowPipe } from './row-pipe.ts';
import { type Lane, SessionPool } from './session-pool.ts';

export type EngineFacts = { version: string; timezone: string; displayName: string };
/** An open data directory: statements run through `pool`, inserts land in `incomingDir` first. */
export type Engine = { pool: SessionPool; facts: EngineFacts; incomingDir: string };

/** Two inserts of any size fill a small machine; six would not fit into its memory. */
const LANES: Record<Lane, number> = { statement: 6, insert: 2 };
/** Each of them keeps a thread of Node's pool busy, the control session one; files and gzip need some too. */
const THREADS_WANTED = LANES.statement + LANES.insert + 3;
/** What fits into Node's default pool of four. */
const LANES_WITH_FEW_THREADS: Record<Lane, number> = { statement: 1, insert: 1 };
/** Characters that mean something in the paths of ClickHouse's file functions. */
const UNUSABLE_IN_PATHS = /[*?{}\n]/;

/**
 * Opens the data directory with chDB. Throws EmbeddedClickHouseError when chDB is not installed, or the directory is in
 * use or unusable.
 */
export async function openEngine(dataDir: string, maxMemoryBytes: number, log: Logger): Promise<Engine> {
  const root = resolve(dataDir);
  if (UNUSABLE_IN_PATHS.test(root)) {
    const message = `The data directory's path must not contain * ? { } or a line break (got ${JSON.stringify(root)})`;
    throw new EmbeddedClickHouseError('clickhouse.data-dir-unusable', message);
  }
  const { Session } = await importChdb();
  const databaseDir = join(root, 'db');
  const incomingDir = join(root, 'incoming');
  const pipesDir = join(root, 'pipes');
  const configPath = join(root, 'engine.xml');
  for (const directory of [databaseDir, incomingDir, pipesDir])
    await mkdir(directory, { recursive: true, mode: 0o700 });
  const engineBytes = engineBytesFor(maxMemoryBytes, log);
  await writeFile(configPath, engineConfig(engineBytes));

  const running = new Set<Promise<unknown>>();
  const own = sessionSettings(engineBytes);
  let opened = 0;
  const open = () => {
    opened += 1;
    const name = `session-${opened}`;
    // A client shell takes `1+1` for SELECT 1+1, a server does not.
    const connectionArgs = [`--config-file=${configPath}`, '--implicit_select=0', `--query_cache_tag=${name}`];
    connectionArgs.push(...[...own].map(([setting, value]) => `--${setting}=${value}`));
    return new ChdbSession(new Session(databaseDir, { connectionArgs }), name, own, running);
  };
  const lanes = await lanesFor(pipesDir, log);
  const pipePaths = Array.from({ length: lanes.statement + lanes.insert }, (_, index) =>
    join(pipesDir, `rows-${index + 1}`),
  );
  const pool = await openPool(() => new SessionPool({ open, running, lanes, pipePaths, log }), root, databaseDir);
  try {
    // Only now is the directory ours to tidy: what is there was left by a process that was killed.
    await emptyDirectory(incomingDir);
    await emptyDirectory(pipesDir);
    for (const path of pipePaths) await makeRowPipe(path);
    return { pool, incomingDir, facts: await readFacts(pool) };
  } catch (cause) {
    pool.close();
    throw new EmbeddedClickHouseError('clickhouse.start-failed', `ClickHouse did not start in ${root}`, { cause });
  }
}

async function importChdb() {
  // biome-ignore lint/style/noProcessEnv: nothing is read here; the library does when it is loaded.
  process.env.JE_MALLOC_CONF = ALLOCATOR_OPTIONS;
  try {
    return await import('chdb');
  } catch (cause) {
    const message =
      'The embedded ClickHouse needs the optional package chdb (Linux with glibc, macOS), which is not installed. ' +
      'Install it with npm install, or set CLICKHOUSE_URL to a ClickHouse server.';
    throw new EmbeddedClickHouseError('clickhouse.engine-missing', message, { cause });
  }
}

function engineBytesFor(maxMemoryBytes: number, log: Logger): number {
  const { engineBytes, holds } = engineMemory(maxMemoryBytes);
  if (!holds) log.warn({ maxMemoryBytes, engineBytes }, 'the memory cap is too small to be held');
  return engineBytes;
}

async function openPool(make: () => SessionPool, root: string, databaseDir: string): Promise<SessionPool> {
  try {
    return make();
  } catch (cause) {
    const holder = await holderOf(databaseDir);
    if (holder !== null) {
      const message = `The data directory ${root} is in use by process ${holder}: stop it, or choose another directory`;
      throw new EmbeddedClickHouseError('clickhouse.data-dir-in-use', message, { cause });
    }
    const text = cause instanceof Error ? cause.message.trim() : String(cause);
    const message = `ClickHouse cannot open its data directory: ${text} (the engine wrote why to standard error)`;
    throw new EmbeddedClickHouseError('clickhouse.start-failed', message, { cause });
  }
}

/** The living process named in the directory's lock file, which is left behind by one that was killed. */
async function holderOf(databaseDir: string): Promise<number | null> {
  const status = await readFile(join(databaseDir, 'status'), 'utf8').catch(() => '');
  const pid = Number(/^PID: (\d+)/.exec(status)?.[1]);
  return Number.isInteger(pid) && isAlive(pid) ? pid : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function lanesFor(directory: string, log: Logger): Promise<Record<Lane, number>> {
  if (await probeThreads(THREADS_WANTED, directory)) return LANES;
  const advice = 'few threads: start this process with UV_THREADPOOL_SIZE=16 in its environment';
  log.warn({ threadsWanted: THREADS_WANTED, lanes: LANES_WITH_FEW_THREADS }, advice);
  return LANES_WITH_FEW_THREADS;
}

async function emptyDirectory(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await rm(join(directory, name), { recursive: true, force: true });
}

async function readFacts(pool: SessionPool): Promise<EngineFacts> {
  const { bytes } = await pool.control.query('SELECT version(), timezone(), displayName()', 'JSONCompactEachRow');
  const [version, timezone, displayName]: string[] = JSON.parse(Buffer.from(bytes).toString('utf8'));
  return { version: version ?? '', timezone: timezone ?? 'UTC', displayName: displayName ?? '' };
}
