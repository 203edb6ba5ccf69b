import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

// Lifecycle: `open` makes the group beside the service's own, once per start; `add` moves a child in. The group stays when the
// worker ends; it is empty then, and the next worker finds it.

/** Control groups of version 2 as Linux shows them; tests show others. */
export type CgroupFiles = { mountInfo: string; ownCgroup: string };
const LINUX: CgroupFiles = { mountInfo: '/proc/self/mountinfo', ownCgroup: '/proc/self/cgroup' };

/** A control group in which children weigh little, or why there is none. */
export type EncodeCgroup = { kind: 'open'; path: string } | { kind: 'none'; reason: string };

/** The service's own group has this name where its parent was handed over to it (systemd: Delegate=, DelegateSubgroup=). */
const SERVICE_GROUP = 'nara';
const ENCODE_GROUP = 'nara-encode';
/** Against the default of 100: a tenth when both want all there is. */
const WEIGHT = '10';

/** Where encoders would be put; looks, and changes nothing. */
export async function findEncodeCgroup(files: CgroupFiles = LINUX): Promise<EncodeCgroup> {
  const none = (reason: string): EncodeCgroup => ({ kind: 'none', reason });
  const mount = /^\d+ \d+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(await read(files.mountInfo))?.[1];
  const own = /^0::(\/.*)$/m.exec(await read(files.ownCgroup))?.[1];
  if (mount === undefined || own === undefined) return none('no cgroup v2 here');
  if (basename(own) !== SERVICE_GROUP) return none(`not in a delegated group called ${SERVICE_GROUP}`);
  const parent = join(mount, dirname(own));
  const controllers = (await read(join(parent, 'cgroup.controllers'))).trim().split(' ');
  if (!controllers.includes('cpu')) return none('the cpu controller is not delegated');
  return { kind: 'open', path: join(parent, ENCODE_GROUP) };
}

/** Makes the group and gives it its weights. */
export async function openEncodeCgroup(files?: CgroupFiles): Promise<EncodeCgroup> {
  const found = await findEncodeCgroup(files);
  if (found.kind === 'none') return found;
  try {
    await mkdir(found.path, { recursive: true });
    await writeFile(join(dirname(found.path), 'cgroup.subtree_control'), '+cpu');
    await writeFile(join(found.path, 'cpu.weight'), WEIGHT);
  } catch (error) {
    return { kind: 'none', reason: error instanceof Error ? error.message : String(error) };
  }
  // Disks that are not weighed are common, and no reason to do without the rest.
  await writeFile(join(dirname(found.path), 'cgroup.subtree_control'), '+io')
    .then(() => writeFile(join(found.path, 'io.weight'), WEIGHT))
    .catch(() => undefined);
  return found;
}

/** Moves a child in; one that has ended already is none the worse for it. */
export async function joinEncodeCgroup(cgroup: EncodeCgroup, pid: number): Promise<void> {
  if (cgroup.kind === 'open') await writeFile(join(cgroup.path, 'cgroup.procs'), String(pid)).catch(() => undefined);
}

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
