import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { KeyStore, OWN_ORIGIN, type Scope } from '../api/key-store.ts';
import { type Config, ConfigError } from '../config.ts';

/** How a person makes the key that the command line wants. */
export const MAKE_ADMIN_KEY = 'nara keys create --name admin --scopes admin';

/** Where keys are kept. */
export function openKeyStore(config: Pick<Config, 'dataDir' | 'adminToken'>): KeyStore {
  return new KeyStore({ path: join(config.dataDir, 'keys.json'), adminToken: config.adminToken });
}

/** Throws ConfigError when it would listen beyond loopback while nobody has a key. */
export async function requireKeysBeyondLoopback(
  { host, adminToken }: Pick<Config, 'host' | 'adminToken'>,
  keys: KeyStore,
): Promise<void> {
  if (isLoopback(host) || adminToken !== null || (await keys.list()).length > 0) return;
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
  await requireKeysBeyondLoopback(config, keys);
  if (!isLoopback(config.host)) return { browserKey: null, made: [] };
  const none = (await keys.list()).length === 0;
  const made: string[] = [];
  if (none && config.adminToken === null) made.push(await makeKey(config, keys, 'admin-key', ['admin']));
  if (none) made.push(await makeKey(config, keys, 'browser-key', ['telemetry', 'upload', 'read']));
  const browserKey = await readFile(keyPath(config, 'browser-key'), 'utf8').catch(() => null);
  return { browserKey: browserKey?.trim() ?? null, made };
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
