import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type DemoOptions, runDemo } from './demo.ts';
import type { RunCommand } from './run-command.ts';

/** `nara demo [--report FILE] [--video FILE]` */
export const demoCommand: RunCommand = (args, config) => {
  const { values } = parseArgs({ args, options: { report: { type: 'string' }, video: { type: 'string' } } });
  const options: DemoOptions = { ffmpegPath: config.ffmpegPath, log: (line) => process.stdout.write(`${line}\n`) };
  if (values.report !== undefined) options.reportFile = resolve(values.report);
  if (values.video !== undefined) options.videoFile = resolve(values.video);
  return runDemo(options);
};
