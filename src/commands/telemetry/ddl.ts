import { parseArgs } from 'node:util';
import { renderDdl } from '../../telemetry/schema/render-ddl.ts';
import type { RunCommand } from '../run-command.ts';

/** ClickHouse takes any name in quotes; one that needs them is a mistake. */
const CLUSTER_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** `nara telemetry ddl`: the schema as SQL, for one server or for a cluster; asks nobody. */
export const ddlCommand: RunCommand = async (args) => {
  const { values } = parseArgs({ args, options: { cluster: { type: 'string' } } });
  const { cluster } = values;
  if (cluster !== undefined && !CLUSTER_NAME.test(cluster)) {
    process.stderr.write(`nara telemetry ddl: --cluster: expected the name of a cluster (got ${cluster})\n`);
    return 2;
  }
  process.stdout.write(renderDdl(cluster === undefined ? { kind: 'single' } : { kind: 'cluster', cluster }));
  return 0;
};
