import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-command-line-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

type Ended = { code: number; stdout: string; stderr: string };

/** Runs `nara ARGS` as a person would, on a data directory of its own and with nothing configured but `env`. */
function nara(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const own = Object.entries(process.env).filter(([name]) => !/^(NARA_|CLICKHOUSE_URL$|REDIS_URL$)/.test(name));
  const options = { env: { ...Object.fromEntries(own), NARA_DATA_DIR: dataDir, ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', MAIN, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** Stands in for a running service: run.json names it, and it answers every request alike. */
async function pretendService(answer: unknown): Promise<{ asked: IncomingMessage[]; close(): void }> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await writeFile(join(dataDir, 'run.json'), JSON.stringify({ url: `http://127.0.0.1:${port}` }));
  return { asked, close: () => server.close() };
}

describe('help', () => {
  test.each(['', '--help', '-h', 'help'])('`nara %s` lists the commands', async (argument) => {
    const { code, stdout } = await nara(argument === '' ? [] : [argument]);
    expect(code).toBe(0);
    for (const name of ['serve', 'doctor', 'assets', 'keys']) expect(stdout).toMatch(new RegExp(`^ +${name} `, 'm'));
  });

  test.each(['--help', '-h'])('nara assets %s says how it is used, and does nothing else', async (option) => {
    const { code, stdout } = await nara(['assets', 'list', option]);
    expect(code).toBe(0);
    expect(stdout).toContain('Usage: nara assets list');
  });

  test('nara --version is the version of the package', async () => {
    const { version } = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect(await nara(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('what is not understood', () => {
  test('a command that is not there ends with 2 and the list of those that are', async () => {
    const { code, stdout, stderr } = await nara(['frobnicate']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^nara: there is no command frobnicate\n/);
    expect(stderr).toContain('Usage: nara COMMAND');
  });

  test.each([
    [['--frob'], "nara: unknown option '--frob'; see nara --help\n"],
    [['assets', 'list', '--frob'], "nara: unknown option '--frob'; see nara assets --help\n"],
    [['serve', '--frob'], "nara: unknown option '--frob'; see nara serve --help\n"],
    [['doctor', 'now'], "nara: unexpected argument 'now'; see nara doctor --help\n"],
    [['demo', '--report'], "nara: option '--report <value>' argument missing; see nara demo --help\n"],
  ])('%j ends with 2 and one line', async (args, stderr) => {
    expect(await nara(args)).toEqual({ code: 2, stdout: '', stderr });
    expect(await readdir(dataDir)).toEqual([]);
  });
});

describe('nara keys', () => {
  test('a key is made, listed without its text, and revoked once', async () => {
    const made = await nara(['keys', 'create', '--name', 'ci', '--scopes', 'upload,read', '--json']);
    const { key, id, scopes } = JSON.parse(made.stdout);
    expect(key).toMatch(/^nk_/);
    expect(scopes).toEqual(['upload', 'read']);

    const listed = await nara(['keys', 'list', '--json']);
    expect(JSON.parse(listed.stdout)).toMatchObject({ keys: [{ id, name: 'ci', scopes: ['upload', 'read'] }] });
    expect(listed.stdout).not.toContain(key);
    expect(listed.stdout).not.toContain('hash');

    const revoked = await nara(['keys', 'revoke', id, '--json']);
    expect({ code: revoked.code, said: JSON.parse(revoked.stdout) }).toEqual({ code: 0, said: { id, revoked: true } });
    const again = await nara(['keys', 'revoke', id, '--json']);
    expect({ code: again.code, said: JSON.parse(again.stdout) }).toEqual({ code: 1, said: { id, revoked: false } });
    expect(JSON.parse((await nara(['keys', 'list', '--json'])).stdout)).toEqual({ keys: [] });
  });

  test('a scope that does not exist ends with 2 and makes no key', async () => {
    const { code, stderr } = await nara(['keys', 'create', '--name', 'x', '--scopes', 'everything']);
    expect(code).toBe(2);
    expect(stderr).toContain('nara keys: ');
    expect(await readdir(dataDir)).toEqual([]);
  });
});

describe('nara assets list', () => {
  test('passes on where to begin and how many, and says how to go on', async () => {
    const service = await pretendService({ assets: [], next: '2026-01-01T00:00:00.000Z_a_1' });
    const env = { NARA_ADMIN_TOKEN: 'an-admin-token-of-the-service' };
    const table = await nara(['assets', 'list', '--limit', '2', '--cursor', 'c & d', '--owner', 'ann'], env);
    const json = await nara(['assets', 'list', '--json'], env);
    service.close();
    const [first] = service.asked;
    expect(Object.fromEntries(new URL(`http://x${first?.url}`).searchParams)).toEqual({
      limit: '2',
      cursor: 'c & d',
      owner: 'ann',
    });
    expect(first?.headers.authorization).toBe('Bearer an-admin-token-of-the-service');
    expect(table.stdout).toContain('There are more: add --cursor 2026-01-01T00:00:00.000Z_a_1\n');
    expect(JSON.parse(json.stdout)).toEqual({ assets: [], next: '2026-01-01T00:00:00.000Z_a_1' });
  });

  test('the last page does not promise more', async () => {
    const service = await pretendService({ assets: [], next: null });
    const { stdout } = await nara(['assets', 'list'], { NARA_ADMIN_TOKEN: 'an-admin-token-of-the-service' });
    service.close();
    expect(stdout).toBe('id  owner  file  state  availability  rungs\n');
  });

  test('without a service and without a key it says what to do', async () => {
    expect(await nara(['assets', 'list'])).toMatchObject({ code: 1, stderr: expect.stringContaining('npm start') });
    const service = await pretendService({});
    const { code, stderr } = await nara(['assets', 'list']);
    service.close();
    expect(code).toBe(1);
    expect(stderr).toContain('`nara keys create --name admin --scopes admin`');
  });
});

test('nara doctor --json is a report, and its exit code is whether all is well', async () => {
  const { code, stdout } = await nara(['doctor', '--json'], { NARA_FFMPEG: '/nope' });
  const report = JSON.parse(stdout);
  expect({ code, ok: report.ok }).toEqual({ code: 1, ok: false });
  expect(report.checks).toContainEqual(
    expect.objectContaining({ name: 'ffmpeg', ok: false, found: '/nope cannot be run' }),
  );
});

describe('a configuration that cannot work', () => {
  test.each([
    [{ NARA_HOST: '0.0.0.0' }, /^nara: NARA_HOST is 0\.0\.0\.0, beyond loopback, and there are no keys: .+\n$/],
    [{ NARA_MEDIA_STORE: 'gs://bucket/media' }, /^nara: .+\n {2}NARA_MEDIA_STORE: must be a directory or s3:.+\n$/],
    [{ NARA_TRUSTED_PROXIES: 'zzz' }, /^nara: .+\n {2}NARA_TRUSTED_PROXIES: zzz is not an address, .+\n$/],
    [{ NARA_FFMPEG: '/nope' }, /^nara: \/nope cannot be run: .+ NARA_FFMPEG .+\n$/],
    [{ NARA_FFPROBE: '/nope' }, /^nara: \/nope cannot be run: .+ NARA_FFPROBE .+\n$/],
  ])('%j ends nara serve with 1 and its message, and leaves nothing behind', async (env, message) => {
    const { code, stdout, stderr } = await nara(['serve'], env);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('a part of the service ends with EX_CONFIG, which its supervisor understands', async () => {
    const { code, stderr } = await nara(['worker']);
    expect(code).toBe(78);
    expect(stderr).toMatch(/^nara: nara worker needs CLICKHOUSE_URL and REDIS_URL.+\n$/);
  });
});
