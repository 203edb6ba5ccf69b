import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { COMMANDS, type Command, commandHelp, overview } from './commands/index.ts';
import { CONFIG_EXIT_CODE, ConfigError, readConfig } from './config.ts';

const USAGE_EXIT_CODE = 2;

/** Runs `nara COMMAND …` and answers the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) return withoutCommand(name);
  if (asksForHelp(rest)) {
    process.stdout.write(commandHelp(command));
    return 0;
  }
  try {
    return await runCommand(command, rest);
  } catch (error) {
    process.stderr.write(`nara: ${describe(error, command)}\n`);
    return exitCodeOf(error, command);
  }
}

async function withoutCommand(name: string | undefined): Promise<number> {
  if (name === undefined || name === 'help' || asksForHelp([name])) {
    process.stdout.write(overview());
    return 0;
  }
  if (name === '--version') {
    process.stdout.write(`${await readVersion()}\n`);
    return 0;
  }
  const problem = name.startsWith('-')
    ? `unknown option '${name}'; see nara --help`
    : `there is no command ${name}\n\n${overview().trimEnd()}`;
  process.stderr.write(`nara: ${problem}\n`);
  return USAGE_EXIT_CODE;
}

async function runCommand(command: Command, args: string[]): Promise<number> {
  const config = readConfig(process.env);
  const log = pino({ name: `nara-${command.name}`, level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  const run = await command.load();
  return run(args, config, log);
}

function asksForHelp(args: readonly string[]): boolean {
  return args.includes('--help') || args.includes('-h');
}

async function readVersion(): Promise<string> {
  return JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')).version;
}

/** Node's `parseArgs` did not understand the arguments. */
function isUsageError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}

/** What a person can act on is a message; anything else keeps its stack. */
function describe(error: unknown, { name }: Command): string {
  if (isUsageError(error)) return `${firstSentence(error.message)}; see nara ${name} --help`;
  if (error instanceof Error && 'code' in error && error.name.endsWith('Error')) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Node goes on with advice on arguments that only look like options. */
function firstSentence(message: string): string {
  const [first = message] = message.split(/\.(?:\s|$)/);
  return first.charAt(0).toLowerCase() + first.slice(1);
}

/** `nara serve` is not started again by itself; its children are, unless they say that it is no use. */
function exitCodeOf(error: unknown, { name }: Command): number {
  if (isUsageError(error)) return USAGE_EXIT_CODE;
  return error instanceof ConfigError && name !== 'serve' ? CONFIG_EXIT_CODE : 1;
}

void main(process.argv.slice(2)).then((code) => process.exit(code));
