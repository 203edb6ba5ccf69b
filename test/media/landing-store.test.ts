import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import { createLandingStore } from '../../src/media/landing-store.ts';
import { openLocalCache } from '../../src/media/local-cache.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { copySource } from '../../src/media/source-copy.ts';
import { describeMediaStore } from './media-store-contract.ts';

let root: string;
let remote: MediaStore;
let local: MediaStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-landing-'));
  // A store that is not on this machine, as far as anybody can tell.
  remote = { ...createDirectoryStore(join(root, 'remote')), localPath: () => null };
  local = createDirectoryStore(join(root, 'local'));
});
afterEach(() => rm(root, { recursive: true }));

describeMediaStore('a store that uploads land in', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'nara-landing-'));
  const [far, near] = [join(directory, 'far'), join(directory, 'near')].map(createDirectoryStore) as [
    MediaStore,
    MediaStore,
  ];
  return { store: createLandingStore(far, near), close: () => rm(directory, { recursive: true }) };
});

const HOUR_MS = 3_600_000;

describe('an upload that arrived on this machine', () => {
  it('is read here at once, and from everywhere when it has landed; twice is fine', async () => {
    await local.write('uploads/u_1', 'bytes');
    await local.write('uploads/u_1.json', '{"size":5}');
    const here = createLandingStore(remote, local);
    const elsewhere = createLandingStore(remote, createDirectoryStore(join(root, 'another machine')));
    expect(await readFile(here.localPath('uploads/u_1') ?? '', 'utf8')).toBe('bytes');
    expect(await elsewhere.size('uploads/u_1')).toBeNull();

    await here.land('uploads/u_1');
    await here.land('uploads/u_1');
    expect(here.localPath('uploads/u_1')).not.toBeNull();
    expect((await elsewhere.read('uploads/u_1'))?.toString()).toBe('bytes');
    expect((await elsewhere.read('uploads/u_1.json'))?.toString()).toBe('{"size":5}');
    expect(elsewhere.localPath('uploads/u_1')).toBeNull();
    await elsewhere.land('uploads/u_1');
    expect((await remote.read('uploads/u_1'))?.toString()).toBe('bytes');
  });

  it('gives its room back hours after it landed, and never before it has', async () => {
    const writtenMs = Date.parse('2026-01-01T00:00:00Z');
    for (const id of ['u_landed', 'u_arriving']) {
      await local.write(`uploads/${id}`, 'bytes');
      await local.write(`uploads/${id}.json`, '{"size":9}');
      await utimes(local.localPath(`uploads/${id}`) ?? '', writtenMs / 1000, writtenMs / 1000);
    }
    const store = createLandingStore(remote, local);
    await store.land('uploads/u_landed');
    await store.release(writtenMs + 5 * HOUR_MS);
    expect(await local.list('uploads')).toHaveLength(4);
    await store.release(writtenMs + 7 * HOUR_MS);
    expect(await local.list('uploads')).toEqual(['uploads/u_arriving', 'uploads/u_arriving.json']);
    expect((await store.read('uploads/u_landed'))?.toString()).toBe('bytes');
    await local.write('uploads/u_landed.landing', 'left by a process that was killed');
    await store.remove('uploads/u_landed');
    expect(await local.list('uploads')).toEqual(['uploads/u_arriving', 'uploads/u_arriving.json']);
    expect(await store.read('uploads/u_landed')).toBeNull();
  });
});

describe('a copy of a source that is stored elsewhere', () => {
  const signal = new AbortController().signal;

  it('is made once for all jobs on it, and goes when nobody has asked for hours', async () => {
    await remote.write('uploads/u_1', 'bytes');
    await remote.write('uploads/u_2', 'others');
    const directory = join(root, 'sources');
    let opened = 0;
    const counting = {
      ...remote,
      openRead(key: string) {
        opened += 1;
        return remote.openRead(key);
      },
    };
    const at = (nowMs: number, key = 'uploads/u_1') => copySource(counting, key, directory, { signal, nowMs });
    const begunMs = Date.now();
    const path = (await at(begunMs)) ?? '';
    expect(await readFile(path, 'utf8')).toBe('bytes');
    expect(await at(begunMs + HOUR_MS)).toBe(path);
    expect(opened).toBe(1);
    await at(begunMs + 8 * HOUR_MS, 'uploads/u_2');
    await expect(readFile(path)).rejects.toThrow('ENOENT');
    expect(await at(begunMs, 'uploads/u_none')).toBeNull();
  });

  it('that was cut short is not taken for the source', async () => {
    await remote.write('uploads/u_1', 'bytes');
    const directory = join(root, 'sources');
    const leaving = new AbortController();
    leaving.abort();
    const cut = copySource(remote, 'uploads/u_1', directory, { signal: leaving.signal, nowMs: 0 });
    await expect(cut).rejects.toThrow();
    await writeFile(join(directory, 'u_1'), 'by');
    const path = await copySource(remote, 'uploads/u_1', directory, { signal, nowMs: 0 });
    expect(await readFile(path ?? '', 'utf8')).toBe('bytes');
  });
});

describe('media kept near while it is in demand', () => {
  it('is fetched once, except what may still change', async () => {
    await remote.write('assets/a/r/x/seg-00000.m4s', 'segment');
    await remote.write('assets/a/r/x/index.m3u8', 'one');
    const cache = await openLocalCache(remote, { directory: join(root, 'cache'), maxBytes: 1000 });
    const textOf = async (name: string) => readFile((await cache.pathOf(`assets/a/r/x/${name}`)) ?? '', 'utf8');
    expect([await textOf('seg-00000.m4s'), await textOf('index.m3u8')]).toEqual(['segment', 'one']);
    await remote.remove('assets/a/r/x/seg-00000.m4s');
    await remote.write('assets/a/r/x/index.m3u8', 'one, two');
    expect([await textOf('seg-00000.m4s'), await textOf('index.m3u8')]).toEqual(['segment', 'one, two']);
    expect(await cache.pathOf('assets/a/r/x/init.mp4')).toBeNull();
  });

  it('is gone when it was removed from the store, and nothing beside it', async () => {
    for (const asset of ['a', 'ab']) await remote.write(`assets/${asset}/1.webp`, 'picture');
    const cache = await openLocalCache(remote, { directory: join(root, 'cache'), maxBytes: 1000 });
    const kept = [await cache.pathOf('assets/a/1.webp'), await cache.pathOf('assets/ab/1.webp')];
    await remote.remove('assets');
    cache.forget('assets/a/');
    expect(await cache.pathOf('assets/a/1.webp')).toBeNull();
    expect(await cache.pathOf('assets/ab/1.webp')).toBe(kept[1]);
  });

  it('makes room by dropping what was asked for longest ago', async () => {
    for (const name of ['1', '2', '3']) await remote.write(`assets/a/${name}.webp`, 'x'.repeat(400));
    const cache = await openLocalCache(remote, { directory: join(root, 'cache'), maxBytes: 1000 });
    const paths = [];
    for (const name of ['1', '2', '1', '3']) paths.push(await cache.pathOf(`assets/a/${name}.webp`));
    expect(paths[2]).toBe(paths[0]);
    expect(await cache.pathOf('assets/a/1.webp')).toBe(paths[0]);
    expect(await cache.pathOf('assets/a/2.webp')).not.toBe(paths[1]);
  });
});
