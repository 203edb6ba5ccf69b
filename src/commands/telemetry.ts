import { parseArgs } from 'node:util';
import type { Audit } from '../telemetry/account.ts';
import { connectToApi } from './api-client.ts';
import { printJson, printTable } from './print.ts';
import type { RunCommand } from './run-command.ts';

/** `nara telemetry audit`: exit 1 when something that was received is nowhere. */
export const telemetryCommand: RunCommand = async (args, config) => {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } });
  if (positionals[0] !== 'audit') {
    process.stderr.write('nara telemetry: expected audit\n');
    return 2;
  }
  const audit = await (await connectToApi(config)).request<Audit>('GET', '/v1/telemetry/audit');
  if (values.json) printJson(audit);
  else printTable(['what', 'events'], Object.entries(audit));
  return audit.received <= audit.stored + audit.duplicates + audit.deadLettered + audit.waiting ? 0 : 1;
};
