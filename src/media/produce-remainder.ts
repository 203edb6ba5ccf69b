import type { StoredRendition } from '../domain/asset.ts';
import { areChunksRefused, type ChunkPlan, settleChunkPlan } from './chunk-documents.ts';
import { encodeRemainder } from './encode-remainder.ts';
import { readDone } from './finished-tracks.ts';
import { joinChunks } from './join-chunks.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import { chunkPlanId, planChunks } from './plan/chunks.ts';
import { gopSeconds } from './plan/frame-rate.ts';
import type { PlannedRendition } from './plan/plan-renditions.ts';
import type { SourceDetails } from './plan/source-details.ts';

/** `in-chunks`: it is a long one, and these chunks of it are still to be made, by whoever has a slot. */
export type Remainder =
  | { kind: 'encoded'; renditions: StoredRendition[] }
  | { kind: 'in-chunks'; planId: string; chunks: number[] };

type Options = {
  /** The rung that was made in one piece: every other one is cut by its segments. */
  first: StoredRendition;
  complexityScale: number;
  signal: AbortSignal;
  onProgress?: (seconds: number) => void;
};

/** Containers that know where their keyframes are. */
const INDEXED = ['mp4', 'matroska'];

/** Whether a seek lands where it says. */
export const seeksExactly = ({ container }: SourceDetails): boolean =>
  container.split(',').some((name) => INDEXED.includes(name));

/**
 * The planned renditions, in the order planned: of a short source encoded here and now, of a long one joined from its chunks once
 * they are all there. Throws `FfmpegError`, or `unreadable-output` when a rendition came out empty.
 */
export async function produceRemainder(
  room: MediaRoom,
  source: EncodeSource,
  planned: readonly PlannedRendition[],
  options: Options,
): Promise<Remainder> {
  const { store } = room;
  const done = await Promise.all(planned.map(({ id }) => readDone(store, source.assetId, id)));
  const missing = planned.filter((_, index) => !done[index]?.rendition);
  const cut = missing.length === 0 ? null : cutSource(source, planned, missing, options.first);
  if (cut && !(await areChunksRefused(store, source.assetId))) {
    const plan = await settleChunkPlan(store, source.assetId, cut.planId, cut.plan);
    const joined = await joinChunks(store, source.assetId, { ...cut, plan }, options.complexityScale);
    if (joined.kind === 'missing') return { kind: 'in-chunks', planId: cut.planId, chunks: joined.chunks };
  }
  return { kind: 'encoded', renditions: await encodeRemainder(room, source, planned, options) };
}

function cutSource(
  { input }: EncodeSource,
  planned: readonly PlannedRendition[],
  missing: readonly PlannedRendition[],
  { segments }: StoredRendition,
): { planId: string; plan: ChunkPlan } | null {
  if (!seeksExactly(input.details)) return null;
  const chunks = planChunks(segments, gopSeconds(input.details.source.fps));
  if (chunks.length === 0) return null;
  const planId = chunkPlanId(
    planned.map(({ id }) => id),
    chunks,
  );
  const segmentMs = segments.map(({ durationMs }) => durationMs);
  return { planId, plan: { renditions: [...missing], chunks, segmentMs } };
}
