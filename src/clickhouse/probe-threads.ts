import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeRowPipe } from './row-pipe.ts';

const PATIENCE_MS = 500;

/**
 * True when Node's thread pool is at least `wanted` threads wide: opening a pipe that nobody writes to keeps a thread
 * busy, so with `wanted` - 1 of them a file can be looked at only if one more thread is there. Asking the pool rather
 * than the environment also catches a UV_THREADPOOL_SIZE that was set too late.
 */
export async function probeThreads(wanted: number, directory: string): Promise<boolean> {
  const path = join(directory, randomUUID());
  await makeRowPipe(path);
  const blocked: Promise<FileHandle>[] = Array.from({ length: wanted - 1 }, () => open(path, 'r'));
  const looked = stat(directory).then(() => true);
  const enough = await Promise.race([looked, delay(PATIENCE_MS, false)]);
  const writer = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  for (const handle of await Promise.all(blocked)) await handle.close();
  closeSync(writer);
  await rm(path, { force: true });
  return enough;
}
