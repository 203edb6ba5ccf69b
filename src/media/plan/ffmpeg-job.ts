/** The path of an input that is given as a stream. */
export const PIPE = 'pipe:0';

/** One input; `options` come before its `-i`. */
export type FfmpegInput = { path: string; options: readonly string[] };

/** One output file; `options` come before it. */
type FfmpegOutput = { path: string; options: readonly string[] };

/**
 * Who waits for a job: somebody who wants to play it now, an asset that is to be completed, or nobody (previews, analysis,
 * upgrades). The later the class, the sooner it is slowed when others need the machine.
 */
export type JobClass = 'fast-lane' | 'encode' | 'background';

/** What a job weighs while it runs, estimated; `jobLoad` reckons it. */
export type JobLoad = {
  /** Of the source and every output together. */
  pixelsPerSecond: number;
  memoryBytes: number;
};

/** What one ffmpeg process is to do, as data: built by pure code, run by `ffmpeg.ts`. Paths may be relative to the job's directory. */
export type FfmpegJob = {
  /** For logs and errors: `fast-lane`, `remainder`, … */
  name: string;
  inputs: readonly FfmpegInput[];
  /** `-filter_complex`, or null. */
  filterGraph: string | null;
  outputs: readonly FfmpegOutput[];
  /** The process is killed after this; time that the pacer kept it waiting or stopped does not count. */
  timeLimitSeconds: number;
  /** Default: `encode`. */
  jobClass?: JobClass;
  /** Default: a light one. */
  load?: JobLoad;
};

// What an upload may be. Playlist and concat demuxers are left out: they would let an upload name other files of this machine.
const UPLOAD_FORMATS = [
  'aac,aiff,amr,asf,avi,caf,dv,flac,flv,gif,h264,hevc,ivf,m4v,matroska,mov,mp3,mp4,mpeg,mpegts,mpegvideo',
  'mxf,nut,ogg,vob,wav,webm,3gp,3g2,mj2,obu',
].join(',');

/** Decoders stop at frames of more: a header of a few bytes can claim any size. Twice what the probe lets through. */
const MAX_DECODED_PIXELS = 2 * 7680 * 4320;

/** Options for reading a stranger's file: nothing but that file, nothing but media. */
export const UNTRUSTED_INPUT_OPTIONS: readonly string[] = [
  '-max_pixels',
  String(MAX_DECODED_PIXELS),
  '-protocol_whitelist',
  'file,pipe',
  '-format_whitelist',
  UPLOAD_FORMATS,
];

/** A stretch of a source, in seconds from its beginning. */
export type SourceWindow = { startSeconds: number; seconds: number };

/** An upload as an input, or a window of it. */
export function uploadInput(path: string, window?: SourceWindow): FfmpegInput {
  // Some containers cannot seek at all, not even to their beginning.
  const seek = window && window.startSeconds > 0 ? ['-ss', decimal(window.startSeconds)] : [];
  const length = window ? ['-t', decimal(window.seconds)] : [];
  return { path, options: [...UNTRUSTED_INPUT_OPTIONS, ...seek, ...length] };
}

/** As ffmpeg reads it: no exponent, at most microseconds. */
function decimal(value: number): string {
  return String(Number(value.toFixed(6)));
}
