/** A job that came too early: it is put back for a while, which is neither a failure nor an attempt. */
export class NotYetError extends Error {
  readonly code = 'not-yet';
  readonly retryAfterMs: number;

  constructor(why: string, retryAfterMs: number) {
    super(why);
    this.name = 'NotYetError';
    this.retryAfterMs = retryAfterMs;
  }
}
