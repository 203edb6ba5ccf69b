import { access, readFile } from 'node:fs/promises';
import { findEncodeCgroup } from '../../workers/governor/encode-cgroup.ts';
import { mayStopChildren } from '../../workers/governor/may-stop-children.ts';
import { type Check, doubtful, fine } from './check.ts';

/** What the governor of encoding can see and do on this machine; Linux only. */
export async function checkGovernor(platform: NodeJS.Platform): Promise<Check[]> {
  if (platform !== 'linux') return [doubtful('governor', 'sees nothing here', 'run the worker on Linux')];
  const [pressure, delays, sessions, stops, cgroup] = await Promise.all([
    isThere('/proc/pressure/io'),
    isThere('/proc/self/schedstat'),
    readFile('/proc/sys/kernel/sched_autogroup_enabled', 'utf8').catch(() => '0'),
    mayStopChildren(),
    findEncodeCgroup(),
  ]);
  const found = [
    stops ? 'slows and pauses encoders' : 'cannot slow encoders',
    `sees ${[pressure && 'pressure', delays && 'delays', 'latency'].filter(Boolean).join(', ')}`,
    ...(sessions.trim() === '1' ? ['weighs sessions'] : []),
    cgroup.kind === 'open' ? 'has a control group' : `no control group (${cgroup.reason})`,
  ].join('; ');
  if (!stops)
    return [doubtful('governor', found, 'install the package util-linux: encoders must die with their worker')];
  if (!pressure) return [doubtful('governor', found, 'boot the kernel with psi=1')];
  return [fine('governor', found)];
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
