import type { RunCommand } from './run-command.ts';

const ACTIONS: Record<string, () => Promise<RunCommand>> = {
  audit: async () => (await import('./telemetry/audit.ts')).auditCommand,
  'dead-letters': async () => (await import('./telemetry/dead-letters.ts')).deadLettersCommand,
  ddl: async () => (await import('./telemetry/ddl.ts')).ddlCommand,
  erase: async () => (await import('./telemetry/erase.ts')).eraseCommand,
  losses: async () => (await import('./telemetry/losses.ts')).lossesCommand,
  'import-log': async () => (await import('./telemetry/import-log.ts')).importLogCommand,
};

/** `nara telemetry …`: what came in, where it is, and what an edge kept from us. */
export const telemetryCommand: RunCommand = async ([action = '', ...args], config, log) => {
  const load = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (load === undefined) {
    process.stderr.write(`nara telemetry: expected one of ${Object.keys(ACTIONS).join(', ')}\n`);
    return 2;
  }
  return (await load())(args, config, log);
};
