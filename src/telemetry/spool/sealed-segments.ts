import type { Segment } from './segment-files.ts';

/** Segments that are handed over and not yet released, oldest first. */
export class SealedSegments {
  readonly #byId = new Map<string, Segment>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#byId.size;
  }

  get all(): Segment[] {
    return [...this.#byId.values()];
  }

  add(segment: Segment): void {
    this.#byId.set(segment.id, segment);
    this.#bytes += segment.bytes;
  }

  remove(segment: Segment): void {
    if (this.#byId.delete(segment.id)) this.#bytes -= segment.bytes;
  }
}
