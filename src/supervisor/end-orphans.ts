import { setTimeout as sleep } from 'node:timers/promises';
import { processStart } from './process-start.ts';
import type { RunFile } from './run-file.ts';

const POLL_MS = 50;
/** Orphans have been told to stop by their parent's death; ClickHouse takes 1.4 s. */
const PATIENCE_MS = 5_000;

/** A child of an earlier run survives even SIGKILL (or is another user's): its data cannot be opened. */
class OrphanError extends Error {
  readonly code = 'supervisor.orphan';
  override readonly name = 'OrphanError';
}

export type Orphan = { name: string; pid: number };

/**
 * Sees to it that no child of a killed supervisor still writes to the data directory: waits for those in its run.json,
 * asks them to stop, and SIGKILLs what is left. Returns those that were found alive.
 */
export async function endOrphans(left: RunFile, patienceMs = PATIENCE_MS): Promise<Orphan[]> {
  const children = Object.entries(left.pids).flatMap(([name, pid]) =>
    pid === null || name === 'supervisor' ? [] : [{ name, pid, start: left.starts[name] }],
  );
  const found = await Promise.all(children.map((child) => endOne(child, patienceMs)));
  return found.filter((orphan) => orphan !== null);
}

async function endOne({ name, pid, start }: Orphan & { start: string | undefined }, patienceMs: number) {
  const isAlive = async (): Promise<boolean> => start !== undefined && (await processStart(pid)) === start;
  if (!(await isAlive())) return null;
  signal(pid, 'SIGTERM');
  const deadline = Date.now() + patienceMs;
  while (await isAlive()) {
    if (Date.now() >= deadline) signal(pid, 'SIGKILL');
    if (Date.now() >= deadline + patienceMs)
      throw new OrphanError(`${name} (pid ${pid}) of an earlier run does not end`);
    await sleep(POLL_MS);
  }
  return { name, pid };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}
