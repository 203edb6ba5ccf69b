import { createHmac, type Hmac, randomBytes } from 'node:crypto';

/** The uses of the server secret, each under its own derived key, so that none can stand in for another. */
export type ViewKeys = { identity: Buffer; draw: Buffer; rollout: Buffer; token: Buffer };

export function deriveViewKeys(secret: string): ViewKeys {
  const derive = (purpose: string) => createHmac('sha256', secret).update(`nara.v1.${purpose}`).digest();
  return { identity: derive('identity'), draw: derive('draw'), rollout: derive('rollout'), token: derive('token') };
}

const ID_CHARACTERS = 22;
const TWO_POW_48 = 2 ** 48;
const HEX_OF_48_BITS = 12;

function keyed(key: Buffer, sessionId: string, assetId: string, generation: number): Hmac {
  // Neither id can hold a line feed, so the three parts cannot run into each other.
  return createHmac('sha256', key).update(`${sessionId}\n${assetId}\n${generation}`);
}

/** The view of a session playing an asset: the same on every host and after every restart, without a look-up. */
export function viewIdOf(keys: ViewKeys, sessionId: string, assetId: string, generation: number): string {
  return `v_${keyed(keys.identity, sessionId, assetId, generation).digest('base64url').slice(0, ID_CHARACTERS)}`;
}

/** A uniform number in [0, 1) that the client can neither choose nor predict. */
export function drawOf(keys: ViewKeys, sessionId: string, assetId: string, generation: number): number {
  return uniformOf(keys.draw, sessionId, assetId, generation);
}

/** Another, independent of the first: which config decides while one is on trial. */
export function rolloutDrawOf(keys: ViewKeys, sessionId: string, assetId: string, generation: number): number {
  return uniformOf(keys.rollout, sessionId, assetId, generation);
}

/** A third, of other bits than the first: which codec, of those that the player decodes. */
export function codecDrawOf(keys: ViewKeys, sessionId: string, assetId: string, generation: number): number {
  return uniformOf(keys.draw, sessionId, assetId, generation, 1);
}

/** The digest's first or second 48 bits. Read as text: for every view that is cheaper than a buffer of them. */
function uniformOf(key: Buffer, sessionId: string, assetId: string, generation: number, part: 0 | 1 = 0): number {
  const hex = keyed(key, sessionId, assetId, generation).digest('hex');
  return Number.parseInt(hex.slice(part * HEX_OF_48_BITS, (part + 1) * HEX_OF_48_BITS), 16) / TWO_POW_48;
}

/** A session for a player that brought none. */
export function mintSessionId(): string {
  return `s_${randomBytes(17).toString('base64url').slice(0, ID_CHARACTERS)}`;
}
