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
