import { createHmac, randomBytes } from 'node:crypto';

/** The uses of the server secret, each under its own derived key, so that none can stand in for another. */
export type ViewKeys = { identity: Buffer; draw: Buffer; rollout: Buffer; token: Buffer };

export function deriveViewKeys(secret: string): ViewKeys {
  const derive = (purpose: string) => createHmac('sha256', secret).update(`nara.v1.${purpose}`).digest();
  return { identity: derive('identity'), draw: derive('draw'), rollout: derive('rollout'), token: derive('token') };
}

const ID_CHARACTERS = 22;
const TWO_POW_48 = 2 ** 48;

function digest(key: Buffer, sessionId: string, assetId: string, generation: number): Buffer {
  // Neither id can hold a line feed, so the three parts cannot run into each other.
  return createHmac('sha256', key).update(`${sessionId}\n${assetId}\n${generation}`).digest();
}

/** The view of a session playing an asset: the same on every host and after every restart, without a look-up. */
export function viewIdOf(keys: ViewKeys, sessionId: string, assetId: string, generation: number): string {
  return `v_${digest(keys.identity, sessionId, assetId, generation).toString('base64url').slice(0, ID_CHARACTERS)}`;
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
  return uniformOf(keys.draw, sessionId, assetId, generation, 6);
}

const uniformOf = (key: Buffer, sessionId: string, assetId: string, generation: number, firstByte = 0): number =>
  digest(key, sessionId, assetId, generation).readUIntBE(firstByte, 6) / TWO_POW_48;

/** A session for a player that brought none. */
export function mintSessionId(): string {
  return `s_${randomBytes(17).toString('base64url').slice(0, ID_CHARACTERS)}`;
}
