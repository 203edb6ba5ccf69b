import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { quantile } from 'simple-statistics';
import { startService, type TestService } from '../../test/fixtures/service.ts';
import { type Bench, type BenchResult, summarise } from '../report.ts';
import { type Clips, createClips, type Header } from './clips.ts';
import { sendUpload } from './send-upload.ts';
import { type Feed, openFeed, whenPlayable } from './when-playable.ts';

const run = promisify(execFile);

type Parts = { service: TestService; feed: Feed; clips: Clips; directory: string };

/** One upload: seconds from its acknowledged last byte (below 0: before it). */
type Measured = { playable: number; feed: number };

const PEER = 'one rung of the whole file, then publish';
/** A transfer slow enough that there is something to gain. */
const SLOW_SECONDS = 11;
/** A deleted asset's encoders are gone after this. */
const SETTLE_MS = 2_500;

/** From the last byte to the first two segments in a player's hands, through `nara serve`, beside whole-file transcoding. */
export const playable: Bench = async ({ quick }) => {
  const directory = await mkdtemp(join(tmpdir(), 'nara-playable-'));
  const service = await startService();
  const feed = await openFeed(service.url, service.key);
  const parts = { service, feed, clips: createClips(directory), directory };
  try {
    return [
      ...(await ordinarySources(parts, quick ? [5, 30] : [5, 30, 120, 600], quick ? 1 : 3)),
      ...(await largeSources(parts, quick ? 1 : 5)),
      ...(await fiveAtOnce(parts, quick ? 1 : 3)),
      ...(await slowTransfers(parts, quick ? 1 : 3)),
    ];
  } finally {
    feed.close();
    await service.stop();
    await rm(directory, { recursive: true, force: true });
  }
};

async function ordinarySources(parts: Parts, lengths: number[], rounds: number): Promise<BenchResult[]> {
  const all: Measured[] = [];
  const rows: BenchResult[] = [];
  for (const seconds of lengths) {
    const mine: Measured[] = [];
    const whole: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const header of ['last', 'first'] as Header[]) {
        mine.push(await uploadAndDelete(parts, await parts.clips.h264(seconds, header)));
      }
      if (round === 0) whole.push(await transcodeWhole(parts, await parts.clips.h264(seconds, 'last')));
    }
    const summary = summarise(mine.map((one) => one.playable));
    rows.push(beside({ metric: `1080p30 H.264 of ${seconds} s, p50`, unit: 's', ...summary }, summarise(whole).value));
    all.push(...mine);
  }
  const times = all.map((one) => one.playable);
  return [
    ...rows,
    judged('1080p30 H.264 of all lengths, p50', times, 0.5, 1),
    judged('1080p30 H.264 of all lengths, p95', times, 0.95, 2),
    { metric: 'the same until asset.changed is heard, p50', unit: 's', ...summarise(all.map((one) => one.feed)) },
  ];
}

async function largeSources(parts: Parts, rounds: number): Promise<BenchResult[]> {
  const clip = await parts.clips.hevc(12);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push((await uploadAndDelete(parts, clip)).playable);
  return [beside(judged('4K60 HEVC of 12 s, p95', times, 0.95, 5), await transcodeWhole(parts, clip))];
}

async function fiveAtOnce(parts: Parts, rounds: number): Promise<BenchResult[]> {
  const clip = await parts.clips.h264(30, 'last');
  const times: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const group = await Promise.all(Array.from({ length: 5 }, () => upload(parts, clip, null)));
    times.push(...group.map((one) => one.playable));
    await remove(parts, ...group.map((one) => one.assetId));
    if (round === 0) whole.push(...(await Promise.all(Array.from({ length: 5 }, () => transcodeWhole(parts, clip)))));
  }
  return [beside(judged('five of 30 s at once, p95', times, 0.95, 6), quantile(whole, 0.95))];
}

/** Positive is how long before the last byte it could be played. */
async function slowTransfers(parts: Parts, rounds: number): Promise<BenchResult[]> {
  const clip = await parts.clips.h264(30, 'first');
  const aheadSeconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const one = await upload(parts, clip, SLOW_SECONDS);
    aheadSeconds.push(-one.playable);
    await remove(parts, one.assetId);
  }
  const metric = `header first, ${SLOW_SECONDS} s of transfer: playable before its end by`;
  return [{ metric, unit: 's', ...summarise(aheadSeconds), target: '> 0 s, all', met: Math.min(...aheadSeconds) > 0 }];
}

async function uploadAndDelete(parts: Parts, clip: string): Promise<Measured> {
  const { assetId, ...measured } = await upload(parts, clip, null);
  await remove(parts, assetId);
  return measured;
}

async function upload({ service, feed }: Parts, clip: string, seconds: number | null) {
  const sending = await sendUpload(service, clip, seconds);
  const [acknowledgedAtMs, playableAtMs] = await Promise.all([
    sending.acknowledgedAtMs,
    whenPlayable(service.url, sending.assetId),
  ]);
  const heardAtMs = feed.playableAtMs(sending.assetId) ?? performance.now();
  const since = (atMs: number): number => (atMs - acknowledgedAtMs) / 1000;
  return { assetId: sending.assetId, playable: since(playableAtMs), feed: since(heardAtMs) };
}

/** What it leaves to encode would be in the way of the next. */
async function remove({ service }: Parts, ...assetIds: string[]): Promise<void> {
  await Promise.all(assetIds.map((assetId) => service.call('DELETE', `/v1/assets/${assetId}`)));
  await sleep(SETTLE_MS);
}

/** What transcoders do that publish finished renditions: seconds until the lowest one is. */
async function transcodeWhole({ directory }: Parts, clip: string): Promise<number> {
  const output = await mkdtemp(join(directory, 'whole-'));
  const beganAtMs = performance.now();
  const encode = ['-vf', 'scale=-2:240', '-c:v', 'libx264', '-preset', 'veryfast', '-b:v', '145k', '-c:a', 'aac'];
  const hls = ['-f', 'hls', '-hls_time', '2', '-hls_playlist_type', 'vod', join(output, 'index.m3u8')];
  await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', clip, ...encode, ...hls]);
  const seconds = (performance.now() - beganAtMs) / 1000;
  await rm(output, { recursive: true, force: true });
  return seconds;
}

function judged(metric: string, samples: number[], p: number, limitSeconds: number): BenchResult {
  const value = quantile(samples, p);
  const { spread } = summarise(samples);
  return { metric, unit: 's', value, spread, target: `≤ ${limitSeconds.toFixed(1)} s`, met: value <= limitSeconds };
}

const beside = (row: BenchResult, peerValue: number): BenchResult => ({
  ...row,
  peer: PEER,
  peerValue,
  ratio: row.value / peerValue,
});
