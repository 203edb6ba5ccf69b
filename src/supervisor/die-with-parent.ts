import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A stop that hangs must not outlive the supervisor for ever. */
const STOP_GRACE_MS = 9_500;

/** A command made so that the kernel ends it when the process that started it dies. */
export type TieToParent = (command: string, args: readonly string[]) => { command: string; args: string[] };

/** `setpriv --pdeathsig` where this system has it (Linux, util-linux); null elsewhere: a watchdog does it then. */
export async function findParentDeathSignal(): Promise<TieToParent | null> {
  try {
    await run('setpriv', ['--pdeathsig', 'TERM', process.execPath, '--version']);
  } catch {
    return null;
  }
  return (command, args) => ({ command: 'setpriv', args: ['--pdeathsig', 'TERM', command, ...args] });
}

const WATCHDOG = `
read -r _
kill -TERM "$1"
tenths=${STOP_GRACE_MS / 100}
while [ $tenths -gt 0 ] && kill -0 "$1"; do tenths=$((tenths - 1)); sleep 0.1; done
kill -KILL "-$1"`;

/**
 * A shell that waits for this process to die (its end of a pipe closes) and then ends the process group led by `pid`.
 * Returns how to dismiss it, to be called when the child has ended by itself.
 */
export function watchForParentDeath(pid: number): () => void {
  const shell = spawn('/bin/sh', ['-c', WATCHDOG, 'nara-watchdog', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  return () => void shell.kill('SIGKILL');
}

/**
 * For a supervised Node child: when the supervisor dies (the IPC channel closes), runs `stop` and exits; after 9.5 s it
 * exits anyway, together with what it started. Does nothing in a process that was started without a channel.
 */
export function exitWhenParentDies(stop: () => Promise<unknown>): void {
  if (process.send === undefined) return;
  const end = (): void => {
    setTimeout(endOwnGroup, STOP_GRACE_MS).unref();
    stop().then(
      () => process.exit(0),
      () => endOwnGroup(),
    );
  };
  if (!process.connected) return end();
  process.once('disconnect', end);
  process.channel?.unref();
}

function endOwnGroup(): void {
  try {
    // Supervised children lead their own group; elsewhere there is no group of this number.
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    process.exit(1);
  }
}
