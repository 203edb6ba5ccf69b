import { parseArgs } from 'node:util';
import type { Audit, Figures } from '../../telemetry/account.ts';
import { connectToApi } from '../api-client.ts';
import { printJson, printTable } from '../print.ts';
import type { RunCommand } from '../run-command.ts';

const COLUMNS = ['received', 'stored', 'duplicates', 'deadLettered', 'erased', 'waiting', 'unaccounted'] as const;

/** `nara telemetry audit`: exit 1 when something that was received is nowhere. */
export const auditCommand: RunCommand = async (args, config) => {
  const { values } = parseArgs({
    args,
    options: { from: { type: 'string' }, to: { type: 'string' }, json: { type: 'boolean' } },
  });
  const query = new URLSearchParams();
  for (const name of ['from', 'to'] as const) if (values[name] !== undefined) query.set(name, values[name]);
  const audit = await (await connectToApi(config)).request<Audit>('GET', `/v1/telemetry/audit?${query}`);
  if (values.json) printJson(audit);
  else printAudit(audit);
  return audit.balanced ? 0 : 1;
};

function printAudit(audit: Audit): void {
  const row = (name: string, figures: Figures): (string | number)[] => [
    name,
    ...COLUMNS.map((column) => figures[column]),
  ];
  printTable(
    ['hour', ...COLUMNS],
    [...audit.hours.map(({ hour, ...figures }) => row(hour, figures)), row('all', audit)],
  );
  process.stdout.write(
    audit.balanced
      ? '\nEverything that was received is stored, a duplicate, dead-lettered, erased or waiting.\n'
      : '\nSomething that was received is nowhere, or twice: see the hours that are unaccounted for.\n',
  );
}
