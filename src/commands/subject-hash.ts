import { createHmac } from 'node:crypto';
import type { HashSubject } from '../telemetry/erase.ts';

/** Keyed with the service secret, so that the list of erasures names nobody to whom the secret is unknown. */
export function createSubjectHash(secret: string): HashSubject {
  const key = createHmac('sha256', secret).update('nara.v1.erasure').digest();
  return (kind, id) => createHmac('sha256', key).update(`${kind}\n${id}`).digest('hex').slice(0, 32);
}
