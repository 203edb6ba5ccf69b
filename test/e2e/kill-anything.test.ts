import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Asset } from '../../src/domain/index.ts';
import { expectEverythingCounted, expectSameArms, kill, sendViews } from '../fixtures/chaos.ts';
import { makeClip } from '../fixtures/make-clip.ts';
import { startService, type TestService } from '../fixtures/service.ts';
import { waitFor } from '../fixtures/wait-for.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service?.stop());

describe('kill -9 of any part in the middle of its work', () => {
  it('costs no upload, no event, and no view its arm', async () => {
    const first = join(service.directory, 'first.mp4');
    const second = join(service.directory, 'second.mp4');
    await makeClip(first, { seconds: 4, width: 640, height: 360 });
    await makeClip(second, { seconds: 12, width: 1280, height: 720 });
    const complete = ({ availability, state }: Asset): boolean => availability === 'complete' && state === 'ready';
    const watched = await service.assetWhen(await service.upload(first, { owner: 'ann', region: 'NO' }), complete);

    const views = sendViews(service, watched.id);
    const uploading = service.upload(second, { owner: 'bea', region: 'NO' });
    await kill(service, 'clickhouse');
    await kill(service, 'api');
    const uploadedId = await uploading;
    await service.assetWhen(uploadedId, ({ availability }) => availability !== 'none');
    await kill(service, 'worker');
    await kill(service, 'redis');
    await kill(service, 'api');
    await kill(service, 'clickhouse');
    await kill(service, 'worker');
    await waitFor('some more views', () => views.acknowledged.length > 20);
    await views.stop();

    const uploaded = await service.assetWhen(uploadedId, complete);
    expect(uploaded.error).toBeUndefined();
    expect(uploaded.renditions.length).toBeGreaterThanOrEqual(watched.renditions.length);

    await expectSameArms(service, watched.id, views.acknowledged);
    await expectEverythingCounted(service, views.acknowledged);
  });

  it('leaves the video playable from the first byte to the last', async () => {
    const { body } = await service.call<{ assets: Asset[] }>('GET', '/v1/assets');
    for (const asset of body.assets) {
      const manifest = await fetch(`${service.url}/v/${asset.id}/master.m3u8?sid=after`);
      const text = await manifest.text();
      const uris = text.split('\n').filter((line) => line.endsWith('index.m3u8'));
      // An arm with a high floor may have a single rung of a small source.
      expect(uris.length).toBeGreaterThan(0);
      for (const uri of uris) {
        const playlistUrl = new URL(uri, manifest.url);
        const segments = (await (await fetch(playlistUrl)).text()).split('\n').filter((line) => line.endsWith('.m4s'));
        for (const segment of segments)
          expect((await fetch(new URL(segment, playlistUrl), { method: 'HEAD' })).status).toBe(200);
      }
    }
  });
});
