import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MediaStore } from '../../src/media/media-store.ts';

/** What every media store keeps to. `open` makes an empty one. */
export function describeMediaStore(
  name: string,
  open: () => Promise<{ store: MediaStore; close(): Promise<void> }>,
): void {
  describe(`${name} keeps the media store's contract`, () => {
    let store: MediaStore;
    let close: () => Promise<void>;
    let local: string;
    beforeEach(async () => {
      ({ store, close } = await open());
      local = await mkdtemp(join(tmpdir(), 'nara-local-'));
    });
    afterEach(async () => {
      await close();
      await rm(local, { recursive: true });
    });

    test('what was written is read back, as bytes and as text', async () => {
      await store.write('assets/a_1/asset.json', '{"id":"ä"}');
      await store.write('assets/a_1/r/x/init.mp4', Uint8Array.of(0, 255, 10));
      expect((await store.read('assets/a_1/asset.json'))?.toString('utf8')).toBe('{"id":"ä"}');
      expect(await store.read('assets/a_1/r/x/init.mp4')).toEqual(Buffer.of(0, 255, 10));
      expect(await store.size('assets/a_1/r/x/init.mp4')).toBe(3);
    });

    test('nothing is null: read, size, openRead', async () => {
      await store.write('assets/a_1/asset.json', '{}');
      for (const key of ['assets/a_2/asset.json', 'assets', 'assets/a_1/asset.json/below']) {
        expect(await store.size(key)).toBeNull();
      }
      expect(await store.read('assets/a_2/asset.json')).toBeNull();
      expect(await store.openRead('assets/a_2/asset.json')).toBeNull();
    });

    test('writing again replaces, with a shorter text too', async () => {
      await store.write('policy/x.json', 'a long text');
      await store.write('policy/x.json', 'short');
      expect((await store.read('policy/x.json'))?.toString()).toBe('short');
    });

    test('of many exclusive writers exactly one wins, and its bytes stay', async () => {
      const writers = Array.from({ length: 20 }, (_, index) => `writer ${index}`);
      const won = await Promise.all(writers.map((text) => store.createExclusive('policy/config/000002.json', text)));
      expect(won.filter(Boolean)).toHaveLength(1);
      const winner = writers[won.indexOf(true)];
      expect((await store.read('policy/config/000002.json'))?.toString()).toBe(winner);
      expect(await store.createExclusive('policy/config/000002.json', 'later')).toBe(false);
      expect((await store.read('policy/config/000002.json'))?.toString()).toBe(winner);
    });

    test('readers never see half a document, whether it is created or replaced', async () => {
      const whole = (letter: string): string => letter.repeat(2_000_000);
      await store.write('policy/big.json', whole('a'));
      let writing = true;
      const seen = new Set<string>();
      const reader = (async () => {
        while (writing) {
          const text = (await store.read('policy/big.json'))?.toString() ?? '';
          seen.add(text === whole('a') || text === whole('b') ? 'whole' : 'half');
          const created = (await store.read('policy/new.json'))?.toString();
          seen.add(created === undefined || created === whole('c') ? 'whole' : 'half');
        }
      })();
      for (const letter of ['b', 'a', 'b', 'a']) await store.write('policy/big.json', whole(letter));
      await store.createExclusive('policy/new.json', whole('c'));
      writing = false;
      await reader;
      expect([...seen]).toEqual(['whole']);
    });

    test('a local file is moved in and gone from where it was', async () => {
      const path = join(local, 'segment.m4s');
      await writeFile(path, 'segment');
      await store.putFile('assets/a_1/r/low/seg-00000.m4s', path);
      expect((await store.read('assets/a_1/r/low/seg-00000.m4s'))?.toString()).toBe('segment');
      await expect(stat(path)).rejects.toThrow('ENOENT');
    });

    test('a listing shows one level, sorted, as whole keys; deeper ones once, with a slash', async () => {
      for (const key of [
        'assets/b/asset.json',
        'assets/a/r/x/init.mp4',
        'assets/a/r/y/init.mp4',
        'assets/note.txt',
        'other/x',
      ]) {
        await store.write(key, 'x');
      }
      expect(await store.list('assets')).toEqual(['assets/a/', 'assets/b/', 'assets/note.txt']);
      expect(await store.list('assets/')).toEqual(['assets/a/', 'assets/b/', 'assets/note.txt']);
      expect(await store.list('assets/a/r')).toEqual(['assets/a/r/x/', 'assets/a/r/y/']);
      expect(await store.list('nothing')).toEqual([]);
    });

    test('removing takes one key or everything below a prefix, and nothing else; twice is fine', async () => {
      for (const key of ['assets/a/asset.json', 'assets/a/r/x/init.mp4', 'assets/ab/asset.json'])
        await store.write(key, 'x');
      await store.remove('assets/a/asset.json');
      expect(await store.read('assets/a/asset.json')).toBeNull();
      expect(await store.read('assets/a/r/x/init.mp4')).not.toBeNull();
      await store.remove('assets/a');
      await store.remove('assets/a');
      expect(await store.list('assets')).toEqual(['assets/ab/']);
    });

    test('a range is both ends inclusive and cut at the end', async () => {
      await store.write('assets/a/file', '0123456789');
      const part = await store.openRead('assets/a/file', { start: 2, end: 4 });
      expect(part?.totalBytes).toBe(10);
      expect(part && (await buffer(part.stream)).toString()).toBe('234');
      const tail = await store.openRead('assets/a/file', { start: 8, end: 99 });
      expect(tail && (await buffer(tail.stream)).toString()).toBe('89');
      const whole = await store.openRead('assets/a/file');
      expect(whole && (await buffer(whole.stream)).toString()).toBe('0123456789');
    });

    test.each(['../x', 'a/../b', '/etc/passwd', 'a//b', '.tmp/x', 'a/.hidden', 'a\\..\\b', 'a b', 'a/\0', ''])(
      'the key %j is refused everywhere',
      async (key) => {
        const refused = { code: 'invalid-key' };
        const attempts = [
          () => store.read(key),
          () => store.write(key, 'x'),
          () => store.createExclusive(key, 'x'),
          () => store.remove(key),
          () => store.size(key),
          () => store.openRead(key),
          async () => store.localPath(key),
          () => store.putFile(key, join(local, 'x')),
        ];
        for (const attempt of attempts) await expect((async () => attempt())()).rejects.toMatchObject(refused);
      },
    );
  });
}
