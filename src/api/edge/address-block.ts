import { createHmac } from 'node:crypto';
import type { Address } from './address.ts';

const DAY_MS = 86_400_000;
/** 64 bits: two blocks of one day share a hash about once in 10¹¹ pairs. */
const BLOCK_CHARACTERS = 16;

/** The UTC day that a block's hash is good for: as long as one day's statistics need, and not linkable with the next day's. */
export function blockDayOf(nowMs: number): number {
  return Math.floor(nowMs / DAY_MS);
}

/**
 * One day's hash of address blocks: 16 hex characters, keyed with the service secret, the same on every host. Without the
 * secret nobody can turn it back into a block or tell which of two days' hashes belong together.
 */
export function createBlockHash(secret: string, day: number): (address: Address) => string {
  const key = createHmac('sha256', secret).update(`nara.v1.block.${day}`).digest();
  return ({ family, block }) =>
    createHmac('sha256', key).update(`${family} ${block}`).digest('hex').slice(0, BLOCK_CHARACTERS);
}
