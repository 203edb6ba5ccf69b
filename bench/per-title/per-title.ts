import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { mean } from 'simple-statistics';
import type { StoredRendition } from '../../src/domain/asset.ts';
import { settleAnalysis } from '../../src/media/analyse-title.ts';
import { compareWindow } from '../../src/media/compare-window.ts';
import { encodeFastLane } from '../../src/media/encode-fast-lane.ts';
import { encodeRemainder } from '../../src/media/encode-remainder.ts';
import { segmentName, trackPrefix } from '../../src/media/finished-tracks.ts';
import type { MediaRoom } from '../../src/media/media-room.ts';
import type { FfmpegJob } from '../../src/media/plan/ffmpeg-job.ts';
import { fastLaneRung, isFastLaneFar, planRendition } from '../../src/media/plan/plan-renditions.ts';
import { qualityMetric, qualityPoints } from '../../src/media/plan/quality-metric.ts';
import { planTitle } from '../../src/media/plan-title.ts';
import { type Bench, type BenchResult, summarise } from '../report.ts';
import { bdRate, type RatePoint } from './bd-rate.ts';
import { appleLadder, byPresetAlone, cappedAtTable, fixedLadder, tableRungs } from './ladders.ts';
import { openPlan } from './open-plan.ts';
import { childSeconds, openTitle, type TitleRoom } from './title-room.ts';

const CLIPS = fileURLToPath(new URL('../../../shared/media/', import.meta.url));

/** Those whose curves or results were looked at while the analysis was built, and those that were not. */
const SEEN = [
  'camera-friday.mp4',
  'camera-flower.mp4',
  'bbb-480p-30s.mp4',
  'mov-1080p50-pcm.mov',
  'webcam-noaudio.mkv',
  'legacy.avi',
  'sar-2x1.mp4',
];
const UNSEEN = ['cursed-vfr-3026x1386.mp4'];
const QUICK = ['camera-flower.mp4', 'webcam-noaudio.mkv', 'sar-2x1.mp4'];

const MAX_WINDOWS = 6;
/** Shorter ones are a single segment: what was sampled is all there is, and other ladders have no time to settle on a bitrate. */
const LONG_ENOUGH_MS = 4_000;
/** Of the encode, for sources of two minutes and more. */
const MAX_ANALYSIS_SHARE = 0.25;
const { signal } = new AbortController();

/** Ladders chosen per title beside one table for all and Apple's: bitrate for equal quality, and what finding out costs. */
export const perTitle: Bench = async ({ quick }) => {
  const clips = (quick ? QUICK : [...SEEN, ...UNSEEN]).filter((clip) => existsSync(join(CLIPS, clip)));
  if (clips.length === 0) throw new Error(`no real clips in ${CLIPS}`);
  const titles: Title[] = [];
  for (const clip of clips) titles.push(await measureTitle(clip));
  const sets = [
    { name: 'all clips', of: titles },
    { name: 'clips of four seconds and more', of: titles.filter(({ durationMs }) => durationMs >= LONG_ENOUGH_MS) },
    { name: 'clips not seen while building', of: titles.filter(({ clip }) => UNSEEN.includes(clip)) },
  ];
  return [
    ...titles.flatMap(perClip),
    ...sets
      .filter(({ of }) => of.length > 0)
      .flatMap(({ name, of }) => [
        averaged(
          name,
          of.map(({ fixed }) => fixed),
          'a fixed ladder with capped CRF, same encoder settings',
          -10,
        ),
        averaged(
          name,
          of.map(({ plain }) => plain),
          'the same by `veryfast` alone, as tutorials give it',
          -10,
        ),
        averaged(
          name,
          of.map(({ apple }) => apple),
          "Apple's reference bitrates",
          -20,
        ),
      ]),
    aimed(titles.flatMap(({ aim }) => aim)),
    ...titles.map(analysisCost),
    ...(quick ? [] : [await measureLong()]),
  ];
};

type Deltas = { phone: number; desktop: number };
type Title = {
  clip: string;
  durationMs: number;
  fixed: Deltas | null;
  plain: Deltas | null;
  apple: Deltas | null;
  seconds: { analysis: number; encode: number; fixed: number };
  /** Measured ÷ target bitrate of every rung made by what the analysis said. */
  aim: number[];
};

async function measureTitle(clip: string): Promise<Title> {
  const title = await openTitle(join(CLIPS, clip));
  try {
    const { source, room } = title;
    const identity = { uploadKey: source.uploadKey, details: source.input.details };
    const { ours, seconds } = await encodeOurs(title);
    const before = await childSeconds();
    const options = { signal, complexityScale: 1 };
    // Their caps are the table's bitrates.
    const fixed = await encodeRemainder(changed(room, cappedAtTable), source, fixedLadder(identity), options);
    const fixedSeconds = (await childSeconds()) - before;
    const plainly = changed(room, (job) => byPresetAlone(cappedAtTable(job)));
    const plainLadder = fixedLadder(identity).map((planned) => ({ ...planned, id: `${planned.id}-plain` }));
    const plain = await encodeRemainder(plainly, source, plainLadder, options);
    const apple = await encodeRemainder(room, source, appleLadder(identity), options);
    const points = await judge(title, [ours, fixed, plain, apple]);
    const against = (other: Ladder | undefined): Deltas | null => {
      const [phone, desktop] = (['phone', 'desktop'] as const).map((screen) =>
        bdRate(points[0]?.[screen] ?? [], other?.[screen] ?? []),
      );
      return phone == null || desktop == null ? null : { phone, desktop };
    };
    const aim = ours.flatMap(({ crf, bitrateKbps, targetKbps }) =>
      crf === undefined ? [] : [bitrateKbps / targetKbps],
    );
    return {
      clip,
      durationMs: source.input.details.durationMs,
      aim,
      fixed: against(points[1]),
      plain: against(points[2]),
      apple: against(points[3]),
      seconds: { ...seconds, fixed: fixedSeconds },
    };
  } finally {
    await title.close();
  }
}

/** A room whose encodes are changed before they run. */
const changed = (room: MediaRoom, change: (job: FfmpegJob) => FfmpegJob): MediaRoom => ({
  ...room,
  ffmpeg: { ...room.ffmpeg, run: (job, options) => room.ffmpeg.run(change(job), options) },
});

/** As an upload goes: first rung, analysis, the rest. */
async function encodeOurs({ room, source }: TitleRoom) {
  const identity = { uploadKey: source.uploadKey, details: source.input.details };
  const plan = openPlan(tableRungs(identity.details.source));
  const start = await childSeconds();
  const planned = planRendition(identity, fastLaneRung(plan), 1);
  const { rendition: first } = await encodeFastLane(room, source, planned, { signal, onPlayable: async () => {} });
  const lane = (await childSeconds()) - start;
  await settleAnalysis(room, source, { rungs: plan.rungs, first }, signal);
  const analysed = (await childSeconds()) - start - lane;
  // With a source that is served as it is copied, not encoded.
  const { renditions, complexityScale } = await planTitle(room, source, { plan, first }, signal);
  const rest = await encodeRemainder(room, source, renditions, { signal, complexityScale });
  const all = (await childSeconds()) - start;
  const ours = isFastLaneFar(complexityScale) ? rest : [first, ...rest];
  return { ours, seconds: { analysis: analysed, encode: all - analysed } };
}

type Ladder = { phone: RatePoint[]; desktop: RatePoint[] };

/** Every rendition of every ladder against the source, in up to six windows over the whole clip. */
async function judge({ room, source }: TitleRoom, ladders: readonly StoredRendition[][]): Promise<Ladder[]> {
  const renditions = ladders.flat();
  const segments = renditions[0]?.segments ?? [];
  const step = Math.ceil(segments.length / MAX_WINDOWS);
  const rows: { phone: number; desktop: number }[][] = [];
  const directory = await mkdtemp(join(tmpdir(), 'nara-judge-'));
  try {
    for (let index = Math.floor(step / 2); index < segments.length; index += step) {
      const row = await compareSegment(room, source, renditions, index, directory);
      if (row) rows.push(row);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  const pointsOf = (rendition: StoredRendition, screen: 'phone' | 'desktop'): RatePoint => {
    const at = renditions.indexOf(rendition);
    const alike = mean(rows.map((row) => row[at]?.[screen] ?? 0));
    return { kbps: rendition.bitrateKbps, points: qualityPoints(qualityMetric(source.input.capabilities), alike) };
  };
  return ladders.map((ladder) => ({
    phone: ladder.map((rendition) => pointsOf(rendition, 'phone')),
    desktop: ladder.map((rendition) => pointsOf(rendition, 'desktop')),
  }));
}

/** Null where the source shows nothing, as at the end of one whose last picture stands still. */
async function compareSegment(
  room: MediaRoom,
  source: TitleRoom['source'],
  renditions: readonly StoredRendition[],
  segmentIndex: number,
  directory: string,
) {
  const files = await Promise.all(
    renditions.map(async ({ id, fps }, index) => {
      const prefix = room.store.localPath(trackPrefix(source.assetId, id)) ?? '';
      const parts = await Promise.all(
        ['init.mp4', segmentName(segmentIndex)].map((name) => readFile(join(prefix, name))),
      );
      await writeFile(join(directory, `${index}.mp4`), Buffer.concat(parts));
      return { path: `${index}.mp4`, fps };
    }),
  );
  const durations = renditions[0]?.segments.map(({ durationMs }) => durationMs / 1000) ?? [];
  const startSeconds = durations.slice(0, segmentIndex).reduce((sum, seconds) => sum + seconds, 0);
  const window = { segmentIndex, startSeconds, seconds: durations[segmentIndex] ?? 0 };
  return compareWindow(room, source, window, files, { signal, directory });
}

const percent = (deltas: Deltas): number => 50 * (deltas.phone + deltas.desktop);

function perClip({ clip, fixed, plain, apple }: Title): BenchResult[] {
  const row = (deltas: Deltas | null, peer: string): BenchResult[] =>
    deltas === null
      ? []
      : [
          {
            metric: `${clip}: BD-rate against ${peer}, mean of phone (${(100 * deltas.phone).toFixed(1)}) and desktop (${(100 * deltas.desktop).toFixed(1)})`,
            value: percent(deltas),
            unit: '%',
            spread: 0,
          },
        ];
  return [...row(fixed, 'fixed'), ...row(plain, 'fixed, `veryfast` alone'), ...row(apple, 'Apple')];
}

function averaged(set: string, deltas: readonly (Deltas | null)[], peer: string, limit: number): BenchResult {
  const values = deltas.flatMap((delta) => (delta === null ? [] : [percent(delta)]));
  // A clip that one transparent rung is enough for shares no range of quality with other ladders.
  const value = values.length === 0 ? Number.NaN : mean(values);
  return {
    metric: `${set} (${values.length} of ${deltas.length} comparable): mean BD-rate against ${peer}`,
    value,
    unit: '%',
    spread: values.length === 0 ? Number.NaN : summarise(values).spread,
    target: `≤ ${limit} %`,
    met: value <= limit,
  };
}

function aimed(ratios: readonly number[]): BenchResult {
  const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  return { metric: `measured ÷ target bitrate of ${ratios.length} rungs, ${range}`, unit: '', ...summarise(ratios) };
}

function analysisCost({ clip, seconds }: Pick<Title, 'clip' | 'seconds'>): BenchResult {
  return {
    metric: `${clip}: processor time of the analysis`,
    value: seconds.analysis,
    unit: 's',
    spread: 0,
    peer: `its encode (the fixed ladder: ${seconds.fixed.toFixed(1)} s)`,
    peerValue: seconds.encode,
    ratio: seconds.analysis / seconds.encode,
  };
}

/** Two minutes of the clip that is cheapest to encode by the second, where the analysis weighs most. */
async function measureLong(): Promise<BenchResult> {
  const directory = await mkdtemp(join(tmpdir(), 'nara-long-'));
  try {
    const clip = join(directory, 'long.mp4');
    const loop = ['-stream_loop', '3', '-i', join(CLIPS, 'bbb-480p-30s.mp4'), '-c', 'copy', clip];
    await promisify(execFile)('ffmpeg', ['-v', 'error', '-nostdin', ...loop]);
    const title = await openTitle(clip);
    try {
      const { seconds } = await encodeOurs(title);
      const ratio = seconds.analysis / seconds.encode;
      return {
        ...analysisCost({
          clip: 'bbb-480p-30s.mp4 four times, 2 min',
          seconds: { ...seconds, fixed: Number.NaN },
        }),
        peer: 'its encode',
        target: `ratio ≤ ${MAX_ANALYSIS_SHARE}`,
        met: ratio <= MAX_ANALYSIS_SHARE,
      };
    } finally {
      await title.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
