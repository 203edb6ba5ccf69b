import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SCOPES } from '../api/key-store.ts';
import { openKeyStore } from './access-keys.ts';
import { printJson, printTable } from './print.ts';
import type { RunCommand } from './run-command.ts';

const createSchema = z.object({
  name: z.string().min(1).max(64),
  scopes: z.array(z.enum(SCOPES)).min(1),
  origins: z.array(z.url()),
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
      json: { type: 'boolean' },
    },
  });
  const keys = openKeyStore(config);
  const [action, id] = positionals;
  if (action === 'create') {
    const request = createSchema.safeParse({
      name: values.name ?? 'unnamed',
      scopes: list(values.scopes ?? ''),
      origins: list(values.origins ?? ''),
    });
    if (!request.success) return complain(z.prettifyError(request.error));
    const { text, key } = await keys.create(request.data);
    if (values.json) printJson({ key: text, id: key.id, scopes: key.scopes, origins: key.origins });
    else
      process.stdout.write(
        `${text}\n\nThis is shown once and stored only as a hash. Revoke it with: nara keys revoke ${key.id}\n`,
      );
    return 0;
  }
  if (action === 'list') {
    const shown = (await keys.list()).map(({ hash: _hash, ...key }) => key);
    if (values.json) printJson({ keys: shown });
    else
      printTable(
        ['id', 'name', 'scopes', 'origins', 'created'],
        shown.map((key) => [key.id, key.name, key.scopes.join(','), key.origins.join(',') || 'any', key.createdAt]),
      );
    return 0;
  }
  if (action === 'revoke' && id !== undefined) {
    const revoked = await keys.revoke(id);
    if (values.json) printJson({ id, revoked });
    else if (revoked) process.stdout.write(`revoked ${id}\n`);
    else process.stderr.write(`nara keys: there is no key ${id}\n`);
    return revoked ? 0 : 1;
  }
  return complain('expected create, list or revoke ID');
};

function complain(message: string): number {
  process.stderr.write(`nara keys: ${message}\n`);
  return 2;
}
