import type { RunCommand } from './run-command.ts';
import { runServe } from './serve.ts';

/** `nara serve` */
export const serveCommand: RunCommand = async (_args, config, log) => {
  const serving = await runServe(config, log);
  return serving.exited;
};
