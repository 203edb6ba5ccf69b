import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { StoredRendition } from '../../src/domain/asset.ts';
import { settleAnalysis } from '../../src/media/analyse-title.ts';
import { createAssetStore } from '../../src/media/asset-store.ts';
import { compareWindow, type Likeness } from '../../src/media/compare-window.ts';
import { encodeFastLane } from '../../src/media/encode-fast-lane.ts';
import { encodeRemainder } from '../../src/media/encode-remainder.ts';
import { encodeUpgrade } from '../../src/media/encode-upgrade.ts';
import { readPlayableSegment, trackPrefix } from '../../src/media/finished-tracks.ts';
import { measureQuality } from '../../src/media/measure-quality.ts';
import { av1Twin } from '../../src/media/plan/codec-trial.ts';
import { titleRenditions } from '../../src/media/plan/per-title/title-renditions.ts';
import { fastLaneRung, planRendition } from '../../src/media/plan/plan-renditions.ts';
import { qualityMetric, qualityPoints } from '../../src/media/plan/quality-metric.ts';
import { upgradeRenditions } from '../../src/media/plan/upgrade-renditions.ts';
import { savedShare, twinsOf } from '../../src/policy/codec-twins.ts';
import { defaultConfig } from '../../src/policy/ladder-families.ts';
import type { TranscodePorts } from '../../src/workers/transcode-ports.ts';
import { runUpgrade } from '../../src/workers/upgrade/run-upgrade.ts';
import { hostedAsset } from '../../test/fixtures/assets.ts';
import { bdRate, type RatePoint } from '../per-title/bd-rate.ts';
import { openPlan } from '../per-title/open-plan.ts';
import { childSeconds, openTitle, type TitleRoom } from '../per-title/title-room.ts';
import type { Bench, BenchResult } from '../report.ts';

const run = promisify(execFile);
const CLIPS = fileURLToPath(new URL('../../../shared/media/', import.meta.url));
const TITLES = ['camera-friday.mp4', 'camera-flower.mp4', 'bbb-480p-30s.mp4'];
const QUICK = ['camera-flower.mp4'];
/** Beyond, the other titles tell more. */
const MAX_SECONDS = 8;
/** What the trial of a title of this length costs beside its encode. */
const LONG_SECONDS = 120;
const { signal } = new AbortController();
const options = { signal, complexityScale: 1 };

/** A title's rungs in AV1 beside the same in H.264, as first made and as an upgrade remakes them: bytes for equal quality, and processor time. */
export const av1: Bench = async ({ quick }) => {
  const clips = (quick ? QUICK : TITLES).filter((clip) => existsSync(join(CLIPS, clip)));
  if (clips.length === 0) throw new Error(`no real clips in ${CLIPS}`);
  const results: BenchResult[] = [];
  for (const clip of clips) results.push(...(await measureClip(clip)));
  return results;
};

async function measureClip(clip: string): Promise<BenchResult[]> {
  const directory = await mkdtemp(join(tmpdir(), 'nara-bench-av1-'));
  const short = join(directory, clip);
  await run('ffmpeg', ['-v', 'error', '-i', join(CLIPS, clip), '-t', String(MAX_SECONDS), '-c', 'copy', short]);
  const title = await openTitle(short);
  try {
    return await measureTitle(clip, title);
  } finally {
    await title.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureTitle(clip: string, title: TitleRoom): Promise<BenchResult[]> {
  const { room, source } = title;
  const identity = { uploadKey: source.uploadKey, details: source.input.details };
  const fast = await measureQuality(room, source, await encodeH264(title), signal);
  // Each in a process of its own, as upgrades are, so that the times can be compared.
  const alone = fast.map((rung) => ({ ...av1Twin(identity, rung, rung.crf ?? 0), id: `${rung.id}-alone` }));
  const fastSeconds = await secondsOf(() =>
    makeAll(
      title,
      alone.map(({ codec: _codec, preset: _preset, crf, ...planned }) => (crf ? { ...planned, crf } : planned)),
    ),
  );
  let slow: StoredRendition[] = [];
  const slowSeconds = await secondsOf(async () => {
    const again = upgradeRenditions(identity, fast, [], 1).map(({ planned }) => planned);
    slow = await makeAll(title, again);
  });
  const { twins, encodeSeconds: twinSeconds, findingSeconds } = await upgrade(title, fast);
  const pairs = fast.map((rung, index) => ({ kbps: twins[index]?.bitrateKbps ?? 0, insteadOfKbps: rung.bitrateKbps }));
  const [inFast = [], inSlow = [], inAv1 = []] = await judge(title, [fast, slow, twins]);
  const durationSeconds = source.input.details.durationMs / 1000;
  const least = Math.min(...inAv1.map(({ points }, index) => points - (inFast[index]?.points ?? 0)));
  return [
    {
      metric: `${clip}: bytes of AV1 for equal quality (BD-rate), ${fast.length} rungs against x264 veryfast`,
      value: percent(bdRate(inAv1, inFast)),
      unit: '%',
      spread: 0,
      target: '≤ −10',
      met: percent(bdRate(inAv1, inFast)) <= -10,
    },
    plain(`${clip}: the same against x264 slow`, percent(bdRate(inAv1, inSlow)), '%'),
    plain(`${clip}: the twins as made, bytes`, -100 * savedShare(pairs), '%'),
    {
      ...plain(`${clip}: the twin that lost most quality, over the whole clip`, least, 'points'),
      target: '≥ −1',
      met: least >= -1,
    },
    compared(`${clip}: processor time of AV1's encodes`, twinSeconds, 'x264 veryfast', fastSeconds),
    compared(`${clip}: processor time of AV1's encodes`, twinSeconds, 'x264 slow', slowSeconds),
    plain(
      `${clip}: trying and judging beside the encodes of ${LONG_SECONDS} s of it`,
      (100 * findingSeconds * durationSeconds) / (LONG_SECONDS * twinSeconds),
      '%',
    ),
  ];
}

/** As the upgrade queue does it: the twins by rung, and what encoding them and finding out how took. */
async function upgrade({ room, source }: TitleRoom, rungs: readonly StoredRendition[]) {
  const { assetId: id, uploadKey, input } = source;
  const assets = createAssetStore(room.store);
  const { durationMs } = input.details;
  await assets.create(
    hostedAsset({ id, uploadKey, durationMs, plan: openPlan(baselineRungs()), renditions: [...rungs] }),
  );
  let encodeSeconds = 0;
  const run: typeof room.ffmpeg.run = async (job, options) => {
    const seconds = await secondsOf(() => room.ffmpeg.run(job, options));
    if (job.name === 'upgrade') encodeSeconds += seconds;
  };
  const ports: TranscodePorts = {
    media: { ...room, ffmpeg: { ...room.ffmpeg, run } },
    assets,
    planEncode: () => Promise.reject(new Error('nothing is planned here')),
    announce: async () => {},
    clock: { nowMs: () => Date.now() },
  };
  const job = { assetId: id, slower: false, missing: [], av1: true };
  const allSeconds = await secondsOf(async () => {
    const outcome = await runUpgrade(ports, job, async () => true, signal);
    if (outcome.kind !== 'upgraded') throw new Error(`${id}: ${JSON.stringify(outcome)}`);
  });
  const found = twinsOf((await assets.read(id))?.renditions ?? [], 'av1');
  const twins = rungs.flatMap((rung) => found.get(rung.id) ?? []);
  return { twins, encodeSeconds, findingSeconds: allSeconds - encodeSeconds };
}

const baselineRungs = () => defaultConfig({ createdAt: '' }).arms.find((arm) => arm.baseline)?.rungs ?? [];

/** As an upload is encoded. */
async function encodeH264({ room, source }: TitleRoom): Promise<StoredRendition[]> {
  const identity = { uploadKey: source.uploadKey, details: source.input.details };
  const { width, height } = identity.details.source;
  const plan = openPlan(baselineRungs().filter((rung) => rung.height <= Math.min(width, height)));
  const planned = planRendition(identity, fastLaneRung(plan), 1);
  const { rendition: first } = await encodeFastLane(room, source, planned, { signal, onPlayable: async () => {} });
  const analysis = await settleAnalysis(room, source, { rungs: plan.rungs, first }, signal);
  const { renditions, complexityScale } = titleRenditions(identity, plan, analysis);
  return encodeRemainder(room, source, renditions, { signal, complexityScale });
}

type Planned = Parameters<typeof encodeUpgrade>[2];

async function makeAll({ room, source }: TitleRoom, planned: readonly Planned[]): Promise<StoredRendition[]> {
  const made: StoredRendition[] = [];
  for (const each of planned) made.push(await encodeUpgrade(room, source, each, options));
  return made;
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const before = await childSeconds();
  await work();
  return (await childSeconds()) - before;
}

/** Every rendition against the source over all its segments, each by its length: more than the places that its quality was chosen in. */
async function judge({ room, source }: TitleRoom, ladders: readonly StoredRendition[][]): Promise<RatePoint[][]> {
  const renditions = ladders.flat();
  const directory = await mkdtemp(join(tmpdir(), 'nara-judge-'));
  const rows: { seconds: number; row: Likeness[] }[] = [];
  try {
    let startSeconds = 0;
    for (const [segmentIndex, { durationMs }] of (renditions[0]?.segments ?? []).entries()) {
      const window = { segmentIndex, startSeconds, seconds: durationMs / 1000 };
      const files = renditions.map(({ fps }, index) => ({ path: `${index}.mp4`, fps }));
      for (const [index, { id }] of renditions.entries()) {
        const segment = await readPlayableSegment(room.store, trackPrefix(source.assetId, id), segmentIndex);
        await writeFile(join(directory, `${index}.mp4`), segment);
      }
      const row = await compareWindow(room, source, window, files, { signal, directory });
      if (row) rows.push({ seconds: window.seconds, row });
      startSeconds += durationMs / 1000;
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  const metric = qualityMetric(source.input.capabilities);
  const shown = rows.reduce((sum, { seconds }) => sum + seconds, 0);
  const pointsOf = (at: number): number => {
    const sum = rows.reduce((total, { seconds, row }) => total + seconds * (row[at]?.desktop ?? 0), 0);
    return qualityPoints(metric, sum / shown);
  };
  return ladders.map((ladder) =>
    ladder.map((rendition) => ({ kbps: rendition.bitrateKbps, points: pointsOf(renditions.indexOf(rendition)) })),
  );
}

const percent = (share: number | null): number => 100 * (share ?? Number.NaN);

const plain = (metric: string, value: number, unit: string): BenchResult => ({ metric, value, unit, spread: 0 });

const compared = (metric: string, value: number, peer: string, peerValue: number): BenchResult => ({
  ...plain(metric, value, 's'),
  peer,
  peerValue,
  ratio: value / peerValue,
});
