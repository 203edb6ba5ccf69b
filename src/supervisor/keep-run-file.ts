import type { Logger } from 'pino';
import { processStart } from './process-start.ts';
import { type RunFile, removeRunFile, writeRunFile } from './run-file.ts';

/** Keeps run.json true while children come and go. */
export type RunFileKeeper = {
  /** Null: not running at this moment. */
  setPid(name: Exclude<keyof RunFile['pids'], 'supervisor'>, pid: number | null): void;
  /** Writes what is still to be written. */
  settled(): Promise<void>;
  /** Removes run.json after the last write. */
  remove(): Promise<void>;
};

/** Writes run.json for this process and rewrites it at every change, one write at a time; a failed one is logged. */
export function keepRunFile(
  dataDir: string,
  urls: Pick<RunFile, 'url' | 'clickhouseUrl' | 'redisUrl'>,
  log: Logger,
): RunFileKeeper {
  const pids: RunFile['pids'] = { supervisor: process.pid, clickhouse: null, redis: null, api: null, worker: null };
  const starts: RunFile['starts'] = {};
  let last: Promise<void> = Promise.resolve();
  const enqueue = (work: () => Promise<void>): Promise<void> => {
    last = last.then(work).catch((error) => log.error({ err: error }, 'run.json was not written'));
    return last;
  };
  void enqueue(() => writeRunFile(dataDir, { ...urls, pids, starts }));
  return {
    setPid(name, pid) {
      pids[name] = pid;
      void enqueue(async () => {
        const start = pid === null ? null : await processStart(pid);
        if (start === null) delete starts[name];
        else starts[name] = start;
        await writeRunFile(dataDir, { ...urls, pids, starts });
      });
    },
    settled: () => last,
    remove: () => enqueue(() => removeRunFile(dataDir)),
  };
}
