import { z } from 'zod';
import { renditionIdSchema } from '../domain/ids.ts';
import { assetPrefix } from './asset-store.ts';
import { segmentName, trackPrefix } from './finished-tracks.ts';
import type { MediaStore } from './media-store.ts';

// Lifecycle of a chunked encode, all in the store: `plan.json` once, exclusively; a marker per chunk, written after all its
// segments; `refused.json` when a chunk did not fit, after which the asset is encoded in one piece. Removed with the last step.

type Documents = Pick<MediaStore, 'read' | 'size'>;

// Loose: whatever else a rendition is planned with has to reach the encoder.
const plannedSchema = z.looseObject({
  id: renditionIdSchema,
  size: z.object({ width: z.int().positive(), height: z.int().positive() }),
  fps: z.number().positive(),
  targetKbps: z.number().positive(),
  crf: z.number().exactOptional(),
  gopSeconds: z.number().positive(),
});

const chunkPlanSchema = z.object({
  renditions: z.array(plannedSchema).min(1),
  chunks: z
    .array(z.object({ index: z.int().min(0), firstSegment: z.int().min(0), segmentCount: z.int().positive() }))
    .min(2),
  /** The segments every rung must come out with: those of the first rung, which was made in one piece. */
  segmentMs: z.array(z.number().positive()),
});
/** What is cut how: everything a worker needs beside the source. */
export type ChunkPlan = z.infer<typeof chunkPlanSchema>;

const markerSchema = z.object({
  tracks: z.array(
    z.object({
      id: renditionIdSchema,
      /** Over its segments in order. */
      sha256: z.string().length(64),
      segments: z
        .array(
          z.object({
            durationMs: z.number().positive(),
            bytes: z.int().positive(),
            keyframe: z.object({ offset: z.int().min(0), bytes: z.int().positive() }).nullable(),
          }),
        )
        .min(1),
    }),
  ),
});
/** One finished chunk: what its segments are, for every rendition of the plan. */
export type ChunkMarker = z.infer<typeof markerSchema>;

const chunksPrefix = (assetId: string): string => `${assetPrefix(assetId)}/chunks`;
const planKey = (assetId: string, planId: string): string => `${chunksPrefix(assetId)}/${planId}/plan.json`;
const markerKey = (assetId: string, planId: string, index: number): string =>
  `${chunksPrefix(assetId)}/${planId}/${String(index).padStart(5, '0')}.json`;
const refusalKey = (assetId: string): string => `${chunksPrefix(assetId)}/refused.json`;

/** Null when there is no such plan (any more). */
export async function readChunkPlan(store: Documents, assetId: string, planId: string): Promise<ChunkPlan | null> {
  return parse(chunkPlanSchema, await store.read(planKey(assetId, planId)));
}

/** The plan that stands under this id: of any number of workers the first to write it decides. */
export async function settleChunkPlan(
  store: Pick<MediaStore, 'read' | 'createExclusive'> & Documents,
  assetId: string,
  planId: string,
  plan: ChunkPlan,
): Promise<ChunkPlan> {
  await store.createExclusive(planKey(assetId, planId), serialise(plan));
  return (await readChunkPlan(store, assetId, planId)) ?? plan;
}

/** A chunk as finished; null when it is not, or its files are not what its marker says. */
export async function readChunk(
  store: Documents,
  assetId: string,
  planId: string,
  chunk: { index: number; firstSegment: number },
): Promise<ChunkMarker | null> {
  const marker = parse(markerSchema, await store.read(markerKey(assetId, planId, chunk.index)));
  if (!marker) return null;
  const intact = await Promise.all(
    marker.tracks.flatMap(({ id, segments }) => [
      store.size(`${trackPrefix(assetId, id)}/init.mp4`).then((size) => size !== null),
      ...segments.map(async ({ bytes }, index) => {
        const key = `${trackPrefix(assetId, id)}/${segmentName(chunk.firstSegment + index)}`;
        return (await store.size(key)) === bytes;
      }),
    ]),
  );
  return intact.every(Boolean) ? marker : null;
}

/** Marks a chunk as finished; its segments are in the store by then. */
export async function markChunk(
  store: Pick<MediaStore, 'write'>,
  assetId: string,
  planId: string,
  index: number,
  marker: ChunkMarker,
): Promise<void> {
  await store.write(markerKey(assetId, planId, index), serialise(markerSchema.parse(marker)));
}

/** From now on this asset is encoded in one piece. */
export async function refuseChunks(store: Pick<MediaStore, 'write'>, assetId: string, reason: string): Promise<void> {
  await store.write(refusalKey(assetId), serialise({ reason }));
}

/** Whether an earlier attempt showed that this source cannot be encoded in pieces. */
export async function areChunksRefused(store: Pick<MediaStore, 'size'>, assetId: string): Promise<boolean> {
  return (await store.size(refusalKey(assetId))) !== null;
}

/** A cut of this asset of which chunks still have no marker; null when there is none, or it was refused. */
export async function findUnmarkedChunks(
  store: Documents & Pick<MediaStore, 'list'>,
  assetId: string,
): Promise<{ planId: string; chunks: number[] } | null> {
  const prefix = chunksPrefix(assetId);
  const plans = (await store.list(prefix)).filter((key) => key.endsWith('/'));
  if (plans.length === 0 || (await areChunksRefused(store, assetId))) return null;
  for (const planId of plans.map((key) => key.slice(prefix.length + 1, -1))) {
    const plan = await readChunkPlan(store, assetId, planId);
    const found = new Set(await store.list(`${prefix}/${planId}`));
    const chunks = (plan?.chunks ?? []).flatMap(({ index }) =>
      found.has(markerKey(assetId, planId, index)) ? [] : [index],
    );
    if (chunks.length > 0) return { planId, chunks };
  }
  return null;
}

/** Plans, markers and refusal, once the renditions have their own `done.json`. */
export const removeChunks = (store: Pick<MediaStore, 'remove'>, assetId: string): Promise<void> =>
  store.remove(chunksPrefix(assetId));

const serialise = (document: unknown): string => `${JSON.stringify(document)}\n`;

function parse<T>(schema: z.ZodType<T>, bytes: Buffer | null): T | null {
  if (!bytes) return null;
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return null;
  }
}
