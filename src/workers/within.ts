/** Redis or a worker did not answer in time. */
export class TooLateError extends Error {
  readonly code = 'too-late';

  constructor(what: string, timeoutMs: number) {
    super(`${what} took longer than ${timeoutMs} ms`);
    this.name = 'TooLateError';
  }
}

/** The promise's value if it comes within `timeoutMs`, otherwise `TooLateError`; the promise itself goes on. */
export async function within<T>(timeoutMs: number, what: string, pending: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TooLateError(what, timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([pending, late]);
  } finally {
    clearTimeout(timer);
    // Nobody listens to it any more when it was too late.
    pending.catch(() => undefined);
  }
}
