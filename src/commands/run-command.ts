import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';

/** A command's work: its arguments, the configuration, a log; answers the exit code. What `parseArgs` throws is bad usage. */
export type RunCommand = (args: string[], config: Config, log: Logger) => Promise<number>;

/** A command that takes no arguments, and says so. */
export function withoutArguments(run: RunCommand): RunCommand {
  return async (args, config, log) => {
    parseArgs({ args });
    return run(args, config, log);
  };
}
