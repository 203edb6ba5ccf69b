import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Whether children may be stopped here: only where the kernel kills them with their worker. A stopped orphan would hold its
 * memory and files until somebody noticed.
 */
export function mayStopChildren(): Promise<boolean> {
  return run('setpriv', ['--pdeathsig', 'KILL', 'true']).then(
    () => true,
    () => false,
  );
}
