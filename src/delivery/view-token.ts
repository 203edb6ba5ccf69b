import { createHmac, timingSafeEqual } from 'node:crypto';
import { type ViewToken, viewTokenSchema } from '../domain/index.ts';
import type { ViewKeys } from './view-identity.ts';

export type TokenCheck =
  | { kind: 'valid'; token: ViewToken }
  | { kind: 'invalid'; reason: 'malformed' | 'forged' | 'expired' };

const SIGNATURE_BYTES = 16;

/** `PAYLOAD.SIGNATURE`, both base64url: HMAC-SHA-256 truncated to 128 bits. */
export function signViewToken(keys: ViewKeys, token: ViewToken): string {
  const payload = Buffer.from(JSON.stringify(toTuple(token))).toString('base64url');
  return `${payload}.${signature(keys, payload).toString('base64url')}`;
}

/**
 * Reads a token back. With `ignoreExpiry` an expired one is still believed: a late report of a view is a report of that
 * view, while a late request for its manifest is not granted.
 */
export function verifyViewToken(
  keys: ViewKeys,
  text: string,
  nowMs: number,
  options: { ignoreExpiry?: boolean } = {},
): TokenCheck {
  const [payload, given, ...rest] = text.split('.');
  if (payload === undefined || given === undefined || rest.length > 0) return { kind: 'invalid', reason: 'malformed' };
  const expected = signature(keys, payload);
  const actual = Buffer.from(given, 'base64url');
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected))
    return { kind: 'invalid', reason: 'forged' };
  const token = fromPayload(payload);
  if (token === null) return { kind: 'invalid', reason: 'malformed' };
  if (!options.ignoreExpiry && token.expiresAt <= nowMs) return { kind: 'invalid', reason: 'expired' };
  return { kind: 'valid', token };
}

function signature(keys: ViewKeys, payload: string): Buffer {
  return createHmac('sha256', keys.token).update(payload).digest().subarray(0, SIGNATURE_BYTES);
}

function toTuple(token: ViewToken): unknown[] {
  const { viewId, assetId, revision, renditionIds, arm, configVersion, allocationVersion, decidedAtMs, expiresAt } =
    token;
  return [viewId, assetId, revision, renditionIds, arm, configVersion, allocationVersion, decidedAtMs, expiresAt];
}

function fromPayload(payload: string): ViewToken | null {
  try {
    const [viewId, assetId, revision, renditionIds, arm, configVersion, allocationVersion, decidedAtMs, expiresAt] =
      JSON.parse(Buffer.from(payload, 'base64url').toString());
    return viewTokenSchema.parse({
      viewId,
      assetId,
      revision,
      renditionIds,
      arm,
      configVersion,
      allocationVersion,
      decidedAtMs,
      expiresAt,
    });
  } catch {
    return null;
  }
}
