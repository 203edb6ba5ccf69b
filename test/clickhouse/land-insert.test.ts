import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLandedBody } from '../../src/clickhouse/land-insert.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'land-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function* broken(): AsyncGenerator<Buffer> {
  yield Buffer.from('x');
  throw new Error('connection lost');
}

describe('withLandedBody', () => {
  it('shows the whole body on disk and deletes it afterwards', async () => {
    const seen = await withLandedBody(directory, Buffer.from('a'), chunks('b', 'c'), async ({ path, bytes }) => ({
      text: await readFile(path, 'utf8'),
      bytes,
    }));
    expect(seen).toEqual({ text: 'abc', bytes: 3 });
    expect(await readdir(directory)).toEqual([]);
  });

  it('deletes it when applying it fails', async () => {
    const failing = withLandedBody(directory, Buffer.from('a'), chunks(), () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await readdir(directory)).toEqual([]);
  });

  it('applies nothing of a body that broke off', async () => {
    let applied = false;
    const failing = withLandedBody(directory, Buffer.from('a'), broken(), async () => {
      applied = true;
    });
    await expect(failing).rejects.toMatchObject({
      type: 'ZLIB_INFLATE_FAILED',
      message: expect.stringContaining('connection lost'),
    });
    expect(applied).toBe(false);
    expect(await readdir(directory)).toEqual([]);
  });
});
