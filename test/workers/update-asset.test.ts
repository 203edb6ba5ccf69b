import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import type { AssetDocument } from '../../src/domain/asset.ts';
import type { TranscodePorts } from '../../src/workers/transcode-ports.ts';
import {
  AssetRemovedError,
  recordFailure,
  recordRejection,
  updateAsset,
  whileAssetExists,
} from '../../src/workers/update-asset.ts';
import { hostedAsset } from '../fixtures/assets.ts';

let stored: AssetDocument | null;
let announced: unknown[];
let announceFails = false;
let logLines: Record<string, unknown>[];
beforeEach(() => {
  stored = hostedAsset({ id: 'a_1' });
  announced = [];
  logLines = [];
  announceFails = false;
});

const ports = {
  media: { log: pino({ base: null }, { write: (line: string) => logLines.push(JSON.parse(line)) }) },
  assets: {
    read: async () => stored,
    write: async (asset: AssetDocument) => {
      if (stored) stored = asset;
      return stored !== null;
    },
  },
  announce: async (announcement: unknown) => {
    if (announceFails) throw new Error('Redis is away');
    announced.push(announcement);
  },
} as unknown as TranscodePorts;

const error = { code: 'x', message: 'It broke.', action: 'Mend it.' };

test('a change is written, announced and returned', async () => {
  const changed = await updateAsset(ports, 'a_1', (asset) => ({ ...asset, revision: asset.revision + 1 }));
  expect(changed.revision).toBe(3);
  expect(stored?.revision).toBe(3);
  expect(announced).toEqual([{ type: 'asset.changed', assetId: 'a_1' }]);
});

test('a change that cannot be announced is still made', async () => {
  announceFails = true;
  await updateAsset(ports, 'a_1', (asset) => ({ ...asset, revision: 9 }));
  expect(stored?.revision).toBe(9);
});

test('a deleted asset stays deleted', async () => {
  stored = null;
  await expect(updateAsset(ports, 'a_1', (asset) => asset)).rejects.toBeInstanceOf(AssetRemovedError);
  await recordFailure(ports, 'a_1', error);
  expect(stored).toBeNull();
  expect(announced).toEqual([]);
});

test('a failure fails what cannot be played and stands beside what can', async () => {
  stored = hostedAsset({ state: 'processing', availability: 'none' });
  await recordFailure(ports, 'a_1', error);
  expect(stored).toMatchObject({ state: 'failed', availability: 'none', error });
  stored = hostedAsset({ state: 'processing', availability: 'playable' });
  await recordFailure(ports, 'a_1', error);
  expect(stored).toMatchObject({ state: 'ready', availability: 'playable', error });
});

test('a rejected upload is told the operator by its code, as news; a failed encode as a warning', async () => {
  stored = hostedAsset({ state: 'processing', availability: 'none' });
  await recordRejection(ports, 'a_1', error);
  expect(stored).toMatchObject({ state: 'failed', error });
  await recordFailure(ports, 'a_1', error);
  expect(logLines).toMatchObject([
    { level: 30, assetId: 'a_1', code: 'x', msg: 'asset rejected' },
    { level: 40, assetId: 'a_1', error, msg: 'asset could not be encoded completely' },
  ]);
});

test('work on an asset hears its worker stop, and its own errors stay its own', async () => {
  const stop = new AbortController();
  const heard = whileAssetExists(ports, 'a_1', stop.signal, (signal) => {
    stop.abort();
    return Promise.resolve(signal.aborted);
  });
  expect(await heard).toBe(true);
  const broken = new Error('broken');
  await expect(whileAssetExists(ports, 'a_1', stop.signal, () => Promise.reject(broken))).rejects.toBe(broken);
});
