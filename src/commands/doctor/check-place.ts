import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config.ts';
import { readLockHolder } from '../../supervisor/acquire-lock.ts';
import { whyTaken } from '../../supervisor/free-port.ts';
import { readRunFile } from '../../supervisor/run-file.ts';
import { broken, type Check, doubtful, fine } from './check.ts';

const GIB = 1024 ** 3;
/** One hour of 4K source with its renditions; below it the next upload may fill the disk. */
const COMFORTABLE_FREE_BYTES = 20 * GIB;
/** ClickHouse refuses to write and Redis cannot rewrite its log when less is left. */
const MINIMUM_FREE_BYTES = GIB;

/** Whether the data directory can be written, or made. */
export async function checkDataDir({ dataDir }: Pick<Config, 'dataDir'>): Promise<Check> {
  const place = await nearestExisting(dataDir);
  try {
    await access(place, constants.W_OK | constants.X_OK);
    return fine('data directory', place === dataDir ? dataDir : `${dataDir} (will be made)`);
  } catch {
    return broken('data directory', `${place} cannot be written`, 'change its owner, or set NARA_DATA_DIR');
  }
}

/** Whether uploads will find room. */
export async function checkDisk({ dataDir }: Pick<Config, 'dataDir'>): Promise<Check> {
  const { bavail, bsize } = await statfs(await nearestExisting(dataDir));
  const freeBytes = bavail * bsize;
  const found = `${(freeBytes / GIB).toFixed(1)} GiB free`;
  const mend = 'make room, or set NARA_DATA_DIR to a larger disk';
  if (freeBytes < MINIMUM_FREE_BYTES) return broken('disk', found, mend);
  return freeBytes < COMFORTABLE_FREE_BYTES ? doubtful('disk', found, mend) : fine('disk', found);
}

/** Who runs on the data directory, and whether the port is to be had. */
export async function checkPort(
  config: Pick<Config, 'dataDir' | 'host' | 'port' | 'portIsExplicit'>,
): Promise<Check[]> {
  const { dataDir, host, port } = config;
  const holder = await readLockHolder(dataDir);
  if (holder !== null) {
    const url = (await readRunFile(dataDir))?.url ?? `pid ${holder.pid}`;
    const running = `${holder.what}, pid ${holder.pid}, since ${holder.since}`;
    return [fine('running', running), fine('port', `served at ${url}`)];
  }
  const reason = port === 0 ? null : await whyTaken(host, port);
  if (reason === null) return [fine('running', 'nothing'), fine('port', port === 0 ? 'any' : `${port} is free`)];
  const found = `${port} is taken (${reason})`;
  if (!config.portIsExplicit) return [fine('running', 'nothing'), fine('port', `${found}, another will be used`)];
  return [fine('running', 'nothing'), broken('port', found, 'stop what uses it, or set NARA_PORT to another')];
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await access(path, constants.F_OK);
    return path;
  } catch {
    return path === dirname(path) ? path : nearestExisting(dirname(path));
  }
}
