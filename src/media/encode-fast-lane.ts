import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AudioTrack, StoredRendition } from '../domain/asset.ts';
import { FfmpegError } from './ffmpeg-error.ts';
import { markDone, readDone, trackPrefix } from './finished-tracks.ts';
import { describeAudio, describeRendition } from './measure-tracks.ts';
import { MediaError } from './media-error.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import type { MediaStore } from './media-store.ts';
import { AUDIO_DIRECTORY, arrivingJob, fastLaneJob } from './plan/fast-lane-job.ts';
import { audioTrackId, type PlannedRendition } from './plan/plan-renditions.ts';
import { createTrackPublisher, type TrackPublisher } from './track-publisher.ts';
import { withWorkDirectory } from './work-directory.ts';

/** The low rung and the audio track, as far as they are in the store. */
export type FastLaneTracks = { rendition: StoredRendition; audio: AudioTrack | null };

/** Two segments are what players buffer before they begin. */
const PLAYABLE_SEGMENTS = 2;
/** Until then every look counts; afterwards players have something to do. */
const POLL_MS = 20;
const GROWING_POLL_MS = 250;

type FastLaneOptions = {
  signal: AbortSignal;
  onPlayable(tracks: FastLaneTracks): Promise<void>;
  /** Gives the source's bytes from the first one on, when it cannot be read as a file yet. */
  openInput?: () => Readable;
};

/**
 * Encodes the first rung and the audio, publishing segments as they are finished; `onPlayable` is called once, when a player
 * could begin before the end is reached. Finished tracks are not made again. Throws `FfmpegError`, or `unreadable-output` when nothing came out.
 */
export async function encodeFastLane(
  room: MediaRoom,
  source: EncodeSource,
  planned: PlannedRendition,
  options: FastLaneOptions,
): Promise<FastLaneTracks> {
  const finished = await readFinished(room.store, source, planned);
  if (finished) return finished;
  try {
    return await encode(room, source, planned, options);
  } catch (error) {
    const { details } = source.input;
    if (!(error instanceof FfmpegError) || error.code !== 'exit' || !details.audio) throw error;
    // Sound that nothing can decode should not cost the picture.
    room.log.warn({ assetId: source.assetId, stderr: error.stderrTail }, 'encoding again without audio');
    const silent = { ...source, input: { ...source.input, details: { ...details, audio: null } } };
    return encode(room, silent, planned, options);
  }
}

async function readFinished(
  store: MediaStore,
  { assetId, uploadKey, input }: EncodeSource,
  planned: PlannedRendition,
): Promise<FastLaneTracks | null> {
  const video = await readDone(store, assetId, planned.id);
  if (!video?.rendition) return null;
  const audioId = audioTrackId({ uploadKey, details: input.details });
  const audio = audioId === null ? null : await readDone(store, assetId, audioId);
  return { rendition: video.rendition, audio: audio?.audio ?? null };
}

function encode(
  room: MediaRoom,
  source: EncodeSource,
  planned: PlannedRendition,
  options: FastLaneOptions,
): Promise<FastLaneTracks> {
  return withWorkDirectory(room.workRoot, `${source.assetId}.fast-lane`, async (directory) => {
    const tracks = openTracks(room.store, source, planned, directory);
    const own = new AbortController();
    const signal = AbortSignal.any([options.signal, own.signal]);
    let tellServed = (): void => undefined;
    const served = new Promise<void>((resolve) => {
      tellServed = resolve;
    });
    const how = { signal, directory, served };
    const running = settled(
      options.openInput
        ? room.ffmpeg.run(arrivingJob(source.input, planned), { ...how, stdin: options.openInput() })
        : room.ffmpeg.run(fastLaneJob(source.input, planned), how),
    );
    try {
      let playable = false;
      let outcome: Outcome | null = null;
      while (outcome === null) {
        outcome = await Promise.race([running, sleep(playable ? GROWING_POLL_MS : POLL_MS, null)]);
        await tracks.advance();
        if (playable || outcome !== null || tracks.segmentCount() < PLAYABLE_SEGMENTS) continue;
        playable = true;
        await options.onPlayable(tracks.describe());
        tellServed();
      }
      if (outcome.kind === 'failed') {
        // What there is stays playable; an open playlist would keep players waiting for more.
        if (outcome.error instanceof FfmpegError && outcome.error.code === 'exit') await tracks.close();
        throw outcome.error;
      }
      return await tracks.finish();
    } finally {
      own.abort();
      await running;
    }
  });
}

type Outcome = { kind: 'done' } | { kind: 'failed'; error: unknown };

const settled = (running: Promise<void>): Promise<Outcome> =>
  running.then(
    () => ({ kind: 'done' }),
    (error: unknown) => ({ kind: 'failed', error }),
  );

/** The one or two tracks of the fast lane as one thing that grows. */
function openTracks(store: MediaStore, source: EncodeSource, planned: PlannedRendition, directory: string) {
  const { assetId, uploadKey } = source;
  const { details } = source.input;
  const open = (id: string, folder: string): TrackPublisher =>
    createTrackPublisher(store, join(directory, folder), trackPrefix(assetId, id));
  const video = open(planned.id, planned.id);
  const audioId = audioTrackId({ uploadKey, details });
  const channels = details.audio?.channels ?? 2;
  const audio = audioId === null ? null : { id: audioId, publisher: open(audioId, AUDIO_DIRECTORY) };

  function describe(): FastLaneTracks {
    const track = video.published();
    if (!track) throw new MediaError('unreadable-output', `${planned.id} of ${assetId} has no segment`);
    const sound = audio?.publisher.published();
    return {
      rendition: describeRendition(planned, track, 1),
      audio: audio && sound ? describeAudio(audio.id, channels, sound) : null,
    };
  }

  const close = async () => [await video.finish(), (await audio?.publisher.finish()) ?? null] as const;

  return {
    describe,
    async advance(): Promise<void> {
      // Side by side: most of it is waiting for the disk.
      await Promise.all([video.advance(), audio?.publisher.advance()]);
    },
    /** Of the track that is furthest behind. */
    segmentCount(): number {
      const count = (publisher: TrackPublisher): number => publisher.published()?.segments.length ?? 0;
      return Math.min(count(video), audio ? count(audio.publisher) : Number.POSITIVE_INFINITY);
    },
    close,
    async finish(): Promise<FastLaneTracks> {
      const [whole, sound] = await close();
      const tracks = describe();
      if (sound && tracks.audio) await markDone(store, assetId, { ...sound, audio: tracks.audio });
      if (whole) await markDone(store, assetId, { ...whole, rendition: tracks.rendition });
      return tracks;
    },
  };
}
