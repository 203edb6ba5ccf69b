import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from './replace-file.ts';

const pidSchema = z.int().positive().nullable();

/** `DATA_DIR/run.json`: where a running service is. The URLs carry passwords, hence mode 0600. */
export const runFileSchema = z.object({
  url: z.string(),
  clickhouseUrl: z.string(),
  redisUrl: z.string(),
  /** Null: run elsewhere, or not running at this moment. */
  pids: z.object({
    supervisor: z.int().positive(),
    clickhouse: pidSchema,
    redis: pidSchema,
    api: pidSchema,
    worker: pidSchema,
  }),
  /** `processStart` by child, so that a recycled pid is not taken for ours. */
  starts: z.record(z.string(), z.string()),
});
export type RunFile = z.infer<typeof runFileSchema>;

/** `DATA_DIR/run.json`. */
export function runFilePath(dataDir: string): string {
  return join(dataDir, 'run.json');
}

/** Replaces run.json in one step, mode 0600. */
export async function writeRunFile(dataDir: string, run: RunFile): Promise<void> {
  await replaceFile(runFilePath(dataDir), `${JSON.stringify(run, null, 2)}\n`);
}

/** What run.json says; null when there is none or it is not one of ours. It may be left over from a killed supervisor. */
export async function readRunFile(dataDir: string): Promise<RunFile | null> {
  try {
    return runFileSchema.parse(JSON.parse(await readFile(runFilePath(dataDir), 'utf8')));
  } catch {
    return null;
  }
}

/** Removes run.json: nothing is running. */
export async function removeRunFile(dataDir: string): Promise<void> {
  await rm(runFilePath(dataDir), { force: true });
}
