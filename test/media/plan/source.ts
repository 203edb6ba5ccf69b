import type { SourceDetails } from '../../../src/media/plan/source-details.ts';

/** An ordinary source, with what a test is about changed. */
export function sourceDetails(
  change: {
    source?: Partial<SourceDetails['source']>;
    video?: Partial<SourceDetails['video']>;
    audio?: SourceDetails['audio'];
    durationMs?: number;
  } = {},
): SourceDetails {
  return {
    source: {
      width: 1280,
      height: 720,
      fps: 30,
      codec: 'h264',
      bitrateKbps: 4000,
      hdr: false,
      rotation: 0,
      hasAudio: true,
      ...change.source,
    },
    durationMs: change.durationMs ?? 20_000,
    video: { streamIndex: 0, matrix: 'bt709', transfer: 'sdr', interlaced: false, ...change.video },
    audio: change.audio === undefined ? { streamIndex: 1, channels: 2 } : change.audio,
  };
}
