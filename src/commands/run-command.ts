import type { Logger } from 'pino';
import type { Config } from '../config.ts';

/** A command's work: its arguments, the configuration, a log; answers the exit code. */
export type RunCommand = (args: string[], config: Config, log: Logger) => Promise<number>;
