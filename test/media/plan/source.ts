import type { SourceDetails } from '../../../src/media/plan/source-details.ts';

/** An ordinary source, with what a test is about changed. */
export function sourceDetails(
  change: {
    source?: Partial<SourceDetails['source']>;
    video?: Partial<SourceDetails['video']>;
    audio?: SourceDetails['audio'];
    durationMs?: number;
    container?: string;
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
    container: change.container ?? 'mov,mp4,m4a,3gp,3g2,mj2',
    video: { streamIndex: 0, matrix: 'bt709', transfer: 'sdr', interlaced: false, ...change.video },
    audio: change.audio === undefined ? { streamIndex: 1, channels: 2 } : change.audio,
  };
}
