import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Asset } from '../../src/domain/index.ts';
import { expectEverythingCounted, expectSameArms, type Killed, kill, sendViews } from '../fixtures/chaos.ts';
import { makeClip } from '../fixtures/make-clip.ts';
import { startService, type TestService } from '../fixtures/service.ts';
import { waitFor } from '../fixtures/wait-for.ts';

/** SOAK_KILLS sets another number. */
const KILLS = Number(process.env.SOAK_KILLS ?? 100);
const VICTIMS: readonly Killed[] = ['api', 'clickhouse', 'redis', 'worker'];

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service?.stop());

describe(`${KILLS} random kill -9 under load`, () => {
  it('lose no acknowledged event, double none, and move no view to another arm', async () => {
    const clip = join(service.directory, 'clip.mp4');
    await makeClip(clip, { seconds: 4, width: 640, height: 360 });
    const complete = ({ availability, state }: Asset): boolean => availability === 'complete' && state === 'ready';
    const asset = await service.assetWhen(await service.upload(clip, { owner: 'ann', region: 'NO' }), complete);
    const views = sendViews(service, asset.id);
    for (let n = 0; n < KILLS; n += 1) {
      const before = views.acknowledged.length;
      await kill(service, VICTIMS[Math.floor(Math.random() * VICTIMS.length)] ?? 'api');
      await waitFor('views to go on', () => views.acknowledged.length > before, 120_000);
    }
    await views.stop();
    await expectSameArms(service, asset.id, views.acknowledged);
    await expectEverythingCounted(service, views.acknowledged);
  });
});
