// What scripts/setup.mjs decides, as pure functions. Plain JavaScript: it runs before anything is installed.
import { createHash } from 'node:crypto';

/** package.json's `engines`, as numbers. */
const MINIMUM_NODE = [20, 19];

/** Why this Node will not do, or null. `version` like `20.19.0`. */
export function nodeProblem(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minimumMajor, minimumMinor] = MINIMUM_NODE;
  if (major > minimumMajor || (major === minimumMajor && minor >= minimumMinor)) return null;
  const wanted = MINIMUM_NODE.join('.');
  return `NARA-1r needs Node ${wanted} or later, this is ${version}. Get one from https://nodejs.org or your version manager (for example: nvm install 22).`;
}

/** A text that changes whenever node_modules has to be looked at again. */
export function dependencyStamp({ packageJson, packageLock, platform, arch, nodeVersion }) {
  const parts = [packageJson, packageLock, platform, arch, nodeVersion.split('.')[0]];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/**
 * The packages with a binary for this platform: `anyOf` is what may bring it, `from` the package whose
 * `optionalDependencies` say in which version.
 */
export function nativePackages({ platform, arch }) {
  const here = `${platform}-${arch}`;
  return [
    { from: 'esbuild', anyOf: [`@esbuild/${here}`], required: true, without: 'nothing runs (tsx needs it)' },
    {
      from: '@biomejs/biome',
      anyOf: [`@biomejs/cli-${here}`, `@biomejs/cli-${here}-musl`],
      required: false,
      without: '`npm run check` cannot lint',
    },
    {
      from: 'chdb',
      anyOf: [`@chdb/lib-${here}`, `@chdb/lib-${here}-gnu`],
      required: false,
      without: 'there is no embedded ClickHouse: set CLICKHOUSE_URL to a server',
    },
  ];
}

/** Those of which no build is installed; `isInstalled(name)` looks into node_modules. */
export function missingNative(natives, isInstalled) {
  return natives.filter(({ anyOf }) => !anyOf.some(isInstalled));
}

/** The programs this environment needs: `variable` may name another one than the PATH's. */
export function neededPrograms(env) {
  return [
    { name: 'ffmpeg', variable: 'NARA_FFMPEG' },
    { name: 'ffprobe', variable: 'NARA_FFPROBE' },
    ...(env.REDIS_URL ? [] : [{ name: 'redis-server', variable: null }]),
  ];
}

/**
 * Which are missing, and which were asked for by a variable that leads nowhere (installing would not help those);
 * `find(nameOrPath)` gives a path or null.
 */
export function lookForPrograms(programs, env, find) {
  const missing = [];
  const misled = [];
  for (const { name, variable } of programs) {
    const asked = variable === null ? undefined : env[variable];
    if (find(asked || name) !== null) continue;
    if (asked && asked !== name) misled.push({ name, variable, asked });
    else missing.push(name);
  }
  return { missing, misled };
}

const PACKAGE_OF = {
  ffmpeg: { apt: 'ffmpeg', dnf: 'ffmpeg', brew: 'ffmpeg' },
  ffprobe: { apt: 'ffmpeg', dnf: 'ffmpeg', brew: 'ffmpeg' },
  'redis-server': { apt: 'redis-server', dnf: 'redis', brew: 'redis' },
};

/** The packages of this system (`apt`, `dnf`, `brew`) that bring these programs, each once. */
export function packagesFor(system, programs) {
  return [...new Set(programs.map((program) => PACKAGE_OF[program][system]))];
}

/** `apt`, `dnf`, `brew`, or null when none is here. */
export function packageSystem(find) {
  const commands = { apt: 'apt-get', dnf: 'dnf', brew: 'brew' };
  return Object.keys(commands).find((system) => find(commands[system]) !== null) ?? null;
}

/** The one line a person types to install them. */
export function commandForPerson(system, programs) {
  if (system === null)
    return `install ${packagesFor('apt', programs).join(' and ')} with your system's package manager`;
  const packages = packagesFor(system, programs).join(' ');
  return {
    apt: `sudo apt-get update && sudo apt-get install -y ${packages}`,
    dnf: `sudo dnf install -y ${packages}`,
    brew: `brew install ${packages}`,
  }[system];
}

/** How apt-get may be run here: as it is for root, through a sudo that asks nothing, or not at all (null). */
export function aptPrefix({ isRoot, sudoAsksNothing }) {
  const quiet = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  if (isRoot) return quiet;
  return sudoAsksNothing ? ['sudo', '-n', ...quiet] : null;
}

/** Arguments of `apt-get`; waits for another apt to finish, installs only what the programs need. */
export function aptArguments(action, packages = []) {
  const options = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Dpkg::Use-Pty=0'];
  return action === 'update' ? [...options, 'update'] : [...options, '--no-install-recommends', 'install', ...packages];
}
