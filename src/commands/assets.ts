import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { Upload } from 'tus-js-client';
import type { Asset } from '../domain/index.ts';
import { type ApiClient, connectToApi } from './api-client.ts';
import { printJson, printTable } from './print.ts';
import type { RunCommand } from './run-command.ts';

type Page = { assets: Asset[]; next: string | null };

/** `nara assets …`: the assets of a running service. */
export const assetsCommand: RunCommand = async (args, config) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      owner: { type: 'string' },
      region: { type: 'string' },
      limit: { type: 'string' },
      cursor: { type: 'string' },
      actor: { type: 'string' },
      reason: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const [action, target] = positionals;
  const api = await connectToApi(config);
  if (action === 'list') {
    const page = await api.request<Page>('GET', `/v1/assets?${listQuery(values)}`);
    if (values.json) printJson(page);
    else printPage(page);
    return 0;
  }
  if (action === 'show' && target !== undefined) {
    printJson(await api.request('GET', `/v1/assets/${encodeURIComponent(target)}`));
    return 0;
  }
  if (action === 'upload' && target !== undefined) {
    const assetId = await upload(api, target, { owner: values.owner ?? 'cli', region: values.region ?? 'ZZ' });
    if (values.json) printJson({ id: assetId });
    else process.stdout.write(`${assetId}\n`);
    return 0;
  }
  if (action === 'retry' && target !== undefined) {
    const by = { actor: values.actor ?? userInfo().username, ...(values.reason ? { reason: values.reason } : {}) };
    const asset = await api.request<Asset>('POST', `/v1/assets/${encodeURIComponent(target)}/retry`, by);
    if (values.json) printJson(asset);
    else process.stdout.write(`${asset.id} is ${asset.state}\n`);
    return 0;
  }
  if (action === 'delete' && target !== undefined) {
    await api.request('DELETE', `/v1/assets/${encodeURIComponent(target)}`);
    return 0;
  }
  process.stderr.write('nara assets: expected list, show ID, upload FILE, retry ID or delete ID\n');
  return 2;
};

/** What was asked for, as the API takes it; what may stand in it is the API's to say. */
function listQuery(asked: Partial<Record<'owner' | 'limit' | 'cursor', string | undefined>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ['owner', 'limit', 'cursor'] as const) {
    const value = asked[name];
    if (value !== undefined) query.set(name, value);
  }
  return query;
}

function printPage({ assets, next }: Page): void {
  printTable(
    ['id', 'owner', 'file', 'state', 'availability', 'rungs'],
    assets.map(({ id, owner, filename, state, availability, renditions }) => [
      id,
      owner,
      filename,
      state,
      availability,
      renditions.length,
    ]),
  );
  if (next !== null) process.stdout.write(`\nThere are more: add --cursor ${next}\n`);
}

async function upload(api: ApiClient, path: string, metadata: { owner: string; region: string }): Promise<string> {
  const { size } = await stat(path);
  let assetId = '';
  await new Promise<void>((resolve, reject) => {
    new Upload(createReadStream(path), {
      endpoint: new URL('/v1/uploads', api.url).href,
      uploadSize: size,
      chunkSize: Number.POSITIVE_INFINITY,
      headers: { authorization: `Bearer ${api.key}` },
      metadata: { filename: basename(path), ...metadata },
      onAfterResponse: (_request, response) => {
        assetId = response.getHeader('NARA-Asset-Id') ?? assetId;
      },
      onError: reject,
      onSuccess: () => resolve(),
    }).start();
  });
  return assetId;
}
