// Runs before `npm start`, `npm run demo` and `npm test`: sees to Node, node modules, ffmpeg and redis-server, so that a
// fresh clone needs no other step. Imports nothing that would have to be installed. `--check` only reports.
// biome-ignore-all lint/style/noProcessEnv: runs before src/config.ts can.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  aptArguments,
  aptPrefix,
  commandForPerson,
  dependencyStamp,
  lookForPrograms,
  missingNative,
  nativePackages,
  neededPrograms,
  nodeProblem,
  packageSystem,
  packagesFor,
} from './setup-decisions.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STAMP = join(ROOT, 'node_modules', '.nara-stamp');
const APT_LISTS = '/var/lib/apt/lists';
/** A failed installer's last lines hold its reason. */
const TAIL_LINES = 15;
const OUTPUT_MAX_BYTES = 64 * 1024 ** 2;

/** A reason to stop that a person can act on. */
class SetupError extends Error {}

const say = (line) => process.stdout.write(`setup: ${line}\n`);

/** Does what is missing, or only looks; returns what a person has to do. */
function setUp({ checkOnly }) {
  const problem = nodeProblem(process.versions.node);
  if (problem) return [problem];
  return [seeToModules, seeToPrograms].flatMap((step) => {
    try {
      step(checkOnly);
      return [];
    } catch (error) {
      if (error instanceof SetupError) return [error.message];
      throw error;
    }
  });
}

function seeToModules(checkOnly) {
  const natives = nativePackages(process);
  const isFresh = existsSync(STAMP) && readFileSync(STAMP, 'utf8').trim() === currentStamp();
  const isComplete = missingNative(natives, isInstalled).every(({ required }) => !required);
  if (isFresh && isComplete) return warnOfMissing(natives);
  if (checkOnly)
    throw new SetupError('node modules are missing or older than package.json. Please run:\n\n  npm run setup\n');
  installModules(natives);
  warnOfMissing(natives);
  writeFileSync(STAMP, `${currentStamp()}\n`);
}

function installModules(natives) {
  say('installing node modules with npm (about half a minute the first time) …');
  // Not `npm ci`: it calls the lock file out of sync where the registry lacks a package of another platform.
  npmInstall(['--include=dev', '--include=optional']);
  const missing = missingNative(natives, isInstalled);
  if (missing.length === 0) return;
  // A lock file made on another platform may not name this one's builds (https://github.com/npm/cli/issues/4828).
  const wanted = missing.flatMap(buildsOfThisPlatform);
  if (wanted.length > 0) {
    say(`installing ${wanted.join(', ')} with npm …`);
    npmInstall(['--no-save', ...wanted], { mayFail: true });
  }
  const broken = missingNative(natives, isInstalled).filter(({ required }) => required);
  if (broken.length > 0) {
    const names = broken.map(({ anyOf }) => anyOf.join(' or ')).join(', ');
    throw new SetupError(`npm did not install ${names} for ${process.platform}-${process.arch}`);
  }
}

function buildsOfThisPlatform({ from, anyOf }) {
  const path = join(ROOT, 'node_modules', from, 'package.json');
  if (!existsSync(path)) return [];
  const versions = JSON.parse(readFileSync(path, 'utf8')).optionalDependencies ?? {};
  const name = anyOf.find((candidate) => candidate in versions);
  return name === undefined ? [] : [`${name}@${versions[name]}`];
}

function npmInstall(args, { mayFail = false } = {}) {
  const { ok, output } = run('npm', ['install', '--no-audit', '--no-fund', ...args]);
  if (!ok && !mayFail) throw new SetupError(`npm install failed:\n${output}`);
}

function warnOfMissing(natives) {
  for (const { from, without } of missingNative(natives, isInstalled)) {
    if (from === 'chdb' && process.env.CLICKHOUSE_URL) continue;
    say(`note: npm has not installed ${from} for ${process.platform}-${process.arch}; ${without}`);
  }
}

function isInstalled(name) {
  return existsSync(join(ROOT, 'node_modules', name, 'package.json'));
}

function currentStamp() {
  const read = (name) => (existsSync(join(ROOT, name)) ? readFileSync(join(ROOT, name), 'utf8') : '');
  return dependencyStamp({
    packageJson: read('package.json'),
    packageLock: read('package-lock.json'),
    platform: process.platform,
    arch: process.arch,
    nodeVersion: process.versions.node,
  });
}

function seeToPrograms(checkOnly) {
  const missing = missingPrograms();
  if (missing.length === 0) return;
  const system = packageSystem(findProgram);
  const command = commandForPerson(system, missing);
  const prefix = checkOnly || system !== 'apt' ? null : aptPrefix(rights());
  if (prefix === null) throw new SetupError(`${missing.join(', ')} not found. Please run:\n\n  ${command}\n`);
  aptInstall(prefix, packagesFor('apt', missing), command);
  const stillMissing = missingPrograms();
  if (stillMissing.length > 0)
    throw new SetupError(`apt-get succeeded, yet ${stillMissing.join(', ')} is not on the PATH`);
}

function missingPrograms() {
  const { missing, misled } = lookForPrograms(neededPrograms(process.env), process.env, findProgram);
  if (misled.length === 0) return missing;
  const lines = misled.map(({ variable, asked }) => `${variable}=${asked} is not a program that can be run`);
  throw new SetupError(lines.join('\n'));
}

function rights() {
  const isRoot = process.getuid?.() === 0;
  return { isRoot, sudoAsksNothing: !isRoot && findProgram('sudo') !== null && run('sudo', ['-n', 'true']).ok };
}

function aptInstall(prefix, packages, command) {
  const apt = (action) => {
    const [program, ...args] = [...prefix, 'apt-get', ...aptArguments(action, packages)];
    return run(program, args);
  };
  const listsAreEmpty = !existsSync(APT_LISTS) || !readdirSync(APT_LISTS).some((name) => name.includes('_Packages'));
  if (listsAreEmpty) aptUpdate(apt);
  say(`installing ${packages.join(', ')} with apt-get (a minute or so) …`);
  let { ok, output } = apt('install');
  if (!ok && !listsAreEmpty) {
    aptUpdate(apt);
    say(`installing ${packages.join(', ')} with apt-get again …`);
    ({ ok, output } = apt('install'));
  }
  if (!ok)
    throw new SetupError(`apt-get could not install ${packages.join(', ')}:\n${output}\n\nTry:\n\n  ${command}\n`);
}

function aptUpdate(apt) {
  say("bringing apt-get's package lists up to date …");
  // One broken third-party source fails the update, not the installation: that has the last word.
  apt('update');
}

function run(program, args) {
  const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: OUTPUT_MAX_BYTES };
  const { status, error, stdout, stderr } = spawnSync(program, args, options);
  const output = `${stdout ?? ''}${stderr ?? ''}${error ? error.message : ''}`;
  return { ok: status === 0, output: output.trim().split('\n').slice(-TAIL_LINES).join('\n') };
}

function findProgram(nameOrPath) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const candidates = nameOrPath.includes('/') ? [nameOrPath] : folders.map((folder) => join(folder, nameOrPath));
  return candidates.find(isExecutableFile) ?? null;
}

function isExecutableFile(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const checkOnly = process.argv.includes('--check');
const problems = setUp({ checkOnly });
for (const problem of problems) process.stderr.write(`setup: ${problem}\n`);
if (problems.length > 0) process.exitCode = 1;
else if (checkOnly) say('nothing is missing');
