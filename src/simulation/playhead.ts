// Lifecycle: waiting for the first segment → playing ⇄ stalled → ended. `append` adds media, `advanceTo` moves wall time;
// the instants at which the buffer runs dry, the viewer has seen enough or loses patience are exact. Nothing else moves it.

/** Media of one rendition waiting in the buffer. */
type Chunk = { level: number; leftMs: number };

/** One thing that happened at the playhead, at an instant of the view's own time. */
export type PlayheadEvent =
  | { kind: 'startup'; atMs: number }
  | { kind: 'stall'; atMs: number; durationMs: number }
  | { kind: 'switch'; atMs: number; from: number; to: number };

/** `enough`: saw what was wanted; `impatient-start`, `impatient-stall`: gave up waiting. */
export type EndCause = 'enough' | 'impatient-start' | 'impatient-stall';

/** Counters since the view began, ms of wall time; `rungMs` by level. */
export type PlayheadCounters = {
  startupMs: number | null;
  playedMs: number;
  stalledMs: number;
  stallCount: number;
  rungMs: readonly number[];
  switchesUp: number;
  switchesDown: number;
};

/** How long this viewer watches and waits, ms. */
export type Patience = { wantedMs: number; startPatienceMs: number; stallPatienceMs: number };

type Phase = 'starting' | 'playing' | 'stalled' | 'ended';

/** Plays what is appended while wall time is moved on. Levels are numbered from the lowest bitrate. */
export class Playhead {
  readonly events: PlayheadEvent[] = [];
  #phase: Phase = 'starting';
  #nowMs = 0;
  #end: { atMs: number; cause: EndCause } | null = null;
  #startupMs: number | null = null;
  #playedMs = 0;
  #stalledMs = 0;
  #stallCount = 0;
  #stallFromMs = 0;
  #shownLevel: number | null = null;
  #switchesUp = 0;
  #switchesDown = 0;
  #bufferMs = 0;
  readonly #chunks: Chunk[] = [];
  readonly #rungMs: number[];
  readonly #patience: Patience;

  constructor(levelCount: number, patience: Patience) {
    this.#rungMs = Array.from({ length: levelCount }, () => 0);
    this.#patience = patience;
  }

  get bufferMs(): number {
    return this.#bufferMs;
  }

  get isStarted(): boolean {
    return this.#startupMs !== null;
  }

  /** When and why the view ended; null while it goes on. */
  get end(): { atMs: number; cause: EndCause } | null {
    return this.#end;
  }

  get counters(): PlayheadCounters {
    return {
      startupMs: this.#startupMs,
      playedMs: this.#playedMs,
      stalledMs: this.#stalledMs,
      stallCount: this.#stallCount,
      rungMs: [...this.#rungMs],
      switchesUp: this.#switchesUp,
      switchesDown: this.#switchesDown,
    };
  }

  /** Media arrives now: the first starts playback, any ends a stall. */
  append(level: number, durationMs: number): void {
    if (this.#phase === 'ended') return;
    this.#chunks.push({ level, leftMs: durationMs });
    this.#bufferMs += durationMs;
    if (this.#phase === 'starting') {
      this.#startupMs = this.#nowMs;
      this.events.push({ kind: 'startup', atMs: this.#nowMs });
    }
    if (this.#phase === 'stalled') this.#closeStall();
    this.#phase = 'playing';
  }

  /** Moves wall time on to `atMs`, or to the end of the view if that comes first. */
  advanceTo(atMs: number): void {
    while (this.#nowMs < atMs && this.#phase !== 'ended') {
      if (this.#phase === 'playing') this.#play(atMs);
      else this.#wait(atMs);
    }
  }

  #play(untilMs: number): void {
    const chunk = this.#chunks[0];
    if (!chunk) {
      this.#phase = 'stalled';
      this.#bufferMs = 0;
      this.#stallCount += 1;
      this.#stallFromMs = this.#nowMs;
      return;
    }
    this.#show(chunk.level);
    const leftMs = this.#patience.wantedMs - this.#playedMs;
    const stepMs = Math.min(chunk.leftMs, untilMs - this.#nowMs, leftMs);
    chunk.leftMs -= stepMs;
    this.#bufferMs -= stepMs;
    this.#playedMs += stepMs;
    this.#rungMs[chunk.level] = (this.#rungMs[chunk.level] ?? 0) + stepMs;
    // Whatever ends this step is set, not summed, so that rounding can never leave a step of almost nothing to do.
    this.#nowMs = stepMs === untilMs - this.#nowMs ? untilMs : this.#nowMs + stepMs;
    if (stepMs === leftMs) this.#finish('enough');
    else if (chunk.leftMs <= 0) this.#chunks.shift();
  }

  #wait(untilMs: number): void {
    const starting = this.#phase === 'starting';
    const givesUpMs = starting ? this.#patience.startPatienceMs : this.#stallFromMs + this.#patience.stallPatienceMs;
    const toMs = Math.min(untilMs, givesUpMs);
    if (!starting) this.#stalledMs += toMs - this.#nowMs;
    this.#nowMs = toMs;
    if (toMs < givesUpMs) return;
    if (!starting) this.#closeStall();
    this.#finish(starting ? 'impatient-start' : 'impatient-stall');
  }

  #show(level: number): void {
    const from = this.#shownLevel;
    if (from === level) return;
    this.#shownLevel = level;
    if (from === null) return;
    if (level > from) this.#switchesUp += 1;
    else this.#switchesDown += 1;
    this.events.push({ kind: 'switch', atMs: this.#nowMs, from, to: level });
  }

  #closeStall(): void {
    this.events.push({ kind: 'stall', atMs: this.#nowMs, durationMs: this.#nowMs - this.#stallFromMs });
  }

  #finish(cause: EndCause): void {
    this.#phase = 'ended';
    this.#end = { atMs: this.#nowMs, cause };
  }
}
