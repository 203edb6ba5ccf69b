import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeyFileError } from '../../src/api/key-file.ts';
import { KeyStore } from '../../src/api/key-store.ts';

let directory: string;
let nowMs: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-keys-'));
  nowMs = 0;
});
afterEach(() => rm(directory, { recursive: true }));

const path = () => join(directory, 'keys.json');
const open = (options: { adminToken?: string; onUnreadable?: (error: KeyFileError) => void } = {}) =>
  new KeyStore({ path: path(), adminToken: null, nowMs: () => nowMs, ...options });
const player = { name: 'player', scopes: ['telemetry'], origins: ['https://a.example'] } as const;

describe('KeyStore', () => {
  it('knows a key it made, also in another process, and stores only its hash', async () => {
    const { text, key } = await open().create(player);
    expect(open().check(text)).toEqual({ keyId: key.id, scopes: ['telemetry'], origins: ['https://a.example'] });
    expect(await readFile(path(), 'utf8')).not.toContain(text);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
  });

  it('knows at once what it made or revoked itself', async () => {
    const keys = open();
    expect(keys.check('anything')).toBeNull();
    const { text, key } = await keys.create(player);
    expect(keys.check(text)).not.toBeNull();
    await keys.revoke(key.id);
    expect(keys.check(text)).toBeNull();
  });

  it('does not know a changed key, none, or the hash of one', async () => {
    const keys = open();
    const { text, key } = await keys.create(player);
    expect(keys.check(`${text}x`)).toBeNull();
    expect(keys.check('')).toBeNull();
    expect(keys.check(key.hash)).toBeNull();
  });

  it('forgets a key that another process revoked, a second later, however long nobody asked', async () => {
    const [one, other] = [open(), open()];
    const { text, key } = await one.create(player);
    expect(other.check(text)).not.toBeNull();
    expect(await one.revoke(key.id)).toBe(true);
    expect(await one.revoke(key.id)).toBe(false);
    nowMs += 999;
    expect(other.check(text)).not.toBeNull();
    nowMs += 1;
    expect(other.check(text)).toBeNull();
  });

  it('looks at the file once a second at most, however often it is asked', async () => {
    const keys = open();
    const { text } = await keys.create(player);
    expect(keys.check(text)).not.toBeNull();
    await rm(path());
    for (let asked = 0; asked < 1000; asked += 1) expect(keys.check(text)).not.toBeNull();
    nowMs += 1000;
    expect(keys.check(text)).toBeNull();
  });

  it('takes the admin token of the environment for an admin key', () => {
    const keys = open({ adminToken: 'a long admin token' });
    expect(keys.check('a long admin token')).toMatchObject({ scopes: ['admin'] });
    expect(keys.check('another token')).toBeNull();
  });

  it('keeps the last good keys while the file cannot be read, says so once, and recovers', async () => {
    const onUnreadable = vi.fn();
    const keys = open({ onUnreadable });
    const { text } = await keys.create(player);
    expect(keys.check(text)).not.toBeNull();
    const good = await readFile(path(), 'utf8');
    for (const broken of ['{"keys": [', '{"keys": [{"id": 7}]}', '']) {
      await writeFile(path(), broken);
      nowMs += 1000;
      expect(keys.check(text)).not.toBeNull();
    }
    expect(onUnreadable).toHaveBeenCalledOnce();
    expect(onUnreadable.mock.calls[0]?.[0]).toBeInstanceOf(KeyFileError);
    await writeFile(path(), good.replace('"telemetry"', '"read"'));
    nowMs += 1000;
    expect(keys.check(text)).toMatchObject({ scopes: ['read'] });
    await writeFile(path(), 'broken again');
    nowMs += 1000;
    expect(keys.check(text)).not.toBeNull();
    expect(onUnreadable).toHaveBeenCalledTimes(2);
  });

  it('never writes over a file that it cannot read', async () => {
    await writeFile(path(), 'precious');
    await expect(open().create(player)).rejects.toThrow(KeyFileError);
    await expect(open().revoke('x')).rejects.toThrow(/keys.json is not a list of keys/);
    expect(await readFile(path(), 'utf8')).toBe('precious');
    expect(open({ adminToken: 'a long admin token' }).check('a long admin token')).not.toBeNull();
  });

  it('keeps nothing of a signing key that could sign, and takes no text for it', async () => {
    const keys = open();
    const key = await keys.createSigned({ name: 'server', scopes: ['decide'], origins: [] });
    expect(keys.signer(key.id)).toEqual({ keyId: key.id, scopes: ['decide'], origins: [] });
    expect(keys.check(key.id)).toBeNull();
    expect(keys.check('')).toBeNull();
    expect(JSON.parse(await readFile(path(), 'utf8')).keys).toEqual([
      { id: key.id, name: 'server', hash: '', scopes: ['decide'], origins: [], signed: true, createdAt: key.createdAt },
    ]);
    await keys.revoke(key.id);
    expect(keys.signer(key.id)).toBeNull();
  });

  it('takes no signature for a key that is sent', async () => {
    const keys = open();
    const { key } = await keys.create(player);
    expect(keys.signer(key.id)).toBeNull();
  });
});
