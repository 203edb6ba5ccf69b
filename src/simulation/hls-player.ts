// Lifecycle of a view: set-up round trips → segments in turn (choose level, wait for room, download, maybe abandon, append)
// → the playhead says it ended. One HlsPlayer per view; it lives for one call of `playHls` and holds nothing open.
import { type BandwidthEstimator, createEstimator, sampleDownload } from './bandwidth-estimator.ts';
import { createBolaChoice } from './bola-choice.ts';
import { type Ladder, type LadderRendition, type NextSegment, segmentFrom } from './ladder.ts';
import { chooseAbandonLevel, chooseLevel, type Level, type LevelMoment } from './level-choice.ts';
import { type NetworkPath, pathFrom } from './network-path.ts';
import { HLS_JS_DEFAULTS, LEVEL_ROUND_TRIPS, type PlayerSettings } from './player-settings.ts';
import { type EndCause, type Patience, Playhead, type PlayheadCounters, type PlayheadEvent } from './playhead.ts';
import { createShakaChoice } from './shaka-choice.ts';
import type { ThroughputTrace } from './throughput-trace.ts';

/** One sitting: the line, where on it the view begins, and how long this person watches and waits. */
export type Sitting = Patience & { trace: ThroughputTrace; joinAtMs: number };

/** Counters at one instant of the view. `bytes` counts everything received: sound, and what was never shown, too. */
export type PlaybackSnapshot = PlayheadCounters & { atMs: number; bytes: number };

/** Media handed to the playhead, in order of play: of which level, from where in the title, how long. */
export type LoadedMedia = { level: number; titleMs: number; durationMs: number };

/** A whole view in its own time, 0 at the first request. Startup + played + stalled = wall time, once started. */
export type Playback = {
  /** Rendition ids by level, lowest bitrate first: what the levels in counters and events mean. */
  renditionIds: readonly string[];
  endCause: EndCause;
  events: readonly PlayheadEvent[];
  /** At the first download's end after every `PROGRESS_EVERY_MS`. */
  progress: readonly PlaybackSnapshot[];
  /** All that was buffered; what was shown is its first `final.playedMs`. */
  loaded: readonly LoadedMedia[];
  final: PlaybackSnapshot;
};

const PROGRESS_EVERY_MS = 30_000;
/** hls.js reckons with one second of media before it knows a segment's length. */
const UNKNOWN_SEGMENT_MS = 1000;

/**
 * Plays a ladder over a trace in virtual time, by hls.js' rules or those the settings name. Downloads run one after the other (video, then the sound
 * that belongs to it); a title that ends begins again until the viewer has seen enough. Throws RangeError on an empty ladder.
 */
export function playHls(ladder: Ladder, sitting: Sitting, settings: PlayerSettings = HLS_JS_DEFAULTS): Playback {
  return new HlsPlayer(ladder, sitting, settings).run();
}

class HlsPlayer {
  readonly #renditions: readonly LadderRendition[];
  readonly #levels: readonly Level[];
  readonly #ladder: Ladder;
  readonly #path: NetworkPath;
  readonly #settings: PlayerSettings;
  readonly #playhead: Playhead;
  readonly #loadedPlaylists = new Set<number>();
  readonly #progress: PlaybackSnapshot[] = [];
  readonly #loaded: LoadedMedia[] = [];
  readonly #choose: (levels: readonly Level[], moment: LevelMoment) => number;
  #estimator: BandwidthEstimator;
  #nowMs = 0;
  #bytes = 0;
  #titleMs = 0;
  #videoMs = 0;
  #audioMs = 0;
  #audioIndex = 0;
  #lastLevel: number | null = null;
  #lastSegmentMs = UNKNOWN_SEGMENT_MS;
  #progressDueMs = PROGRESS_EVERY_MS;

  constructor(ladder: Ladder, sitting: Sitting, settings: PlayerSettings) {
    if (ladder.renditions.length === 0) throw new RangeError('ladder.renditions must be one or more (got 0)');
    this.#ladder = ladder;
    this.#renditions = ladder.renditions.toSorted((a, b) => a.bitrateKbps - b.bitrateKbps);
    this.#levels = this.#renditions.map(({ bitrateKbps, averageKbps }) => ({
      peakKbps: bitrateKbps,
      averageKbps: averageKbps ?? bitrateKbps,
    }));
    this.#path = pathFrom(sitting.trace, sitting.joinAtMs);
    this.#settings = settings;
    this.#playhead = new Playhead(this.#levels.length, sitting);
    this.#estimator = createEstimator(firstEstimateKbps(ladder, settings), settings.estimator);
    this.#choose = choiceBy(settings);
  }

  run(): Playback {
    this.#roundTrips(this.#settings.setupRoundTrips - LEVEL_ROUND_TRIPS);
    while (!this.#playhead.end) {
      this.#waitForRoom();
      this.#loadNext();
      this.#noteProgress();
    }
    return {
      renditionIds: this.#renditions.map((rendition) => rendition.id),
      endCause: this.#playhead.end.cause,
      events: this.#playhead.events,
      progress: this.#progress,
      loaded: this.#loaded,
      final: this.#snapshot(this.#playhead.end.atMs),
    };
  }

  /** Fetches what continues the buffer, video and the sound up to its end, and hands it to the playhead. */
  #loadNext(): void {
    let level = this.#choose(this.#levels, {
      nowMs: this.#nowMs,
      estimator: this.#estimator,
      bufferMs: this.#playhead.bufferMs,
      lastLevel: this.#lastLevel,
      segmentMs: this.#lastSegmentMs,
      loadedPlaylists: this.#loadedPlaylists,
    });
    let lower = this.#loadVideo(level);
    while (lower !== null) {
      level = lower;
      lower = this.#loadVideo(level);
    }
    const segment = this.#nextSegment(level);
    this.#loaded.push({ level, titleMs: this.#titleMs, durationMs: segment.newMs });
    this.#titleMs = segment.endsTitle ? 0 : this.#titleMs + segment.newMs;
    this.#videoMs += segment.newMs;
    this.#loadAudio();
    this.#playhead.append(level, segment.newMs);
    this.#lastLevel = level;
    this.#lastSegmentMs = segment.durationMs;
  }

  /** Downloads a segment; the lower level it was abandoned for, or null when it arrived or the view ended. */
  #loadVideo(level: number): number | null {
    if (!this.#loadedPlaylists.has(level)) this.#roundTrips(LEVEL_ROUND_TRIPS);
    this.#loadedPlaylists.add(level);
    const segment = this.#nextSegment(level);
    const startMs = this.#nowMs;
    const latencyMs = this.#path.latencyMs(startMs);
    const fullMs = latencyMs + this.#path.transferMs(startMs + latencyMs, segment.bytes);
    const abandoned = this.#findAbandon(level, segment, { startMs, latencyMs, fullMs });
    const elapsedMs = abandoned?.elapsedMs ?? fullMs;
    const bytes = this.#receive(startMs + latencyMs, startMs + elapsedMs, segment.bytes);
    this.#estimator = sampleDownload(this.#estimator, {
      latencyMs: Math.min(latencyMs, elapsedMs),
      transferMs: Math.max(0, elapsedMs - latencyMs),
      bytes,
    });
    return this.#playhead.end ? null : (abandoned?.level ?? null);
  }

  #findAbandon(
    level: number,
    segment: NextSegment,
    download: { startMs: number; latencyMs: number; fullMs: number },
  ): { level: number; elapsedMs: number } | null {
    // Before the first picture there is nothing that could run dry.
    const everyMs = this.#settings.abandonCheckMs;
    if (everyMs === null || level === 0 || !this.#playhead.isStarted) return null;
    const { startMs, latencyMs, fullMs } = download;
    const firstCheckMs = Math.ceil(segment.durationMs / 2 / everyMs) * everyMs;
    for (let elapsedMs = firstCheckMs; elapsedMs < fullMs; elapsedMs += everyMs) {
      const streamingMs = Math.max(0, elapsedMs - latencyMs);
      const instead = chooseAbandonLevel(this.#levels, this.#estimator, {
        level,
        segmentMs: segment.durationMs,
        elapsedMs,
        streamingMs,
        loadedBytes: this.#path.bytesBetween(startMs + latencyMs, startMs + latencyMs + streamingMs),
        totalBytes: segment.bytes,
        bufferMs: Math.max(0, this.#playhead.bufferMs - elapsedMs),
      });
      if (instead !== null) return { level: instead, elapsedMs };
    }
    return null;
  }

  #loadAudio(): void {
    const segments = this.#ladder.audio?.segments ?? [];
    while (this.#audioMs < this.#videoMs && !this.#playhead.end) {
      const segment = segments[this.#audioIndex % segments.length];
      if (!segment) return;
      const firstByteMs = this.#nowMs + this.#path.latencyMs(this.#nowMs);
      this.#receive(firstByteMs, firstByteMs + this.#path.transferMs(firstByteMs, segment.bytes), segment.bytes);
      this.#audioMs += segment.durationMs;
      this.#audioIndex += 1;
    }
  }

  /** Moves time to the end of a transfer, or to the end of the view within it; bytes that arrived by then. */
  #receive(firstByteMs: number, endMs: number, atMostBytes: number): number {
    this.#moveTo(endMs);
    const arrived = this.#path.bytesBetween(firstByteMs, Math.max(firstByteMs, this.#nowMs));
    const bytes = Math.min(arrived, atMostBytes);
    this.#bytes += bytes;
    return bytes;
  }

  #waitForRoom(): void {
    const excessMs = this.#playhead.bufferMs - this.#settings.maxBufferMs;
    if (excessMs > 0) this.#moveTo(this.#nowMs + excessMs);
  }

  #roundTrips(count: number): void {
    for (let trip = 0; trip < count; trip += 1) this.#moveTo(this.#nowMs + this.#path.latencyMs(this.#nowMs));
  }

  #moveTo(atMs: number): void {
    this.#playhead.advanceTo(atMs);
    this.#nowMs = this.#playhead.end?.atMs ?? atMs;
  }

  #noteProgress(): void {
    if (this.#playhead.end || this.#nowMs < this.#progressDueMs) return;
    this.#progress.push(this.#snapshot(this.#nowMs));
    this.#progressDueMs = this.#nowMs + PROGRESS_EVERY_MS;
  }

  #snapshot(atMs: number): PlaybackSnapshot {
    return { ...this.#playhead.counters, atMs, bytes: Math.round(this.#bytes) };
  }

  #nextSegment(level: number): NextSegment {
    return segmentFrom(this.#renditions[level]?.segments ?? [], this.#titleMs);
  }
}

function choiceBy(settings: PlayerSettings): (levels: readonly Level[], moment: LevelMoment) => number {
  if (settings.rules === 'shaka') return createShakaChoice(settings);
  if (settings.rules === 'bola') return createBolaChoice(settings);
  return (levels, moment) => chooseLevel(levels, settings, moment);
}

/** hls.js starts from its default estimate, raised to the first listed variant's bandwidth. */
function firstEstimateKbps(ladder: Ladder, settings: PlayerSettings): number {
  const listedKbps = ladder.renditions[0]?.bitrateKbps ?? 0;
  return Math.max(settings.abrEwmaDefaultEstimateKbps, Math.min(listedKbps, settings.abrEwmaDefaultEstimateMaxKbps));
}
