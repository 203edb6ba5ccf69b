import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureSecret } from '../../src/supervisor/ensure-secret.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-secret-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

test('a secret is made once, whoever asks first, and only its owner may read it', async () => {
  const asked = await Promise.all(Array.from({ length: 10 }, () => ensureSecret(dataDir, 'clickhouse-password')));
  expect(new Set(asked).size).toBe(1);
  expect(asked[0]).toMatch(/^[\w-]{43}$/);
  expect((await stat(join(dataDir, 'secrets', 'clickhouse-password'))).mode & 0o777).toBe(0o600);
  expect((await stat(join(dataDir, 'secrets'))).mode & 0o777).toBe(0o700);
});

test('each name has its own secret', async () => {
  expect(await ensureSecret(dataDir, 'one')).not.toBe(await ensureSecret(dataDir, 'two'));
});
