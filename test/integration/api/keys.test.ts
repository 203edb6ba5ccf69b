import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveSigningSecret, signatureOf } from '../../../src/api/signed-request.ts';
import { openKeyStore, readServiceSecret } from '../../../src/commands/access-keys.ts';
import { readConfig } from '../../../src/config.ts';
import { startService, type TestService } from '../../fixtures/service.ts';
import { waitFor } from '../../fixtures/wait-for.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
}, 90_000);
afterAll(() => service?.stop());

/** What `nara keys` works with, beside the running service. */
const config = () => readConfig({ NARA_DATA_DIR: join(service.directory, 'data') });
const keys = () => openKeyStore(config());

type Sent = { body: string; key: { id: string; secret: string }; gzip?: boolean; seconds?: number };

function post(
  path: string,
  { body, key, gzip = false, seconds = Math.floor(Date.now() / 1000) }: Sent,
): Promise<Response> {
  return fetch(new URL(path, service.url), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(gzip ? { 'content-encoding': 'gzip' } : {}),
      'nara-key': key.id,
      'nara-timestamp': String(seconds),
      'nara-signature': signatureOf(key.secret, String(seconds), body),
    },
    body: gzip ? new Uint8Array(gzipSync(body)) : body,
  });
}

async function makeSigningKey(): Promise<Sent['key']> {
  const { id } = await keys().createSigned({ name: 'cms', scopes: ['decide'], origins: [] });
  return { id, secret: deriveSigningSecret(await readServiceSecret(config()), id) };
}

const knows = (key: string) => async () => (await fetch(`${service.url}/v1/assets?key=${key}`)).status === 200;

describe('a running service', () => {
  it('takes signed decisions and telemetry, gzipped or not, and refuses what was changed or is old', async () => {
    const key = await makeSigningKey();
    const decisions = JSON.stringify({ sessions: [{ sessionId: 's1', assetId: 'none', region: 'NO', device: 'tv' }] });
    const taken = await waitFor('the new key to be known', async () => {
      const answer = await post('/v1/decisions', { body: decisions, key });
      return answer.status === 200 ? answer : null;
    });
    expect(await taken.json()).toMatchObject({ decisions: [{ error: { code: 'asset.unknown' } }] });
    const event = { type: 'view_start', eventId: 'e1', sessionId: 's1', assetId: 'a1', ts: new Date().toISOString() };
    const telemetry = JSON.stringify({ events: [event] });
    expect(await (await post('/v1/telemetry', { body: telemetry, key })).json()).toMatchObject({ accepted: 1 });
    const again = await post('/v1/telemetry', { body: telemetry, key, gzip: true });
    expect([again.status, await again.json()]).toMatchObject([202, { accepted: 0, duplicates: 1 }]);

    const forged = { id: key.id, secret: `${key.secret}x` };
    for (const path of ['/v1/decisions', '/v1/telemetry', '/v1/cmcd']) {
      const changed = await post(path, { body: telemetry, key: forged });
      expect([path, changed.status, await changed.json()]).toMatchObject([path, 401, { code: 'signature.wrong' }]);
      const old = await post(path, { body: telemetry, key, seconds: 1_000_000_000 });
      expect([path, old.status, await old.json()]).toMatchObject([path, 401, { code: 'signature.clock' }]);
    }
    const sent = await fetch(`${service.url}/v1/decisions?key=${key.secret}`, { method: 'POST' });
    expect([sent.status, await sent.json()]).toMatchObject([401, { code: 'key.signature-needed' }]);

    await keys().revoke(key.id);
    await waitFor(
      'the key to be forgotten',
      async () => (await post('/v1/decisions', { body: decisions, key })).status === 401,
    );
  });

  it('learns of keys made and revoked beside it, and keeps the good ones while the file is broken', async () => {
    const made = await keys().create({ name: 'ops', scopes: ['read'], origins: [] });
    const kept = await keys().create({ name: 'kept', scopes: ['read'], origins: [] });
    await waitFor('the keys to be known', async () => (await knows(made.text)()) && (await knows(kept.text)()));
    await keys().revoke(made.key.id);
    await waitFor('the key to be forgotten', async () => !(await knows(made.text)()));
    await writeFile(join(service.directory, 'data', 'keys.json'), '{');
    await waitFor('the log to say that the file is broken', async () => {
      expect(await knows(kept.text)()).toBe(true);
      return (await readFile(join(service.directory, 'serve.log'), 'utf8')).includes('is not a list of keys');
    });
    expect(await knows(kept.text)()).toBe(true);
  });
});
