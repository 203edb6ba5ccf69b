import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Asset } from '../../src/domain/index.ts';
import { readRunFile } from '../../src/supervisor/run-file.ts';
import { makeClip } from '../fixtures/make-clip.ts';
import { startService, type TestService } from '../fixtures/service.ts';
import { waitFor } from '../fixtures/wait-for.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service?.stop());

type Killed = 'api' | 'worker' | 'clickhouse' | 'redis';

/** kill -9, then wait until the supervisor has put another process in its place. */
async function kill(name: Killed): Promise<void> {
  const before = (await service.pids())[name];
  if (!before) throw new Error(`${name} has no process`);
  process.kill(before, 'SIGKILL');
  await waitFor(`${name} to come back`, async () => {
    const now = (await service.pids())[name];
    return now && now !== before;
  });
}

/** Asks until it is answered: what a client does that wants its report to arrive. */
async function insist<T>(ask: () => Promise<{ status: number; body: T; headers: Headers }>, status: number) {
  return waitFor(`a ${status}`, async () => {
    const answer = await ask().catch(() => null);
    return answer?.status === status ? answer : null;
  });
}

/** Sends views one after the other until told to stop: decide, then report, each repeated until acknowledged. */
function sendViews(assetId: string) {
  const acknowledged: { sessionId: string; arm: string; viewId: string; events: number }[] = [];
  let stopping = false;
  const running = (async () => {
    for (let n = 0; !stopping; n += 1) {
      const sessionId = `k-${n}`;
      const manifest = await insist(() => service.call('GET', `/v/${assetId}/master.m3u8?sid=${sessionId}`), 307);
      const base = { sessionId, assetId, ts: new Date().toISOString() };
      const events = [
        { ...base, type: 'startup', eventId: 'e1', startupMs: 500 },
        { ...base, type: 'progress', eventId: 'e2', playedMs: 4000, stalledMs: 0, bytes: 1000 + n },
        { ...base, type: 'view_end', eventId: 'e3', playedMs: 9000, stalledMs: 100, bytes: 2000 + n },
      ];
      await insist(() => service.call('POST', '/v1/telemetry', { events }), 202);
      const { headers } = manifest;
      acknowledged.push({
        sessionId,
        arm: headers.get('nara-arm') ?? '',
        viewId: headers.get('nara-view') ?? '',
        events: events.length,
      });
    }
  })();
  return {
    acknowledged,
    async stop() {
      stopping = true;
      await running;
    },
  };
}

async function rows<Row>(query: string): Promise<Row[]> {
  const run = await readRunFile(join(service.directory, 'data'));
  const client = createClient({ url: run?.clickhouseUrl ?? '' });
  try {
    return await (await client.query({ query, format: 'JSONEachRow' })).json<Row>();
  } finally {
    await client.close();
  }
}

describe('kill -9 of any part in the middle of its work', () => {
  it('costs no upload, no event, and no view its arm', async () => {
    const first = join(service.directory, 'first.mp4');
    const second = join(service.directory, 'second.mp4');
    await makeClip(first, { seconds: 4, width: 640, height: 360 });
    await makeClip(second, { seconds: 12, width: 1280, height: 720 });
    const complete = ({ availability, state }: Asset): boolean => availability === 'complete' && state === 'ready';
    const watched = await service.assetWhen(await service.upload(first, { owner: 'ann', region: 'NO' }), complete);

    const views = sendViews(watched.id);
    const uploading = service.upload(second, { owner: 'bea', region: 'NO' });
    await kill('clickhouse');
    await kill('api');
    const uploadedId = await uploading;
    await service.assetWhen(uploadedId, ({ availability }) => availability !== 'none');
    await kill('worker');
    await kill('redis');
    await kill('api');
    await kill('clickhouse');
    await kill('worker');
    await waitFor('some more views', () => views.acknowledged.length > 20);
    await views.stop();

    const uploaded = await service.assetWhen(uploadedId, complete);
    expect(uploaded.error).toBeUndefined();
    expect(uploaded.renditions.length).toBeGreaterThanOrEqual(watched.renditions.length);

    for (const { sessionId, arm, viewId } of views.acknowledged) {
      const { headers } = await insist(() => service.call('GET', `/v/${watched.id}/master.m3u8?sid=${sessionId}`), 307);
      expect([headers.get('nara-view'), headers.get('nara-arm')]).toEqual([viewId, arm]);
    }

    await insist(() => service.call('POST', '/v1/policy/learn', {}), 200);
    const outcomes = await rows<{ session_id: string; view_id: string; played: number; ended: boolean; arm: string }>(
      'SELECT session_id, view_id, played_ms AS played, ended, arm FROM scored_views WHERE is_heard ORDER BY session_id',
    );
    const expected = views.acknowledged
      .map(({ sessionId, viewId, arm }) => ({ session_id: sessionId, view_id: viewId, played: 9000, ended: true, arm }))
      .sort((left, right) => (left.session_id < right.session_id ? -1 : 1));
    expect(outcomes.map((row) => ({ ...row, played: Number(row.played) }))).toEqual(expected);
    const [raw] = await rows<{ distinct: number }>('SELECT uniqExact(view_id, event_id) AS distinct FROM events');
    expect(Number(raw?.distinct)).toBe(views.acknowledged.reduce((sum, { events }) => sum + events, 0));
  });

  it('leaves the video playable from the first byte to the last', async () => {
    const { body } = await service.call<{ assets: Asset[] }>('GET', '/v1/assets');
    for (const asset of body.assets) {
      const manifest = await fetch(`${service.url}/v/${asset.id}/master.m3u8?sid=after`);
      const text = await manifest.text();
      const uris = text.split('\n').filter((line) => line.endsWith('index.m3u8'));
      expect(uris.length).toBeGreaterThanOrEqual(2);
      for (const uri of uris) {
        const playlistUrl = new URL(uri, manifest.url);
        const segments = (await (await fetch(playlistUrl)).text()).split('\n').filter((line) => line.endsWith('.m4s'));
        for (const segment of segments)
          expect((await fetch(new URL(segment, playlistUrl), { method: 'HEAD' })).status).toBe(200);
      }
    }
  });
});
