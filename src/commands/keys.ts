import { parseArgs } from 'node:util';
import { z } from 'zod';
import { KeyFileError } from '../api/key-file.ts';
import { type KeyStore, type NewKey, SCOPES } from '../api/key-store.ts';
import { deriveSigningSecret } from '../api/signed-request.ts';
import type { Config } from '../config.ts';
import { openKeyStore, readServiceSecret } from './access-keys.ts';
import { printJson, printTable } from './print.ts';
import type { RunCommand } from './run-command.ts';

/** What signed requests can do: post bodies that may be repeated. A signature is over the body alone, not over a path. */
const SIGNED_SCOPES = ['telemetry', 'decide'];

const createSchema = z
  .object({
    name: z.string().min(1).max(64),
    scopes: z.array(z.enum(SCOPES)).min(1),
    origins: z.array(z.url()),
    signed: z.boolean(),
  })
  .refine(({ signed, scopes }) => !signed || scopes.every((scope) => SIGNED_SCOPES.includes(scope)), {
    path: ['scopes'],
    error: `expected only ${SIGNED_SCOPES.join(' and ')} for a key whose requests are signed`,
  });

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);

/** `nara keys create|list|revoke`; works on the data directory, whether or not a service runs. */
export const keysCommand: RunCommand = async (args, config) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      scopes: { type: 'string' },
      origins: { type: 'string' },
      signed: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const keys = openKeyStore(config);
  const [action, id] = positionals;
  try {
    if (action === 'create') {
      const request = createSchema.safeParse({
        name: values.name ?? 'unnamed',
        scopes: list(values.scopes ?? ''),
        origins: list(values.origins ?? ''),
        signed: values.signed,
      });
      if (!request.success) return complain(z.prettifyError(request.error));
      const create = request.data.signed ? createSigned : createSent;
      await create(keys, request.data, config, values.json);
      return 0;
    }
    if (action === 'list') return show(keys, values.json);
    if (action === 'revoke' && id !== undefined) return await revoke(keys, id, values.json);
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    process.stderr.write(`nara keys: ${error.message}\nMend the file or move it away; nothing was changed.\n`);
    return 1;
  }
  return complain('expected create, list or revoke ID');
};

async function createSent(keys: KeyStore, request: NewKey, _config: Config, json: boolean): Promise<void> {
  const { text, key } = await keys.create(request);
  if (json) printJson({ key: text, id: key.id, scopes: key.scopes, origins: key.origins });
  else
    process.stdout.write(
      `${text}\n\nThis is shown once and stored only as a hash. Revoke it with: nara keys revoke ${key.id}\n`,
    );
}

async function createSigned(keys: KeyStore, request: NewKey, config: Config, json: boolean): Promise<void> {
  const key = await keys.createSigned(request);
  const secret = deriveSigningSecret(await readServiceSecret(config), key.id);
  if (json) printJson({ secret, id: key.id, scopes: key.scopes, origins: key.origins });
  else
    process.stdout.write(
      `${secret}\n\nThis is shown once and stored nowhere. Never send it; send with each request:
  NARA-Key: ${key.id}
  NARA-Timestamp: Unix time in seconds
  NARA-Signature: hex HMAC-SHA-256, under the secret, of the timestamp, a '.', and the body
Revoke it with: nara keys revoke ${key.id}\n`,
    );
}

function show(keys: KeyStore, json: boolean): number {
  const shown = keys.list().map(({ hash: _hash, ...key }) => key);
  if (json) printJson({ keys: shown });
  else
    printTable(
      ['id', 'name', 'scopes', 'origins', 'by', 'created'],
      shown.map((key) => [
        key.id,
        key.name,
        key.scopes.join(','),
        key.origins.join(',') || 'any',
        key.signed ? 'signature' : 'key',
        key.createdAt,
      ]),
    );
  return 0;
}

async function revoke(keys: KeyStore, id: string, json: boolean): Promise<number> {
  const revoked = await keys.revoke(id);
  if (json) printJson({ id, revoked });
  else if (revoked) process.stdout.write(`revoked ${id}\n`);
  else process.stderr.write(`nara keys: there is no key ${id}\n`);
  return revoked ? 0 : 1;
}

function complain(message: string): number {
  process.stderr.write(`nara keys: ${message}\n`);
  return 2;
}
