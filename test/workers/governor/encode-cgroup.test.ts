import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CgroupFiles, joinEncodeCgroup, openEncodeCgroup } from '../../../src/workers/governor/encode-cgroup.ts';

let root: string;
let files: CgroupFiles;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-cgroup-'));
  files = { mountInfo: join(root, 'mountinfo'), ownCgroup: join(root, 'cgroup') };
});
afterEach(() => rm(root, { recursive: true }));

/** A tree like the kernel's, with plain files. */
async function machine(own: string, controllers: string): Promise<string> {
  const mount = join(root, 'fs');
  await mkdir(join(mount, 'system.slice/video.service'), { recursive: true });
  const parent = join(mount, 'system.slice/video.service');
  await writeFile(join(parent, 'cgroup.controllers'), `${controllers}\n`);
  await writeFile(files.ownCgroup, `2:cpu:/elsewhere\n0::${own}\n`);
  const cgroup1 = `30 29 0:26 / ${root}/v1 rw shared:9 - cgroup cgroup rw,cpu`;
  const cgroup2 = `31 29 0:27 / ${mount} rw,nosuid,nodev shared:10 - cgroup2 cgroup2 rw,nsdelegate`;
  await writeFile(files.mountInfo, `${cgroup1}\n${cgroup2}\n`);
  return parent;
}

test('in a delegated group encoders get one of their own that weighs little', async () => {
  const parent = await machine('/system.slice/video.service/nara', 'cpuset cpu io memory pids');
  const cgroup = await openEncodeCgroup(files);
  expect(cgroup).toEqual({ kind: 'open', path: join(parent, 'nara-encode') });
  expect(await readFile(join(parent, 'nara-encode/cpu.weight'), 'utf8')).toBe('10');
  expect(await readFile(join(parent, 'nara-encode/io.weight'), 'utf8')).toBe('10');
  await joinEncodeCgroup(cgroup, 4711);
  expect(await readFile(join(parent, 'nara-encode/cgroup.procs'), 'utf8')).toBe('4711');
});

test.each([
  ['a group nobody handed over', '/system.slice/video.service', 'cpu io'],
  ['controllers held back', '/system.slice/video.service/nara', 'memory pids'],
])('with %s it touches nothing', async (_, own, controllers) => {
  const parent = await machine(own, controllers);
  expect(await openEncodeCgroup(files)).toMatchObject({ kind: 'none' });
  await expect(readFile(join(parent, 'nara-encode/cpu.weight'))).rejects.toThrow('ENOENT');
});

test('a machine without control groups has none', async () => {
  expect(await openEncodeCgroup(files)).toEqual({ kind: 'none', reason: 'no cgroup v2 here' });
});
