import { pino } from 'pino';
import { COMMANDS, commandHelp, overview } from './commands/index.ts';
import { ConfigError, readConfig } from './config.ts';

/** Runs `nara COMMAND …` and answers the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const asked = name === undefined || name === '--help' || name === 'help';
    if (asked) process.stdout.write(overview());
    else process.stderr.write(`nara: there is no command ${name}\n\n${overview()}`);
    return asked ? 0 : 2;
  }
  if (rest.includes('--help')) {
    process.stdout.write(commandHelp(command));
    return 0;
  }
  const config = readConfig(process.env);
  const log = pino({ name: `nara-${command.name}`, level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  const run = await command.load();
  return run(rest, config, log);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`nara: ${describe(error)}\n`);
    process.exit(1);
  },
);

/** What a person can act on is a message; anything else keeps its stack. */
function describe(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof Error && 'code' in error && error.name.endsWith('Error')) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
