import { parseArgs } from 'node:util';
import type { ErasureReport } from '../../api/routes/erasure-routes.ts';
import { connectToApi } from '../api-client.ts';
import { printJson, printTable } from '../print.ts';
import type { RunCommand } from '../run-command.ts';

const USAGE = 'expected one of --session ID, --owner NAME, --asset ID, and both --actor WHO and --reason WHY';

/** `nara telemetry erase`: removes somebody's telemetry everywhere. */
export const eraseCommand: RunCommand = async (args, config) => {
  const { values } = parseArgs({
    args,
    options: {
      session: { type: 'string' },
      owner: { type: 'string' },
      asset: { type: 'string' },
      actor: { type: 'string' },
      reason: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const { session, owner, asset, actor, reason } = values;
  const subjects = [
    session === undefined ? [] : [{ sessionId: session }],
    owner === undefined ? [] : [{ owner }],
    asset === undefined ? [] : [{ assetId: asset }],
  ].flat();
  if (subjects.length !== 1 || actor === undefined || reason === undefined) {
    process.stderr.write(`nara telemetry erase: ${USAGE}\n`);
    return 2;
  }
  const api = await connectToApi(config);
  const report = await api.request<ErasureReport>('POST', '/v1/telemetry/erasures', {
    ...subjects[0],
    actor,
    reason,
  });
  if (values.json) printJson(report);
  else {
    printTable(['what', 'rows erased'], Object.entries(report.rows));
    process.stdout.write(`\n${report.hours} hours were rolled up again without them.\n`);
  }
  return 0;
};
