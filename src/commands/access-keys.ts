import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { CheckSignature } from '../api/authenticate.ts';
import { KeyFileError } from '../api/key-file.ts';
import { KeyStore, OWN_ORIGIN, type Scope } from '../api/key-store.ts';
import { deriveSigningSecret, type Signers, verifySignedRequest } from '../api/signed-request.ts';
import { type Config, ConfigError } from '../config.ts';
import type { Clock } from '../domain/index.ts';
import { ensureSecret } from '../supervisor/ensure-secret.ts';

const REMEMBERED_SECRETS = 1_000;

/** How a person makes the key that the command line wants. */
export const MAKE_ADMIN_KEY = 'nara keys create --name admin --scopes admin';

/** Where keys are kept. */
export function openKeyStore({ dataDir, adminToken }: Pick<Config, 'dataDir' | 'adminToken'>, log?: Logger): KeyStore {
  return new KeyStore({
    path: join(dataDir, 'keys.json'),
    adminToken,
    nowMs: () => performance.now(),
    onUnreadable: (error) => log?.error({ err: error }, 'the keys that were good before stay in force'),
  });
}

/** What tokens, draws, signing secrets and address blocks are derived from: configured, or made once in the data directory. */
export async function readServiceSecret({ secret, dataDir }: Pick<Config, 'secret' | 'dataDir'>): Promise<string> {
  return secret ?? (await ensureSecret(dataDir, 'view-secret'));
}

/** What tells whose signature a request carries. Secrets are derived once each. */
export function createSignatureCheck(keys: Pick<KeyStore, 'signer'>, secret: string, clock: Clock): CheckSignature {
  const secrets = new LRUCache<string, string>({ max: REMEMBERED_SECRETS });
  const signers: Signers = (keyId) => {
    const principal = keys.signer(keyId);
    if (principal === null) return null;
    const known = secrets.get(keyId) ?? deriveSigningSecret(secret, keyId);
    secrets.set(keyId, known);
    return { principal, secret: known };
  };
  return (request) => verifySignedRequest(request, { signers, nowMs: clock.nowMs() });
}

/** Throws ConfigError when it would listen beyond loopback while nobody has a key. */
export function requireKeysBeyondLoopback(
  { host, adminToken }: Pick<Config, 'host' | 'adminToken'>,
  keys: KeyStore,
): void {
  if (isLoopback(host) || adminToken !== null || hasKeys(keys)) return;
  throw new ConfigError(
    `NARA_HOST is ${host}, beyond loopback, and there are no keys: set NARA_ADMIN_TOKEN, or make one with \`${MAKE_ADMIN_KEY}\`.`,
  );
}

/**
 * On a loopback bind with no keys, makes an admin key and a browser key and leaves them in `DATA_DIR/secrets` (mode 0600).
 * Answers the browser key that the page at `/` may carry. Throws ConfigError when it would listen beyond loopback without keys.
 */
export async function prepareKeys(
  config: Config,
  keys: KeyStore,
): Promise<{ browserKey: string | null; made: string[] }> {
  requireKeysBeyondLoopback(config, keys);
  if (!isLoopback(config.host)) return { browserKey: null, made: [] };
  const none = !hasKeys(keys);
  const made: string[] = [];
  if (none && config.adminToken === null) made.push(await makeKey(config, keys, 'admin-key', ['admin']));
  if (none) made.push(await makeKey(config, keys, 'browser-key', ['telemetry', 'upload', 'read']));
  const browserKey = await readFile(keyPath(config, 'browser-key'), 'utf8').catch(() => null);
  return { browserKey: browserKey?.trim() ?? null, made };
}

/** A file of keys that cannot be read holds keys: none are made over it, and the API says what is wrong with it. */
function hasKeys(keys: KeyStore): boolean {
  try {
    return keys.list().length > 0;
  } catch (error) {
    if (error instanceof KeyFileError) return true;
    throw error;
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

const keyPath = (config: Config, name: string): string => join(config.dataDir, 'secrets', name);

async function makeKey(config: Config, keys: KeyStore, name: string, scopes: readonly Scope[]): Promise<string> {
  const path = keyPath(config, name);
  const { text } = await keys.create({ name, scopes, origins: name === 'browser-key' ? [OWN_ORIGIN] : [] });
  await mkdir(join(config.dataDir, 'secrets'), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.tmp`, `${text}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.tmp`, path);
  return path;
}
