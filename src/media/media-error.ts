export type MediaErrorCode =
  | 'invalid-key'
  | 'unsupported-store'
  | 'invalid-document'
  | 'unreadable-output'
  | 'disk-full'
  | 'store-failed';

/** A broken invariant or failed I/O in the media room; expected outcomes are values instead. */
export class MediaError extends Error {
  readonly code: MediaErrorCode;

  constructor(code: MediaErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'MediaError';
    this.code = code;
  }
}
