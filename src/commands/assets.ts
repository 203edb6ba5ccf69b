import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { Upload } from 'tus-js-client';
import type { Asset } from '../domain/index.ts';
import { type ApiClient, connectToApi } from './api-client.ts';
import { printJson, printTable } from './print.ts';
import type { RunCommand } from './run-command.ts';

/** `nara assets …`: the assets of a running service. */
export const assetsCommand: RunCommand = async (args, config) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { owner: { type: 'string' }, region: { type: 'string' }, json: { type: 'boolean' } },
  });
  const [action, target] = positionals;
  const api = await connectToApi(config);
  if (action === 'list') {
    const query = values.owner === undefined ? '' : `?owner=${encodeURIComponent(values.owner)}`;
    const { assets } = await api.request<{ assets: Asset[] }>('GET', `/v1/assets${query}`);
    if (values.json) printJson({ assets });
    else
      printTable(
        ['id', 'owner', 'file', 'state', 'availability', 'rungs'],
        assets.map((asset) => [
          asset.id,
          asset.owner,
          asset.filename,
          asset.state,
          asset.availability,
          asset.renditions.length,
        ]),
      );
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
  if (action === 'delete' && target !== undefined) {
    await api.request('DELETE', `/v1/assets/${encodeURIComponent(target)}`);
    return 0;
  }
  process.stderr.write('nara assets: expected list, show ID, upload FILE or delete ID\n');
  return 2;
};

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
