import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyStore } from '../../src/api/key-store.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-keys-'));
});
afterEach(() => rm(directory, { recursive: true }));

const open = (adminToken: string | null = null) => new KeyStore({ path: join(directory, 'keys.json'), adminToken });
const player = { name: 'player', scopes: ['telemetry'], origins: ['https://a.example'] } as const;

describe('KeyStore', () => {
  it('knows a key it made, also in another process, and stores only its hash', async () => {
    const { text, key } = await open().create(player);
    expect(await open().check(text)).toEqual({ keyId: key.id, scopes: ['telemetry'], origins: ['https://a.example'] });
    expect(await readFile(join(directory, 'keys.json'), 'utf8')).not.toContain(text);
    expect((await stat(join(directory, 'keys.json'))).mode & 0o777).toBe(0o600);
  });

  it('does not know a changed key, or none', async () => {
    const keys = open();
    const { text } = await keys.create(player);
    expect(await keys.check(`${text}x`)).toBeNull();
    expect(await keys.check('')).toBeNull();
  });

  it('forgets a revoked key in every process', async () => {
    const [one, other] = [open(), open()];
    const { text, key } = await one.create(player);
    expect(await other.check(text)).not.toBeNull();
    expect(await one.revoke(key.id)).toBe(true);
    expect(await one.revoke(key.id)).toBe(false);
    expect(await other.check(text)).toBeNull();
  });

  it('takes the admin token of the environment for an admin key', async () => {
    expect(await open('a long admin token').check('a long admin token')).toMatchObject({ scopes: ['admin'] });
    expect(await open('a long admin token').check('another token')).toBeNull();
  });
});
