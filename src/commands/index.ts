import { type RunCommand, withoutArguments } from './run-command.ts';

export type Command = { name: string; summary: string; usage: string; load(): Promise<RunCommand> };

/** Every command of `nara`; each is loaded only when it is run. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'serve',
    summary: 'run everything on this machine: ClickHouse, Redis, API and worker',
    usage: 'nara serve\n\nConfigured by environment variables; see README.md.',
    load: async () => withoutArguments((await import('./run-serve.ts')).serveCommand),
  },
  {
    name: 'api',
    summary: 'the HTTP API, ingest, delivery and live feed alone (needs CLICKHOUSE_URL and REDIS_URL)',
    usage: 'nara api',
    load: async () => withoutArguments((await import('./api.ts')).apiCommand),
  },
  {
    name: 'worker',
    summary: 'transcoding and learning alone (needs CLICKHOUSE_URL and REDIS_URL)',
    usage: 'nara worker',
    load: async () => withoutArguments((await import('./worker.ts')).workerCommand),
  },
  {
    name: 'clickhouse',
    summary: 'the embedded ClickHouse alone, on its own HTTP interface',
    usage:
      'nara clickhouse\n\nNARA_CLICKHOUSE_PORT, NARA_CLICKHOUSE_PASSWORD and NARA_CLICKHOUSE_MAX_MEMORY_BYTES configure it.',
    load: async () => withoutArguments((await import('./run-clickhouse.ts')).clickHouseCommand),
  },
  {
    name: 'doctor',
    summary: 'say what is missing here and how to mend it',
    usage: 'nara doctor [--json]',
    load: async () => (await import('./run-doctor.ts')).doctorCommand,
  },
  {
    name: 'demo',
    summary: 'the whole loop on real video in under three minutes',
    usage: 'nara demo [--report FILE] [--video FILE]',
    load: async () => (await import('./run-demo.ts')).demoCommand,
  },
  {
    name: 'assets',
    summary: 'list, show, upload, retry and delete assets of a running service',
    usage:
      'nara assets list [--owner NAME] [--limit N] [--cursor TEXT]|show ID|upload FILE [--owner NAME] [--region CC]|delete ID [--json]\n' +
      '       nara assets retry ID [--reason TEXT] [--actor NAME] [--json]',
    load: async () => (await import('./assets.ts')).assetsCommand,
  },
  {
    name: 'policy',
    summary: 'what a running service offers where, and why',
    usage: [
      'nara policy show|arms|versions|pins|learn|suggest [--json]',
      'nara policy explain --region CC --device CLASS [--connection TYPE] [--json]',
      'nara policy effects [--from TIME] [--to TIME] [--json]',
      'nara policy pin --region CC --device CLASS [--connection TYPE] --arm ID --expires 2h|3d|TIME --reason TEXT [--actor NAME]',
      'nara policy unpin PIN|pause ARM|resume ARM|retire ARM|rollback CONFIG --reason TEXT [--actor NAME]',
      `nara policy propose --changes '{"reward": {"deliveredMbps": 4}}' [--at-once] --reason TEXT [--actor NAME]`,
      'nara policy promotion [--json]',
      'nara policy promote [--stage canary|ramp|active] --reason TEXT [--actor NAME]',
      'nara policy hold|release --reason TEXT [--actor NAME]',
      `nara policy what-if --reward '{"deliveredMbps": 4}' [--from TIME] [--to TIME] [--json]`,
    ].join('\n'),
    load: async () => (await import('./policy.ts')).policyCommand,
  },
  {
    name: 'telemetry',
    summary: 'account for telemetry, read what was refused, import what an edge absorbed, erase',
    usage: [
      'nara telemetry audit [--from TIME] [--to TIME] [--json]',
      '           what was received and where it is, by hour; exit 1 when it does not add up',
      '       nara telemetry dead-letters [--since TIME] [--until TIME] [--code CODE] [--limit N] [--json]',
      '           what could not be stored as an event, and why',
      '       nara telemetry losses [--since TIME] [--until TIME] [--json]',
      '           reports that players made and that never came, by the players’ own counts',
      '       nara telemetry import-log FILE… [--format nginx-json|nginx-combined] [--dry-run] [--json]',
      '           reports in the access log of an edge cache, plain or gzip; see docs/edge.md',
      '       nara telemetry erase --session ID | --owner NAME | --asset ID  --actor WHO --reason WHY [--json]',
      '           remove somebody’s telemetry everywhere; an owner’s is that of all their assets',
      '       nara telemetry ddl [--cluster NAME]',
      '           the schema as SQL, for a ClickHouse cluster of your own where one is named',
      '',
      'TIME is ISO 8601, such as 2026-03-01T12:00:00Z; without one it is the last 24 hours.',
    ].join('\n'),
    load: async () => (await import('./telemetry.ts')).telemetryCommand,
  },
  {
    name: 'simulate',
    summary: 'play model viewers over traces and titles: what each ladder would bring where',
    usage: [
      'nara simulate [--traces DIR] [--titles DIR] [--sessions N] [--seed S] [--json]',
      '',
      'DIR of traces holds FAMILY/NAME.csv (duration_ms,bandwidth_kbps,latency_ms), DIR of titles NAME.json; what is not',
      'given is generated. The same seed gives the same result.',
    ].join('\n'),
    load: async () => (await import('./simulate.ts')).simulateCommand,
  },
  {
    name: 'keys',
    summary: 'make, list and revoke access keys',
    usage:
      'nara keys create --name NAME --scopes telemetry,upload,read,decide,admin [--origins URL,…] [--signed]|list|revoke ID [--json]',
    load: async () => (await import('./keys.ts')).keysCommand,
  },
];

/** What `nara` prints without a command. */
export function overview(): string {
  const width = Math.max(...COMMANDS.map((command) => command.name.length));
  const lines = COMMANDS.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  return `NARA-1r: adaptive-learning video optimisation\n\nUsage: nara COMMAND [--help] | --version\n\n${lines.join('\n')}\n`;
}

export function commandHelp(command: Command): string {
  return `nara ${command.name}: ${command.summary}\n\nUsage: ${command.usage}\n`;
}
