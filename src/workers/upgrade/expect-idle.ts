import { NotYetError } from '../not-yet-error.ts';

/** Uploads that came in meanwhile go first; what is finished by then is kept. */
const LOOK_AGAIN_AFTER_MS = 30_000;

/** Throws `NotYetError` while an upload waits to be encoded: upgrades step back between any two of their encodes. */
export async function expectIdle(isIdle: () => Promise<boolean>): Promise<void> {
  if (!(await isIdle())) throw new NotYetError('uploads are being encoded', LOOK_AGAIN_AFTER_MS);
}
