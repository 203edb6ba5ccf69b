import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFastLane, type FastLaneTracks } from './encode-fast-lane.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import { timeLimitSeconds } from './plan/job-source.ts';
import type { PlannedRendition } from './plan/plan-renditions.ts';
import type { SourceDetails } from './plan/source-details.ts';
import { beginProbe } from './probe-source.ts';
import { type Arrival, followUpload, isWhole, readArrival, readArrived } from './upload-arrival.ts';
import { withWorkDirectory } from './work-directory.ts';

// Lifecycle: `probeArriving` waits for enough of a file to say what it is, `encodeArriving` runs one ffmpeg that is fed as bytes
// come; both let go when the uploader has been silent for IDLE_LIMIT_MS. The file itself is only ever read where it is verified.

/** A longer silence than a line that drops and comes back; whoever resumes later begins again. */
const IDLE_LIMIT_MS = 30_000;
const POLL_MS = 200;

/** Enough frames to know the rate by. */
const PROBE_FRAMES = 40;
const PROBE_LEAST_BYTES = 256 * 1024;
const PROBE_MOST_BYTES = 16 * 1024 * 1024;

/** Looks at what there is of an upload, as often as more of it is needed; null when it cannot be told from its beginning. */
export async function probeArriving(
  room: MediaRoom,
  { assetId, path }: { assetId: string; path: string },
  { signal, idleLimitMs = IDLE_LIMIT_MS }: { signal: AbortSignal; idleLimitMs?: number | undefined },
): Promise<{ details: SourceDetails; arrival: Arrival } | null> {
  for (let wanted = PROBE_LEAST_BYTES; wanted <= PROBE_MOST_BYTES; wanted *= 2) {
    const arrival = await waitForBytes(path, wanted, { signal, idleLimitMs });
    if (arrival === null) return null;
    const probed = await withWorkDirectory(room.workRoot, `${assetId}.arriving`, async (directory) => {
      // A copy, because ffprobe would not stop where the verified bytes do.
      const beginning = join(directory, 'beginning');
      await writeFile(beginning, await readArrived(path, PROBE_MOST_BYTES));
      return beginProbe(room.ffmpeg, beginning, signal, arrival.declaredBytes);
    });
    if (probed.kind === 'begun' && probed.frames >= PROBE_FRAMES) return { details: probed.details, arrival };
    wanted = Math.max(wanted, Math.min(arrival.verifiedBytes, PROBE_MOST_BYTES));
  }
  return null;
}

/** How far an upload is once it has so many bytes; null when it is whole, or stands still, before. */
async function waitForBytes(
  path: string,
  bytes: number,
  { signal, idleLimitMs }: { signal: AbortSignal; idleLimitMs: number },
): Promise<Arrival | null> {
  let seen = -1;
  let grewAtMs = performance.now();
  for (;;) {
    const arrival = await readArrival(path);
    if (arrival === null || isWhole(arrival)) return null;
    if (arrival.verifiedBytes >= bytes) return arrival;
    if (arrival.verifiedBytes !== seen) grewAtMs = performance.now();
    else if (performance.now() - grewAtMs > idleLimitMs) return null;
    seen = arrival.verifiedBytes;
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** `whole`: the tracks are finished. `stalled`: the uploader left; what was published stays, and is open. */
export type ArrivingOutcome = { kind: 'whole'; tracks: FastLaneTracks } | { kind: 'stalled' };

/**
 * As `encodeFastLane`, of an upload that is still coming: ffmpeg gets its bytes as they do. `idleLimitMs` is for tests. Throws
 * what that throws.
 */
export async function encodeArriving(
  room: MediaRoom,
  source: EncodeSource,
  planned: PlannedRendition,
  options: { signal: AbortSignal; onPlayable(tracks: FastLaneTracks): Promise<void>; idleLimitMs?: number | undefined },
): Promise<ArrivingOutcome> {
  const { path, details } = source.input;
  const letGo = new AbortController();
  let limit: NodeJS.Timeout | undefined;
  let stalled = false;
  const onEnd = (end: 'whole' | 'stalled'): void => {
    stalled = end === 'stalled';
    if (stalled) letGo.abort();
    // From here on it is an encode like any other, and may hang like any other.
    else limit ??= setTimeout(() => letGo.abort(), timeLimitSeconds(details.durationMs, 30) * 1000);
  };
  const signal = AbortSignal.any([options.signal, letGo.signal]);
  const { idleLimitMs = IDLE_LIMIT_MS } = options;
  try {
    const tracks = await encodeFastLane(room, source, planned, {
      signal,
      onPlayable: options.onPlayable,
      openInput: () => Readable.from(followUpload(path, { signal, idleLimitMs, onEnd }), { objectMode: false }),
    });
    return { kind: 'whole', tracks };
  } catch (error) {
    if (stalled) return { kind: 'stalled' };
    throw error;
  } finally {
    clearTimeout(limit);
    letGo.abort();
  }
}
