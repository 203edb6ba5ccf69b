import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Upload } from 'tus-js-client';
import { type Stack, startStack } from '../../src/commands/demo/start-stack.ts';
import type { Asset } from '../../src/domain/index.ts';
import { startHost } from './host-process.ts';
import { playsFrom } from './plays-from.ts';
import { type Stage, type UploadTimes, urlOf } from './stage.ts';

const POLL_MS = 250;
const COMPLETE_WITHIN_MS = 600_000;

/** The host application with NARA beside it, run as `environmentFor` says where the host answers. */
export async function stageNara(
  directory: string,
  published: string,
  environmentFor: (hostUrl: string) => Record<string, string>,
): Promise<Stage> {
  const host = await startHost(directory);
  const environment = environmentFor(urlOf(host.reply.port));
  const before = Object.fromEntries(Object.keys(environment).map((name) => [name, process.env[name] ?? '']));
  Object.assign(process.env, environment);
  const stack = await startStack({ directory, signal: new AbortController().signal });
  Object.assign(process.env, before);
  const first = await send(stack, stack.url, published, 'host');
  await complete(stack, first);
  const token = await mintFeedToken(stack);
  return {
    services: { host: host.reply.port, video: Number(new URL(stack.url).port) },
    crowd: ({ host: hostPort, video }) => ({
      hostUrl: urlOf(hostPort),
      masterUrl: `${urlOf(video)}/v/${first}/master.m3u8`,
      room: { url: `${urlOf(video)}/v1/feed`, token },
    }),
    async upload(clip, owner, ports) {
      const startedAtMs = Date.now();
      const assetId = await send(stack, urlOf(ports.video), clip, owner);
      const times = await complete(stack, assetId);
      return { startedAtMs, ...times, playable: await playsFrom(`${stack.url}/v/${assetId}/master.m3u8`) };
    },
    async stop() {
      await stack.stop();
      await host.stop();
    },
  };
}

/** Over tus, as its clients do by default: the whole file in one request. The id of the asset it becomes. */
async function send({ key }: Stack, over: string, path: string, owner: string): Promise<string> {
  const uploadSize = (await stat(path)).size;
  const headers = { authorization: `Bearer ${key}` };
  return new Promise((resolve, reject) => {
    let assetId = '';
    new Upload(createReadStream(path), {
      endpoint: `${over}/v1/uploads`,
      headers,
      metadata: { filename: 'holiday.mp4', owner },
      uploadSize,
      retryDelays: [200, 1000, 3000],
      onAfterResponse: (_request, response) => {
        assetId = response.getHeader('NARA-Asset-Id') ?? assetId;
      },
      onError: reject,
      onSuccess: () => resolve(assetId),
    }).start();
  });
}

async function complete({ url, key }: Stack, assetId: string): Promise<Omit<UploadTimes, 'startedAtMs'>> {
  const deadline = Date.now() + COMPLETE_WITHIN_MS;
  for (;;) {
    const response = await fetch(new URL(`/v1/assets/${assetId}`, url), {
      headers: { authorization: `Bearer ${key}` },
    });
    const { state, availability, timings, error } = (await response.json()) as Asset;
    if (availability === 'complete' || availability === 'upgraded') {
      return {
        uploadedAtMs: Date.parse(timings.uploadedAt ?? ''),
        playableAtMs: Date.parse(timings.playableAt ?? ''),
        completeAtMs: Date.parse(timings.completeAt ?? ''),
      };
    }
    if (state === 'failed' || error) throw new Error(`asset ${assetId} failed: ${error?.message}`);
    if (Date.now() > deadline) throw new Error(`asset ${assetId} is still ${state} after ${COMPLETE_WITHIN_MS} ms`);
    await sleep(POLL_MS);
  }
}

async function mintFeedToken({ url, key }: Stack): Promise<string> {
  const response = await fetch(new URL('/v1/feed/tokens', url), {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ topics: ['channel:first-beta'], user: 'crowd' }),
  });
  return ((await response.json()) as { token: string }).token;
}
