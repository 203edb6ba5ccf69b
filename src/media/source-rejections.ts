import type { AssetError } from '../domain/asset.ts';

/** Cover art is no picture. */
export const AUDIO_ONLY: AssetError = {
  code: 'audio-only',
  message: 'This file has sound but no picture.',
  action: 'Upload a file with a video track.',
};

/** Subtitles, data, or nothing. */
export const NO_VIDEO: AssetError = {
  code: 'no-video',
  message: 'This file has no video track.',
  action: 'Upload a file with a video track.',
};

/** Frames that nothing can decode. */
export const BROKEN_BITSTREAM: AssetError = {
  code: 'broken-bitstream',
  message: 'The video data in this file is damaged: no picture could be decoded from it.',
  action: 'Check that the file plays on your device, export it again and upload the new file.',
};

/** ffprobe made nothing of the file; `stderr` says why. */
export function rejectUnreadable(stderr: string): AssetError {
  if (/moov atom not found|End of file|truncat/i.test(stderr)) {
    return {
      code: 'truncated',
      message: 'The file is incomplete: its index is missing, as after a recording or copy that was cut short.',
      action: 'Finish the recording or copy properly and upload the complete file.',
    };
  }
  return {
    code: 'not-media',
    message: 'This is not a video file, or a kind that cannot be read here.',
    action: 'Upload a common video file such as MP4, MOV, MKV or WebM.',
  };
}

/** A file that ends well before the length it declares. */
export function rejectTruncated(foundSeconds: number, declaredSeconds: number): AssetError {
  return {
    code: 'truncated',
    message: `The file is incomplete: it ends after ${foundSeconds.toFixed(1)} s of ${declaredSeconds.toFixed(1)} s.`,
    action: 'Upload the complete file.',
  };
}

const EXPORT_SMALLER = 'Export it smaller, 4K (3840×2160) or less, and upload it again.';

/** More pixels than anything is made of here, or than a player could show. */
export function rejectTooLarge(size: { width: number; height: number }, sideLimit: number): AssetError {
  return {
    code: 'too-large',
    message: `The picture is ${size.width}×${size.height}: at most ${sideLimit} pixels a side and those of 8K in all are taken.`,
    action: EXPORT_SMALLER,
  };
}

/** Longer than is taken, or than it says. */
export function rejectTooLong(seconds: number, limitSeconds: number): AssetError {
  return {
    code: 'too-long',
    message: `The video is ${hours(seconds)} long: at most ${hours(limitSeconds)} are taken.`,
    action: 'Cut it into parts and upload them one by one.',
  };
}

/** Next to nothing, stretched over hours that would all have to be encoded. */
export function rejectTooSparse(seconds: number, bytes: number): AssetError {
  return {
    code: 'too-sparse',
    message: `The file says that it is ${hours(seconds)} long but holds only ${Math.ceil(bytes / 1000)} kB: its timestamps cannot be right.`,
    action: 'Check that the file plays on your device, export it again and upload the new file.',
  };
}

const hours = (seconds: number): string =>
  seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
