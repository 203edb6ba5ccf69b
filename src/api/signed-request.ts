import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from './key-store.ts';

/** A request signed further from now than this is refused; a replay within it is harmless, for every signed call is idempotent. */
export const SIGNATURE_WINDOW_SECONDS = 300;

/** Owner and secret of the keys whose requests are signed. */
export type Signers = (keyId: string) => { principal: Principal; secret: string } | null;

/** `body` as it is before any Content-Encoding. */
export type SignedRequest = { headers: IncomingHttpHeaders; body: Uint8Array | string };

export type SignatureCheck =
  | { kind: 'unsigned' }
  | { kind: 'verified'; principal: Principal }
  | { kind: 'refused'; code: string; reason: string };

/** The secret of a signing key: it follows from the service secret and the key's id, so that nobody has to keep it. */
export function deriveSigningSecret(serviceSecret: string, keyId: string): string {
  const derived = createHmac('sha256', serviceSecret).update(`nara.v1.signing.${keyId}`).digest('base64url');
  return `ns_${keyId}_${derived}`;
}

/** Hex HMAC-SHA-256 of `TIMESTAMP.BODY` under the signing secret: what `NARA-Signature` carries. */
export function signatureOf(secret: string, timestamp: string, body: Uint8Array | string): string {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
}

/** Whether a request carries a signature (`NARA-Key`, `NARA-Timestamp`, `NARA-Signature`), and of whom. */
export function verifySignedRequest(
  { headers, body }: SignedRequest,
  { signers, nowMs }: { signers: Signers; nowMs: number },
): SignatureCheck {
  const keyId = headers['nara-key'];
  if (keyId === undefined) return { kind: 'unsigned' };
  const signer = typeof keyId === 'string' ? signers(keyId) : null;
  if (signer === null)
    return refuse('key', `NARA-Key: expected the id of a signing key that is in force (got ${show(keyId)}).`);
  const timestamp = headers['nara-timestamp'];
  if (typeof timestamp !== 'string' || !/^\d{1,11}$/.test(timestamp))
    return refuse('timestamp', `NARA-Timestamp: expected Unix time in seconds (got ${show(timestamp)}).`);
  const signature = headers['nara-signature'];
  if (typeof signature !== 'string' || !/^[0-9a-f]{64}$/i.test(signature))
    return refuse('form', `NARA-Signature: expected 64 hex characters (got ${show(signature)}).`);
  const lateSeconds = Math.floor(nowMs / 1000) - Number(timestamp);
  if (Math.abs(lateSeconds) > SIGNATURE_WINDOW_SECONDS)
    return refuse('clock', describeClocks(Number(timestamp), lateSeconds, nowMs));
  const expected = Buffer.from(signatureOf(signer.secret, timestamp, body), 'hex');
  if (!timingSafeEqual(expected, Buffer.from(signature, 'hex')))
    return refuse(
      'wrong',
      "NARA-Signature: expected the hex HMAC-SHA-256, under the signing secret, of the NARA-Timestamp, a '.', and the body before any Content-Encoding (got another).",
    );
  return { kind: 'verified', principal: signer.principal };
}

function describeClocks(timestamp: number, lateSeconds: number, nowMs: number): string {
  const now = `${Math.floor(nowMs / 1000)}, ${new Date(nowMs).toISOString()}`;
  const off = `${Math.abs(lateSeconds)} s ${lateSeconds > 0 ? 'behind' : 'ahead'}`;
  return `NARA-Timestamp: expected within ${SIGNATURE_WINDOW_SECONDS} s of this server's clock (${now}) (got ${timestamp}, ${off}): set the sender's clock, or sign again when sending again.`;
}

function refuse(what: string, reason: string): SignatureCheck {
  return { kind: 'refused', code: `signature.${what}`, reason };
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : String(value).slice(0, 40);
}
