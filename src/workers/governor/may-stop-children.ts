import { execFile } from 'node:child_process';

/**
 * Whether children may be stopped here: only where the kernel kills them with their worker. A stopped orphan would hold its
 * memory and files until somebody noticed.
 */
export function mayStopChildren(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('setpriv', ['--pdeathsig', 'KILL', 'true'], (error) => resolve(error === null));
  });
}
