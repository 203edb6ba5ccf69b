import type { Source } from '../../domain/asset.ts';

/** What the probe found beyond the contract's `Source`: how to read this file. */
export type SourceDetails = {
  source: Source;
  durationMs: number;
  /** The demuxer's names as ffprobe lists them, e.g. `mov,mp4,m4a,3gp,3g2,mj2`. */
  container: string;
  video: {
    streamIndex: number;
    /** YCbCr matrix the samples are in; guessed from the size when the file does not say. */
    matrix: 'bt709' | 'smpte170m' | 'bt2020';
    transfer: 'sdr' | 'pq' | 'hlg';
    interlaced: boolean;
  };
  /** The one audio track that is kept: the default one, else the first. */
  audio: { streamIndex: number; channels: number } | null;
};
