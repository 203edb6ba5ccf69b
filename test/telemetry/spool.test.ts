import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openName, type Segment } from '../../src/telemetry/spool/segment-files.ts';
import { Spool, type SpoolOptions, SpoolWriteError, toSpoolRow } from '../../src/telemetry/spool/spool.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-spool-'));
});
afterEach(() => rm(directory, { recursive: true }));

const row = (n: number): string => toSpoolRow({ n });

async function openSpool(options: Partial<SpoolOptions> = {}) {
  const sealed: Segment[] = [];
  const spool = new Spool({
    directory,
    maxBytes: 1e9,
    segmentAgeMs: 60_000,
    onSealed: (segment) => sealed.push(segment),
    ...options,
  });
  const left = await spool.start();
  return { spool, sealed, left };
}

async function rowsOf(segment: Segment): Promise<number[]> {
  const lines = (await readFile(segment.path, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => {
    const value = JSON.parse(line);
    expect(value.segment).toBe(segment.id);
    return value.n;
  });
}

describe('Spool', () => {
  it('has every row on disk, marked with its segment, before an append resolves', async () => {
    const { spool } = await openSpool();
    expect(await spool.append([row(1), row(2)])).toEqual({ kind: 'stored' });
    const open = (await readdir(directory)).find((name) => name.endsWith('.open')) ?? '';
    const text = await readFile(join(directory, open), 'utf8');
    expect(text.split('\n').filter(Boolean)).toHaveLength(2);
    await spool.stop();
  });

  it('hands over concurrent appends in one segment, none lost, none doubled', async () => {
    const { spool, sealed } = await openSpool();
    await Promise.all(Array.from({ length: 300 }, (_, n) => spool.append([row(n)])));
    await spool.seal();
    expect(sealed).toHaveLength(1);
    const [segment] = sealed;
    expect(segment?.rows).toBe(300);
    expect((await rowsOf(segment as Segment)).sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, n) => n));
    await spool.stop();
  });

  it('seals a segment when it is large enough and goes on in the next one', async () => {
    const { spool, sealed } = await openSpool({ segmentBytes: 100 });
    for (let n = 0; n < 10; n += 1) await spool.append([row(n)]);
    await spool.stop();
    expect(sealed.length).toBeGreaterThan(2);
    const rows = (await Promise.all(sealed.map(rowsOf))).flat();
    expect(rows).toEqual(Array.from({ length: 10 }, (_, n) => n));
  });

  it('stores what is more than it gathers for one write, and rows of any script, as they are', async () => {
    const { spool, sealed } = await openSpool();
    const texts = ['a'.repeat(700_000), 'ж'.repeat(400_000), '\u{1f600}'.repeat(300_000), 'b'];
    await Promise.all(texts.map((text) => spool.append([toSpoolRow({ text })])));
    await spool.stop();
    const lines = (await readFile((sealed[0] as Segment).path, 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).text)).toEqual(texts);
    expect(sealed[0]?.rows).toBe(texts.length);
  });

  it('stores each row once, in its segment, when full groups are on their way to the disk side by side', async () => {
    const { spool, sealed } = await openSpool({ segmentBytes: 1_000_000 });
    const padding = 'x'.repeat(50_000);
    const senders = Array.from({ length: 20 }, (_, sender) => sender);
    await Promise.all(
      senders.map(async (sender) => {
        for (let n = 0; n < 5; n += 1) await spool.append([toSpoolRow({ n: 5 * sender + n, padding })]);
      }),
    );
    await spool.stop();
    expect(sealed.length).toBeGreaterThan(1);
    const rows = (await Promise.all(sealed.map(rowsOf))).flat();
    expect(rows.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(sealed.reduce((sum, segment) => sum + segment.rows, 0)).toBe(100);
  });

  it('hands over what was appended before a seal while more comes in all the time', async () => {
    const { spool, sealed } = await openSpool();
    let isSealed = false;
    const padding = 'x'.repeat(20_000);
    const senders = Array.from({ length: 30 }, async (_, sender) => {
      for (let n = 0; !isSealed && n < 2_000; n += 1) await spool.append([toSpoolRow({ n: sender, padding })]);
      return isSealed;
    });
    await spool.append([row(1)]);
    await spool.seal();
    isSealed = true;
    expect(sealed.length).toBeGreaterThan(0);
    expect(await Promise.all(senders)).toEqual(senders.map(() => true));
    await spool.stop();
  });

  it('says once that the disk refuses rows, tells their senders, and stores again when it can', async () => {
    const failures: Error[] = [];
    const { spool, sealed } = await openSpool({ onFailing: (error) => failures.push(error) });
    await rename(directory, `${directory}-away`);
    for (const n of [1, 2]) await expect(spool.append([row(n)])).rejects.toThrow(SpoolWriteError);
    await rename(`${directory}-away`, directory);
    expect(await spool.append([row(3)])).toEqual({ kind: 'stored' });
    await spool.stop();
    expect(failures).toMatchObject([{ code: 'ENOENT' }]);
    expect(await rowsOf(sealed[0] as Segment)).toEqual([3]);
  });

  it('returns what a killed process left, without the torn last line that was never acknowledged', async () => {
    const first = await openSpool();
    await first.spool.append([row(1), row(2)]);
    const name = (await readdir(directory)).find((entry) => entry.endsWith('.open')) ?? '';
    const content = await readFile(join(directory, name), 'utf8');
    await writeFile(join(directory, name), `${content}{"segment":"torn","n":`);

    const { spool, left } = await openSpool();
    expect(left).toHaveLength(1);
    expect(left[0]?.rows).toBe(2);
    expect(await rowsOf(left[0] as Segment)).toEqual([1, 2]);
    await spool.stop();
    await first.spool.stop().catch(() => {});
  });

  it('does not return an open file that holds nothing', async () => {
    await writeFile(join(directory, openName(7)), '');
    const { spool, left } = await openSpool();
    expect(left).toEqual([]);
    await spool.stop();
  });

  it('counts what is on its way to the disk against its budget', async () => {
    const { spool } = await openSpool({ maxBytes: 2_000 });
    const results = await Promise.all(Array.from({ length: 300 }, (_, n) => spool.append([row(n)])));
    const stored = results.filter(({ kind }) => kind === 'stored').length;
    expect(stored).toBeGreaterThan(0);
    expect(spool.bytesOnDisk).toBeLessThan(2_200);
    expect(results.at(-1)).toMatchObject({ kind: 'full' });
    await spool.stop();
  });

  it('refuses rows while the disk budget is used up, and takes them again after a release', async () => {
    const { spool, sealed } = await openSpool({ maxBytes: 200 });
    while ((await spool.append([row(1)])).kind === 'stored');
    expect(await spool.append([row(2)])).toMatchObject({ kind: 'full' });
    await spool.seal();
    await spool.release(sealed[0] as Segment);
    expect(await spool.append([row(3)])).toEqual({ kind: 'stored' });
    await spool.stop();
  });

  it('says how old the oldest of what waits is, and nothing while only the open segment does', async () => {
    const { spool, sealed } = await openSpool();
    await spool.append([row(1)]);
    expect(spool.oldestSealedMs).toBeNull();
    await spool.seal();
    await spool.append([row(2)]);
    await spool.seal();
    expect(spool.oldestSealedMs).toBe(sealed[0]?.writtenAtMs);
    await spool.release(sealed[0] as Segment);
    expect(spool.oldestSealedMs).toBe(sealed[1]?.writtenAtMs);
    await spool.stop();
  });

  it('never uses the id of a released segment again, even after a restart', async () => {
    const first = await openSpool();
    await first.spool.append([row(1)]);
    await first.spool.stop();
    const used = first.sealed[0] as Segment;
    await first.spool.release(used);
    const second = await openSpool();
    await second.spool.append([row(2)]);
    await second.spool.stop();
    expect(second.sealed[0]?.id).not.toBe(used.id);
  });
});
