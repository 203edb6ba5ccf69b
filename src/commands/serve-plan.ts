import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { ChildCommand } from '../supervisor/child-process.ts';
import { ensureSecret } from '../supervisor/ensure-secret.ts';
import { choosePort, freePort } from '../supervisor/free-port.ts';
import { redisChild, redisChildUrl } from '../supervisor/redis-child.ts';

const LOOPBACK = '127.0.0.1';
const WILDCARDS = ['0.0.0.0', '::'];
/** An engine call occupies a thread for as long as it runs; with Node's four, six sessions would wait for each other. */
const CLICKHOUSE_THREADS = 16;
/** What `config.ts` says when nobody asked for a port; nobody needs the embedded engine on a certain one. */
const UNASKED_CLICKHOUSE_PORT = 8123;

type ChildName = 'clickhouse' | 'redis' | 'api' | 'worker';

/** On one machine, accepting comes before shipping: what is spooled can wait for a quieter second, a player cannot. */
const CLICKHOUSE_NICENESS = 5;

/** Bodies of telemetry are garbage as soon as they are stored: with twice the usual room it is looked for half as often, for 30 MB. */
const API_FLAGS = ['--max-semi-space-size=32'];

/** One child of `nara serve`; together `stopTimeoutMs` leave a second of the ten that a stop may take. */
export type PlannedChild = { name: ChildName; stopTimeoutMs: number; what: ChildCommand };

export type ServePlan = {
  url: string;
  clickhouseUrl: string;
  redisUrl: string;
  /** ClickHouse and Redis, without those that run elsewhere. */
  databases: PlannedChild[];
  api: PlannedChild;
  worker: PlannedChild;
};

type ServeConfig = Pick<
  Config,
  'host' | 'port' | 'portIsExplicit' | 'dataDir' | 'clickhouseUrl' | 'redisUrl' | 'clickhousePort'
>;

/** Which children to run and where they will be found: ports and passwords stay the same over every restart of a child. */
export async function planServe(config: ServeConfig, mainPath: string, log: Logger): Promise<ServePlan> {
  const { host, dataDir } = config;
  const port = await choosePort({ host, port: config.port, explicit: config.portIsExplicit, variable: 'NARA_PORT' });
  const clickhouse = config.clickhouseUrl === null ? await embeddedClickhouse(config, mainPath) : null;
  const redis = config.redisUrl === null ? await ownRedis(dataDir, log) : null;
  const clickhouseUrl = config.clickhouseUrl ?? clickhouse?.url ?? '';
  const redisUrl = config.redisUrl ?? redis?.url ?? '';
  const env = {
    NARA_HOST: host,
    NARA_PORT: String(port),
    NARA_DATA_DIR: dataDir,
    CLICKHOUSE_URL: clickhouseUrl,
    REDIS_URL: redisUrl,
  };
  return {
    url: `http://${urlHost(host)}:${port}`,
    clickhouseUrl,
    redisUrl,
    databases: [clickhouse, redis].flatMap((located) => located?.child ?? []),
    api: { name: 'api', stopTimeoutMs: 2_000, what: naraCommand(mainPath, 'api', env, API_FLAGS) },
    worker: { name: 'worker', stopTimeoutMs: 3_500, what: naraCommand(mainPath, 'worker', env) },
  };
}

type Located = { url: string; child: PlannedChild };

async function embeddedClickhouse(config: ServeConfig, mainPath: string): Promise<Located> {
  const asked = config.clickhousePort;
  const port =
    asked === UNASKED_CLICKHOUSE_PORT
      ? await freePort(LOOPBACK)
      : await choosePort({ host: LOOPBACK, port: asked, explicit: true, variable: 'NARA_CLICKHOUSE_PORT' });
  const password = await ensureSecret(config.dataDir, 'clickhouse-password');
  const what = naraCommand(mainPath, 'clickhouse', {
    NARA_DATA_DIR: config.dataDir,
    NARA_CLICKHOUSE_PORT: String(port),
    NARA_CLICKHOUSE_PASSWORD: password,
    UV_THREADPOOL_SIZE: String(CLICKHOUSE_THREADS),
  });
  return {
    url: `http://default:${password}@${LOOPBACK}:${port}`,
    child: { name: 'clickhouse', stopTimeoutMs: 2_500, what: { ...what, niceness: CLICKHOUSE_NICENESS } },
  };
}

async function ownRedis(dataDir: string, log: Logger): Promise<Located> {
  const port = await freePort(LOOPBACK);
  const password = await ensureSecret(dataDir, 'redis-password');
  const what = await redisChild({ dataDir, port, password, log: log.child({ child: 'redis' }) });
  return { url: redisChildUrl(port, password), child: { name: 'redis', stopTimeoutMs: 1_000, what } };
}

/** `nara COMMAND` as a child that says over IPC when it is ready; works from any working directory. */
function naraCommand(
  mainPath: string,
  command: string,
  env: Record<string, string>,
  nodeFlags: readonly string[] = [],
): ChildCommand {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return {
    command: process.execPath,
    args: [...nodeFlags, '--import', tsx, mainPath, command],
    env,
    readyWhen: { kind: 'message' },
  };
}

function urlHost(host: string): string {
  if (WILDCARDS.includes(host)) return LOOPBACK;
  return host.includes(':') ? `[${host}]` : host;
}
