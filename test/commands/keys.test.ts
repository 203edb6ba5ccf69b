import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { signatureOf } from '../../src/api/signed-request.ts';
import { createSignatureCheck, openKeyStore, prepareKeys, readServiceSecret } from '../../src/commands/access-keys.ts';
import { keysCommand } from '../../src/commands/keys.ts';
import { readConfig } from '../../src/config.ts';

let dataDir: string;
let printed: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-keys-command-'));
  printed = '';
  const print = (text: unknown): boolean => {
    printed += String(text);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(print);
  vi.spyOn(process.stderr, 'write').mockImplementation(print);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dataDir, { recursive: true });
});

const config = () => readConfig({ NARA_DATA_DIR: dataDir });
async function nara(...args: string[]): Promise<{ code: number; printed: string }> {
  printed = '';
  return { code: await keysCommand(args, config(), pino({ level: 'silent' })), printed };
}

describe('nara keys create --signed', () => {
  const args = ['create', '--name', 'cms', '--scopes', 'telemetry,decide', '--signed', '--json'];

  test('shows a secret whose signatures the API believes, and leaves it nowhere', async () => {
    const { id, secret } = JSON.parse((await nara(...args)).printed);
    const check = createSignatureCheck(openKeyStore(config()), await readServiceSecret(config()), {
      nowMs: () => 5_000,
    });
    const headers = { 'nara-key': id, 'nara-timestamp': '5', 'nara-signature': signatureOf(secret, '5', 'body') };
    expect(check({ headers, body: 'body' })).toEqual({
      kind: 'verified',
      principal: { keyId: id, scopes: ['telemetry', 'decide'], origins: [] },
    });
    for (const file of ['keys.json', 'secrets/view-secret'])
      expect(await readFile(join(dataDir, file), 'utf8')).not.toContain(secret.split('_').at(-1));
    await nara('revoke', id);
    const later = createSignatureCheck(openKeyStore(config()), await readServiceSecret(config()), {
      nowMs: () => 5_000,
    });
    expect(later({ headers, body: 'body' })).toMatchObject({ kind: 'refused', code: 'signature.key' });
  });

  test('is listed as what it is', async () => {
    await nara(...args);
    await nara('create', '--name', 'player', '--scopes', 'telemetry');
    expect((await nara('list')).printed).toMatch(
      /cms +telemetry,decide +any +signature .*\n.*player +telemetry +any +key /,
    );
  });

  test.each(['admin', 'decide,read', 'upload'])(
    'makes no key for %s: those do more than post a body',
    async (scopes) => {
      const { code, printed: said } = await nara('create', '--scopes', scopes, '--signed');
      expect(code).toBe(2);
      expect(said).toContain('expected only telemetry and decide for a key whose requests are signed');
      expect(openKeyStore(config()).list()).toEqual([]);
    },
  );
});

describe('a keys.json that nobody can read', () => {
  beforeEach(() => writeFile(join(dataDir, 'keys.json'), '{"keys": ['));

  test.each([['list'], ['create', '--scopes', 'read'], ['revoke', 'x']])(
    'nara keys %s says so and changes nothing',
    async (...args) => {
      const { code, printed: said } = await nara(...args);
      expect(code).toBe(1);
      expect(said).toMatch(
        /keys\.json is not a list of keys: .*\nMend the file or move it away; nothing was changed\.\n$/,
      );
      expect(await readFile(join(dataDir, 'keys.json'), 'utf8')).toBe('{"keys": [');
    },
  );

  test('does not keep the API from starting, and no keys are made over it', async () => {
    expect(await prepareKeys(config(), openKeyStore(config()))).toEqual({ browserKey: null, made: [] });
    expect(await readFile(join(dataDir, 'keys.json'), 'utf8')).toBe('{"keys": [');
  });
});
