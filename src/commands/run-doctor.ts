import { parseArgs } from 'node:util';
import { renderDoctor, runDoctor } from './doctor.ts';
import { printJson } from './print.ts';
import type { RunCommand } from './run-command.ts';

/** `nara doctor [--json]` */
export const doctorCommand: RunCommand = async (args, config) => {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
  const report = await runDoctor(config);
  if (values.json) printJson(report);
  else process.stdout.write(renderDoctor(report));
  return report.ok ? 0 : 1;
};
