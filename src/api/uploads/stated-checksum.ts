import { Problem } from '../problem.ts';

/** What the sender says the bytes of one request add up to. */
export type StatedChecksum = { algorithm: ChecksumAlgorithm; digest: Buffer };

type ChecksumAlgorithm = keyof typeof DIGEST_BYTES;

const DIGEST_BYTES = { sha1: 20, sha256: 32, md5: 16 };

/** As `Tus-Checksum-Algorithm` lists them. */
export const CHECKSUM_ALGORITHMS = Object.keys(DIGEST_BYTES);

/** Reads `Upload-Checksum: ALGORITHM BASE64`; null when there is none. Throws 400 for what is not one (tus 1.0, Checksum). */
export function readStatedChecksum(header: string | undefined): StatedChecksum | null {
  if (header === undefined) return null;
  const [algorithm = '', encoded = '', ...rest] = header.split(' ');
  if (!isAlgorithm(algorithm)) throw refusal(`its algorithm to be one of ${CHECKSUM_ALGORITHMS.join(', ')}`, algorithm);
  const digest = Buffer.from(encoded, 'base64');
  // Buffer skips over what is not base64, so only what reads back the same was base64.
  if (digest.length !== DIGEST_BYTES[algorithm] || digest.toString('base64') !== encoded || rest.length > 0) {
    throw refusal(`ALGORITHM BASE64 with ${DIGEST_BYTES[algorithm]} bytes of ${algorithm}`, header);
  }
  return { algorithm, digest };
}

function isAlgorithm(name: string): name is ChecksumAlgorithm {
  return Object.hasOwn(DIGEST_BYTES, name);
}

function refusal(expected: string, received: string): Problem {
  return new Problem(
    400,
    'upload.checksum-unusable',
    `Upload-Checksum: expected ${expected} (got ${received.slice(0, 100)}).`,
  );
}
