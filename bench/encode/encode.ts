import { join } from 'node:path';
import type { StoredRendition } from '../../src/domain/asset.ts';
import { readChunkPlan } from '../../src/media/chunk-documents.ts';
import { encodeChunk } from '../../src/media/encode-chunk.ts';
import { encodeFastLane } from '../../src/media/encode-fast-lane.ts';
import { encodeRemainder } from '../../src/media/encode-remainder.ts';
import type { EncodeSource } from '../../src/media/media-room.ts';
import { fastLaneJob } from '../../src/media/plan/fast-lane-job.ts';
import { type PlannedRendition, planRendition } from '../../src/media/plan/plan-renditions.ts';
import { remainderJob } from '../../src/media/plan/remainder-job.ts';
import { produceRemainder } from '../../src/media/produce-remainder.ts';
import { APPLE_REFERENCE } from '../apple-reference.ts';
import { type Bench, type BenchResult, summarise } from '../report.ts';
import { processPerRung, runPlainly, splitGraph } from './alternatives.ts';
import { cpuSeconds, peakMemoryMib } from './watch-children.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

/** Height and kbit/s, the fast lane's rung first: Apple's reference without the one no phone tells apart, and thinned out. */
const EIGHT_RUNGS: Ladder = APPLE_REFERENCE.slice(0, 8);
const LADDERS: readonly Ladder[] = [
  EIGHT_RUNGS.filter(([height]) => [234, 540, 1080].includes(height)),
  EIGHT_RUNGS.filter(([, kbps]) => [145, 365, 2000, 3000, 6000].includes(kbps)),
  EIGHT_RUNGS,
];
const LADDER_4K = [
  [234, 145],
  [540, 2000],
  [1080, 6000],
  [1440, 9000],
  [2160, 16_000],
] as const;
const MOST_AGAINST_SPLIT = 1.1;
const mostAgainstProcesses = (rungs: number): number => (rungs >= 5 ? 0.8 : 0.9);

const { signal } = new AbortController();

/** Processor time of an encode, its analysis apart, beside one bare split graph and one process per rung; memory; chunks. */
export const encode: Bench = async ({ quick }) => {
  const workshop = await openWorkshop();
  try {
    const source = await workshop.source({ name: 'hd', width: 1920, height: 1080, seconds: quick ? 3 : 4 });
    const results: BenchResult[] = [];
    for (const ladder of LADDERS) results.push(...(await compare(workshop, source, ladder, quick ? 1 : 3)));
    const uhd = await workshop.source({ name: 'uhd', width: 3840, height: 2160, seconds: quick ? 1 : 2 });
    results.push(await memory(workshop, source, EIGHT_RUNGS), await memory(workshop, uhd, LADDER_4K));
    if (!quick) results.push(...(await chunked(workshop)));
    return results;
  } finally {
    await workshop.close();
  }
};

type Rungs = { first: PlannedRendition; rest: PlannedRendition[] };
type Ladder = readonly (readonly [height: number, kbps: number])[];

function planRungs({ uploadKey, input }: EncodeSource, ladder: Ladder): Rungs {
  const [first, ...rest] = ladder.map(([height, bitrateKbps]) =>
    planRendition({ uploadKey, details: input.details }, { height, bitrateKbps, fps: 30 }, 1),
  );
  if (!first) throw new Error('a ladder must have a rung');
  return { first, rest };
}

async function compare(
  workshop: Workshop,
  source: EncodeSource,
  ladder: Ladder,
  rounds: number,
): Promise<BenchResult[]> {
  const { first, rest } = planRungs(source, ladder);
  const samples = { ours: [] as number[], split: [] as number[], processes: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    const directory = join(workshop.root, `${ladder.length}-${round}`);
    samples.ours.push(await cpuOf(() => encodeAs(workshop, source, `a_${ladder.length}-${round}`, { first, rest })));
    samples.split.push(
      await cpuOf(async () => {
        await runPlainly(directory, fastLaneJob(source.input, first));
        await runPlainly(directory, splitGraph(source.input, rest));
      }),
    );
    samples.processes.push(
      await cpuOf(async () => {
        for (const job of processPerRung(source.input, [first, ...rest])) await runPlainly(directory, job);
      }),
    );
  }
  const metric = `processor time, ${ladder.length} rungs of ${(source.input.details.durationMs / 1000).toFixed(0)} s in 1080p30, 17 Mbit/s`;
  const ours = { metric, unit: 's', ...summarise(samples.ours) };
  return [
    { ...ours, ...against('bare split graph + fast lane', ours.value, samples.split, MOST_AGAINST_SPLIT) },
    { ...ours, ...against('one process per rung', ours.value, samples.processes, mostAgainstProcesses(ladder.length)) },
  ];
}

function against(peer: string, value: number, samples: readonly number[], most: number) {
  const peerValue = summarise(samples).value;
  const ratio = value / peerValue;
  return { peer, peerValue, ratio, target: `≤ ${most} ×`, met: ratio <= most };
}

async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = await cpuSeconds();
  await work();
  return (await cpuSeconds()) - before;
}

/** As the workers do it, publishing included; of the same upload as another asset, so that nothing counts as done. */
async function encodeAs(
  { room }: Workshop,
  source: EncodeSource,
  assetId: string,
  rungs: Rungs,
): Promise<StoredRendition> {
  const asset = { ...source, assetId };
  const { rendition } = await encodeFastLane(room, asset, rungs.first, { signal, onPlayable: async () => {} });
  await encodeRemainder(room, asset, rungs.rest, { signal, complexityScale: 1 });
  return rendition;
}

/** Against what the slot that it runs in reckons with. */
async function memory(workshop: Workshop, source: EncodeSource, ladder: Ladder): Promise<BenchResult> {
  const rungs = planRungs(source, ladder);
  const { width, height } = source.input.details.source;
  const value = await peakMemoryMib(() => encodeAs(workshop, source, `${source.assetId}-memory`, rungs));
  const peerValue = (remainderJob(source.input, rungs.rest).load?.memoryBytes ?? 0) / 1024 ** 2;
  const metric = `peak memory of one ffmpeg, ${width}×${height} into ${ladder.length} rungs`;
  const ratio = value / peerValue;
  const beside = { peer: 'what its slot reckons with', peerValue, ratio, target: '≤ 1 ×', met: ratio <= 1 };
  return { metric, value, unit: 'MiB', spread: 0, ...beside };
}

const CHUNKED_SECONDS = 130;
const WORKERS = 2;

/** The remainder of a longer video by two workers, a chunk each at a time, beside one worker in one piece. */
async function chunked(workshop: Workshop): Promise<BenchResult[]> {
  const { room } = workshop;
  const source = await workshop.source({ name: 'long', width: 640, height: 360, seconds: CHUNKED_SECONDS });
  const { first, rest } = planRungs(source, LADDERS[0] ?? []);
  const { rendition } = await encodeFastLane(room, source, first, { signal, onPlayable: async () => {} });
  const options = { first: rendition, complexityScale: 1, signal };
  const piece = await costOf(() => encodeRemainder(room, { ...source, assetId: 'a_piece' }, rest, options));
  const chunks = await costOf(async () => {
    const cut = await produceRemainder(room, source, rest, options);
    if (cut.kind !== 'in-chunks') throw new Error(`expected chunks (got ${cut.kind})`);
    const { planId } = cut;
    const plan = await readChunkPlan(room.store, source.assetId, planId);
    const waiting = [...(plan?.chunks ?? [])];
    const work = async (): Promise<void> => {
      for (let chunk = waiting.shift(); plan && chunk; chunk = waiting.shift()) {
        await encodeChunk(room, source, { planId, plan, chunk }, signal);
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
    await produceRemainder(room, source, rest, options);
  });
  const peer = 'in one piece by one';
  const what = `${CHUNKED_SECONDS} s of 360p in chunks by ${WORKERS} workers`;
  return [
    {
      metric: `${what}: processor time`,
      unit: 's',
      spread: 0,
      value: chunks.cpu,
      peer,
      peerValue: piece.cpu,
      ratio: chunks.cpu / piece.cpu,
    },
    {
      metric: `${what}: until done`,
      unit: 's',
      spread: 0,
      value: chunks.wall,
      peer,
      peerValue: piece.wall,
      ratio: chunks.wall / piece.wall,
    },
  ];
}

async function costOf(work: () => Promise<unknown>): Promise<{ cpu: number; wall: number }> {
  const startedMs = performance.now();
  const cpu = await cpuOf(work);
  return { cpu, wall: (performance.now() - startedMs) / 1000 };
}
