import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Asset } from '../../src/domain/index.ts';
import { openBucket } from '../../src/media/s3-bucket.ts';
import { createS3Store } from '../../src/media/s3-store.ts';
import { makeClip } from '../fixtures/make-clip.ts';
import { startS3 } from '../fixtures/s3-server.ts';
import { type SeparateProcesses, startSeparately } from '../fixtures/separate-processes.ts';
import { uploadFile } from '../fixtures/service.ts';
import { waitFor } from '../fixtures/wait-for.ts';

let s3: Awaited<ReturnType<typeof startS3>>;
let hosts: SeparateProcesses;
beforeEach(async () => {
  s3 = await startS3();
  hosts = await startSeparately({
    NARA_MEDIA_STORE: `s3://${s3.bucket}/video`,
    NARA_S3_ENDPOINT: s3.endpoint,
    AWS_REGION: s3.region,
    NARA_CPU_SHARE: '1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
});
afterEach(async () => {
  await hosts?.stop();
  await s3.stop();
});

/** Lines of a playlist that are addresses. */
const addressesIn = (playlist: string): string[] => playlist.split('\n').filter((line) => /^[^#\s]/.test(line));

it('hosts that share nothing but a bucket take an upload, encode it and play it to its end, and forget it all', async () => {
  const clip = join(hosts.directory, 'clip.mp4');
  await makeClip(clip, { seconds: 4, width: 426, height: 240 });
  const assetId = await uploadFile(hosts.url, hosts.adminKey, clip, { owner: 'ann' });
  const asset = await waitFor(
    'the asset to be complete',
    async () => {
      const { body } = await hosts.call<Asset>('GET', `/v1/assets/${assetId}`);
      if (body.state === 'failed') throw new Error(JSON.stringify(body.error));
      return body.availability === 'complete' ? body : null;
    },
    200_000,
  );
  expect(asset.renditions.length).toBeGreaterThan(0);

  const master = await fetch(`${hosts.url}/v/${assetId}/master.m3u8?sid=s1`);
  const variants = addressesIn(await master.text());
  expect(variants.length).toBeGreaterThan(0);
  for (const variant of variants) {
    const playlist = await fetch(new URL(variant, master.url));
    const text = await playlist.text();
    expect(text).toContain('#EXT-X-ENDLIST');
    for (const segment of addressesIn(text)) {
      const answer = await fetch(new URL(segment, playlist.url), { headers: { range: 'bytes=4-7' } });
      expect([answer.status, await answer.text()]).toEqual([206, expect.stringMatching(/styp|moof|ftyp/)]);
    }
  }

  const { stop: _, ...bucket } = s3;
  const store = createS3Store(openBucket(bucket), 'video');
  expect((await store.list('uploads')).length).toBe(2);
  expect(await readdir(join(hosts.directory, 'worker-host', 'work', 'sources'))).toHaveLength(1);
  await hosts.call('DELETE', `/v1/assets/${assetId}`);
  await waitFor('nothing of it to be left', async () => {
    const left = [...(await store.list('uploads')), ...(await store.list('assets'))];
    return left.length === 0 && (await readdir(join(hosts.apiDirectory, 'uploads'))).length === 0;
  });
});
