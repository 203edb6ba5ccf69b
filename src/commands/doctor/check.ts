import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const RUN_TIMEOUT_MS = 20_000;

/** One thing the service needs: what was found of it, and how to mend it when that is not enough. */
export type Check = {
  name: string;
  ok: boolean;
  /** False: the service runs without it, only worse. */
  required: boolean;
  found: string;
  /** Null: nothing to do. */
  mend: string | null;
};

/** A check that went well. */
export function fine(name: string, found: string): Check {
  return { name, ok: true, required: true, found, mend: null };
}

/** A check that stops the service from working. */
export function broken(name: string, found: string, mend: string): Check {
  return { name, ok: false, required: true, found, mend };
}

/** A check that the service can live with. */
export function doubtful(name: string, found: string, mend: string): Check {
  return { name, ok: false, required: false, found, mend };
}

/** What a program prints, or null when it cannot be run or fails. */
export async function outputOf(program: string, args: readonly string[]): Promise<string | null> {
  try {
    const { stdout } = await execute(program, [...args], { timeout: RUN_TIMEOUT_MS });
    return stdout;
  } catch {
    return null;
  }
}
