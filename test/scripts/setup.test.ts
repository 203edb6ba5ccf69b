import { expect, test } from 'vitest';
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
} from '../../scripts/setup-decisions.mjs';

/** A system that has exactly these programs. */
const having =
  (...names: string[]) =>
  (name: string) =>
    names.includes(name) ? `/usr/bin/${name}` : null;

test.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0'])('Node %s will do', (version) => {
  expect(nodeProblem(version)).toBeNull();
});

test.each(['18.20.4', '20.18.3', '20.9.0', '9.0.0'])('Node %s is refused with what to do about it', (version) => {
  expect(nodeProblem(version)).toContain(version);
  expect(nodeProblem(version)).toContain('20.19');
});

const FACTS = { packageJson: '{}', packageLock: '{}', platform: 'linux', arch: 'x64', nodeVersion: '20.19.0' };

test('the stamp stays the same over a patch of Node, and changes with everything node_modules depends on', () => {
  const stamp = dependencyStamp(FACTS);
  expect(dependencyStamp({ ...FACTS, nodeVersion: '20.20.2' })).toBe(stamp);
  const changes = [
    { packageJson: '{ }' },
    { packageLock: '' },
    { platform: 'darwin' },
    { arch: 'arm64' },
    { nodeVersion: '22.0.0' },
  ];
  const stamps = changes.map((change) => dependencyStamp({ ...FACTS, ...change }));
  expect(new Set([stamp, ...stamps]).size).toBe(changes.length + 1);
});

test('text cannot move from one part of the stamp to the next unseen', () => {
  const moved = dependencyStamp({ ...FACTS, packageJson: '{}{', packageLock: '}' });
  expect(moved).not.toBe(dependencyStamp({ ...FACTS, packageJson: '{}', packageLock: '{}' }));
});

test('only the builds of this platform are asked for, and any libc will do', () => {
  const natives = nativePackages({ platform: 'linux', arch: 'arm64' });
  const installed = new Set(['@esbuild/linux-arm64', '@biomejs/cli-linux-arm64-musl', '@chdb/lib-linux-x64-gnu']);
  expect(missingNative(natives, (name) => installed.has(name)).map(({ from }) => from)).toEqual(['chdb']);
});

test('nothing runs without esbuild, the rest only warns', () => {
  const natives = nativePackages({ platform: 'darwin', arch: 'arm64' });
  expect(natives.filter(({ required }) => required).map(({ from }) => from)).toEqual(['esbuild']);
});

test('redis-server is needed only while REDIS_URL is not set', () => {
  const names = (env: Record<string, string>) => neededPrograms(env).map(({ name }) => name);
  expect(names({})).toEqual(['ffmpeg', 'ffprobe', 'redis-server']);
  expect(names({ REDIS_URL: 'redis://127.0.0.1' })).toEqual(['ffmpeg', 'ffprobe']);
});

test('what is on the PATH is found, what is not is missing', () => {
  const looked = lookForPrograms(neededPrograms({}), {}, having('ffmpeg', 'ffprobe'));
  expect(looked).toEqual({ missing: ['redis-server'], misled: [] });
});

test('NARA_FFMPEG stands in for the PATH, and one that leads nowhere is no reason to install', () => {
  const env = { NARA_FFMPEG: '/opt/ffmpeg', NARA_FFPROBE: '/nowhere/ffprobe', REDIS_URL: 'redis://127.0.0.1' };
  const find = (name: string) => (name === '/opt/ffmpeg' ? name : null);
  expect(lookForPrograms(neededPrograms(env), env, find)).toEqual({
    missing: [],
    misled: [{ name: 'ffprobe', variable: 'NARA_FFPROBE', asked: '/nowhere/ffprobe' }],
  });
});

test('NARA_FFMPEG=ffmpeg is the default said aloud and may be installed', () => {
  const env = { NARA_FFMPEG: 'ffmpeg' };
  expect(lookForPrograms([{ name: 'ffmpeg', variable: 'NARA_FFMPEG' }], env, having())).toEqual({
    missing: ['ffmpeg'],
    misled: [],
  });
});

test('ffmpeg and ffprobe come in one package', () => {
  expect(packagesFor('apt', ['ffmpeg', 'ffprobe', 'redis-server'])).toEqual(['ffmpeg', 'redis-server']);
});

test.each([
  ['apt-get', 'sudo apt-get update && sudo apt-get install -y ffmpeg redis-server'],
  ['dnf', 'sudo dnf install -y ffmpeg redis'],
  ['brew', 'brew install ffmpeg redis'],
])('where there is %s the person gets one command', (program, command) => {
  expect(commandForPerson(packageSystem(having(program)), ['ffmpeg', 'ffprobe', 'redis-server'])).toBe(command);
});

test('a system we do not know gets the names of the packages', () => {
  expect(packageSystem(having())).toBeNull();
  expect(commandForPerson(null, ['ffprobe'])).toContain('ffmpeg');
});

test('apt-get runs as root or through a sudo that asks nothing, else not at all', () => {
  expect(aptPrefix({ isRoot: true, sudoAsksNothing: false })?.[0]).toBe('env');
  expect(aptPrefix({ isRoot: false, sudoAsksNothing: true })?.slice(0, 2)).toEqual(['sudo', '-n']);
  expect(aptPrefix({ isRoot: false, sudoAsksNothing: false })).toBeNull();
});

test('apt-get asks nothing and waits for another apt', () => {
  expect(aptPrefix({ isRoot: true, sudoAsksNothing: false })).toContain('DEBIAN_FRONTEND=noninteractive');
  expect(aptArguments('install', ['ffmpeg'])).toEqual(
    expect.arrayContaining(['-y', 'DPkg::Lock::Timeout=120', 'install', 'ffmpeg']),
  );
  expect(aptArguments('update').at(-1)).toBe('update');
});
