import { parseArgs } from 'node:util';
import type { ReportLoss } from '../../telemetry/read-report-loss.ts';
import { connectToApi } from '../api-client.ts';
import { printJson, printTable } from '../print.ts';
import type { RunCommand } from '../run-command.ts';

/** `nara telemetry losses`: reports that players made and that never came, by the players' own counts. */
export const lossesCommand: RunCommand = async (args, config) => {
  const { values } = parseArgs({
    args,
    options: { since: { type: 'string' }, until: { type: 'string' }, json: { type: 'boolean' } },
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ from: values.since, to: values.until }))
    if (value !== undefined) query.set(name, value);
  const loss = await (await connectToApi(config)).request<ReportLoss>('GET', `/v1/telemetry/losses?${query}`);
  if (values.json) printJson(loss);
  else printLoss(loss);
  return 0;
};

function printLoss({ total, bySource, worst }: ReportLoss): void {
  printTable(
    ['source', 'players', 'reports made', 'came', 'lost', 'lost %', 'came again'],
    [
      ...bySource.map((row) => [row.source, row.reporters, row.expected, row.seen, row.lost, share(row), row.repeated]),
      ['all', '', total.expected, total.seen, total.lost, share(total), total.repeated],
    ],
  );
  if (worst.length === 0) return;
  process.stdout.write('\n');
  printTable(
    ['player (session)', 'source', 'reports made', 'lost', 'lost %'],
    worst.map((row) => [row.sessionId, row.source, row.expected, row.lost, share(row)]),
  );
}

const share = ({ lost, expected }: { lost: number; expected: number }): string =>
  expected === 0 ? '' : ((100 * lost) / expected).toFixed(2);
