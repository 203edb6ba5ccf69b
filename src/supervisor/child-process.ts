import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TieToParent, watchForParentDeath } from './die-with-parent.ts';

const PROBE_INTERVAL_MS = 50;

/** What to start; output is inherited unless `onLine` takes it. */
export type ChildCommand = {
  command: string;
  args: readonly string[];
  /** Added to this process's environment. */
  env?: Readonly<Record<string, string>>;
  /** Written to its standard input, which is then closed. */
  input?: string;
  onLine?: (line: string) => void;
  /** How far it stands back where processors are short: 0, as everybody, to 19. */
  niceness?: number;
  readyWhen: ReadyWhen;
};

/** A Node child says `{type: 'ready', url}` over IPC; anything else is asked until it answers. */
type ReadyWhen = { kind: 'message' } | { kind: 'probe'; probe: () => Promise<boolean> };

/** How it ended; `error` when it could not be started at all. */
export type Exit = { code: number | null; signal: NodeJS.Signals | null; error: Error | null };

/** One run of one child, from spawn to exit. */
export type RunningChild = {
  /** Null when it could not be started. */
  pid: number | null;
  /** Resolves when it is ready; stays open when it ends before. */
  ready: Promise<void>;
  exited: Promise<Exit>;
  signal(name: NodeJS.Signals): void;
  /** SIGKILLs it and all that it started. */
  killGroup(): void;
};

/** Starts a child as the leader of its own process group, so that a terminal's Ctrl-C reaches the supervisor alone. */
export function startChild(what: ChildCommand, tieToParent: TieToParent | null): RunningChild {
  const { command, args } = tieToParent?.(what.command, what.args) ?? what;
  const child = spawn(command, args, {
    detached: true,
    // biome-ignore lint/style/noProcessEnv: nothing is read; a child inherits its parent's environment whole.
    env: { ...process.env, ...what.env },
    stdio: [
      what.input === undefined ? 'ignore' : 'pipe',
      what.onLine ? 'pipe' : 'inherit',
      what.onLine ? 'pipe' : 'inherit',
      ...(what.readyWhen.kind === 'message' ? (['ipc'] as const) : []),
    ],
  });
  const exited = whenExited(child);
  if (what.niceness !== undefined) standBack(child.pid, what.niceness);
  feed(child, what);
  if (tieToParent === null && child.pid !== undefined) void exited.then(watchForParentDeath(child.pid));
  return {
    pid: child.pid ?? null,
    ready: what.readyWhen.kind === 'message' ? whenAnnounced(child) : whenAnswering(what.readyWhen.probe, exited),
    exited,
    signal: (name) => void child.kill(name),
    killGroup: () => killGroup(child.pid),
  };
}

/** At once, so that every thread it will start inherits it. */
function standBack(pid: number | undefined, niceness: number): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, niceness);
  } catch {
    // It has ended already, or this system does not let us: it runs all the same.
  }
  // Where Linux shares processors between sessions (autogroup), niceness counts only within one, and each child leads its own.
  writeFile(`/proc/${pid}/autogroup`, String(niceness)).catch(() => {});
}

function whenExited(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal, error: null }));
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, error });
    });
  });
}

function feed(child: ChildProcess, { input, onLine }: ChildCommand): void {
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  if (onLine === undefined) return;
  const streams: (Readable | null)[] = [child.stdout, child.stderr];
  for (const stream of streams) if (stream) createInterface({ input: stream }).on('line', onLine);
}

function whenAnnounced(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      if (typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready') resolve();
    });
  });
}

async function whenAnswering(probe: () => Promise<boolean>, exited: Promise<Exit>): Promise<void> {
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  while (!(await probe().catch(() => false))) {
    if (ended) return new Promise(() => {});
    await sleep(PROBE_INTERVAL_MS);
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The whole group has ended already.
  }
}
