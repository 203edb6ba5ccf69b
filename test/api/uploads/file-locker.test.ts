import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLocker } from '../../../src/api/uploads/file-locker.ts';
import { waitFor } from '../../fixtures/wait-for.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-locks-'));
});
afterEach(() => rm(directory, { recursive: true }));

const never = new AbortController().signal;
const held = (holder: object): string =>
  JSON.stringify({ host: hostname(), pid: process.pid, process: 'p', ...holder });

describe('two processes on one directory', () => {
  // Two lockers know as little of each other as two processes do.
  it('are kept apart: who comes second asks the first to let go, and gets it then', async () => {
    const first = new FileLocker(directory).newLock('u_1');
    let asked = 0;
    await first.lock(never, () => {
      asked += 1;
    });
    // A process of another machine, as far as the file tells.
    await writeFile(join(directory, 'u_1.lock'), held({ host: 'elsewhere' }));
    const second = new FileLocker(directory).newLock('u_1');
    let isSecond = false;
    const waiting = second
      .lock(never, () => {})
      .then(() => {
        isSecond = true;
      });
    await waitFor('the first to be asked', async () => asked > 0);
    expect(isSecond).toBe(false);
    await first.unlock();
    await waiting;
    await second.unlock();
    expect(await readdir(directory)).toEqual([]);
  });

  it('do not wait for each other over different uploads', async () => {
    const locks = ['u_1', 'u_2'].map((id) => new FileLocker(directory).newLock(id));
    for (const lock of locks) await lock.lock(never, () => {});
    expect(await readdir(directory)).toHaveLength(2);
    for (const lock of locks) await lock.unlock();
  });

  it('do not wait for one that was killed', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    await writeFile(join(directory, 'u_1.lock'), held({ pid }));
    await writeFile(join(directory, 'u_2.lock'), held({ host: 'elsewhere' }));
    await utimes(join(directory, 'u_2.lock'), 0, 0);
    // The same number given to the next process, as in a container.
    await writeFile(join(directory, 'u_3.lock'), held({}));
    for (const id of ['u_1', 'u_2', 'u_3']) {
      const lock = new FileLocker(directory).newLock(id);
      await lock.lock(never, () => {});
      await lock.unlock();
    }
    expect(await readdir(directory)).toEqual([]);
  });

  it('give up waiting when their client has left', async () => {
    await writeFile(join(directory, 'u_1.lock'), held({ host: 'elsewhere' }));
    const leaving = new AbortController();
    const locker = new FileLocker(directory);
    const waiting = locker.newLock('u_1').lock(leaving.signal, () => {});
    leaving.abort();
    await expect(waiting).rejects.toMatchObject({ status_code: 400 });
    await rm(join(directory, 'u_1.lock'));
    const again = locker.newLock('u_1');
    await again.lock(never, () => {});
    await again.unlock();
  });
});
