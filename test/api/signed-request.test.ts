import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deriveSigningSecret,
  SIGNATURE_WINDOW_SECONDS,
  type Signers,
  signatureOf,
  verifySignedRequest,
} from '../../src/api/signed-request.ts';

const NOW_SECONDS = 1_772_366_400;
const KEY_ID = 'aabbccddeeff';
const SECRET = deriveSigningSecret('a secret of the service, long enough', KEY_ID);
const principal = { keyId: KEY_ID, scopes: ['decide'], origins: [] } as const;
const signers: Signers = (keyId) => (keyId === KEY_ID ? { principal, secret: SECRET } : null);

const verify = (headers: Record<string, string>, body: Uint8Array | string, nowSeconds = NOW_SECONDS) =>
  verifySignedRequest({ headers, body }, { signers, nowMs: nowSeconds * 1000 + 999 });

function signed(body: Uint8Array | string, seconds = NOW_SECONDS): Record<string, string> {
  return {
    'nara-key': KEY_ID,
    'nara-timestamp': String(seconds),
    'nara-signature': signatureOf(SECRET, String(seconds), body),
  };
}
const refusal = (...request: Parameters<typeof verify>) => {
  const check = verify(...request);
  return check.kind === 'refused' ? check : null;
};

describe('a signed request', () => {
  it('is its key’s owner’s, whatever the body', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        expect(verify(signed(body), body)).toEqual({ kind: 'verified', principal });
      }),
    );
    expect(verify(signed(''), '')).toEqual({ kind: 'verified', principal });
  });

  it('is signed as the description says: HMAC-SHA-256 of timestamp, a full stop and body, in hex of either case', () => {
    const body = '{"events":[]}';
    const signature = createHmac('sha256', SECRET).update(`${NOW_SECONDS}.${body}`).digest('hex');
    const headers = { 'nara-key': KEY_ID, 'nara-timestamp': String(NOW_SECONDS) };
    expect(verify({ ...headers, 'nara-signature': signature }, body)).toMatchObject({ kind: 'verified' });
    expect(verify({ ...headers, 'nara-signature': signature.toUpperCase() }, body)).toMatchObject({ kind: 'verified' });
  });

  it('is refused when body, timestamp, key or signature is another', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 100 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (body, at, flip) => {
          const changed = Uint8Array.from(body);
          const index = at % body.length;
          changed[index] = (changed[index] ?? 0) ^ flip;
          expect(refusal(signed(body), changed)).toMatchObject({ code: 'signature.wrong' });
          expect(refusal({ ...signed(body), 'nara-timestamp': String(NOW_SECONDS + 1) }, body)).toMatchObject({
            code: 'signature.wrong',
          });
        },
      ),
    );
    const other = signatureOf(`${SECRET}x`, String(NOW_SECONDS), 'body');
    expect(refusal({ ...signed('body'), 'nara-signature': other }, 'body')).toMatchObject({ code: 'signature.wrong' });
    expect(refusal({ ...signed('body'), 'nara-key': 'another' }, 'body')).toMatchObject({ code: 'signature.key' });
  });

  it('holds for five minutes either way, and a repetition within them is taken again', () => {
    const headers = signed('body');
    for (const seconds of [-SIGNATURE_WINDOW_SECONDS, 0, 0, SIGNATURE_WINDOW_SECONDS])
      expect(verify(headers, 'body', NOW_SECONDS + seconds)).toMatchObject({ kind: 'verified' });
    expect(refusal(headers, 'body', NOW_SECONDS + SIGNATURE_WINDOW_SECONDS + 1)).toMatchObject({
      code: 'signature.clock',
    });
    expect(refusal(headers, 'body', NOW_SECONDS - SIGNATURE_WINDOW_SECONDS - 1)).toMatchObject({
      code: 'signature.clock',
    });
  });

  it('names both clocks when they are too far apart', () => {
    expect(refusal(signed('body', NOW_SECONDS - 400), 'body')?.reason).toBe(
      "NARA-Timestamp: expected within 300 s of this server's clock (1772366400, 2026-03-01T12:00:00.999Z) (got 1772366000, 400 s behind): set the sender's clock, or sign again when sending again.",
    );
    expect(refusal(signed('body', NOW_SECONDS + 400), 'body')?.reason).toContain('(got 1772366800, 400 s ahead)');
  });

  it.each([
    ['nara-timestamp', undefined, 'NARA-Timestamp: expected Unix time in seconds (got nothing).'],
    ['nara-timestamp', '1772366400000', 'NARA-Timestamp: expected Unix time in seconds (got 1772366400000).'],
    ['nara-timestamp', '-5', 'NARA-Timestamp: expected Unix time in seconds (got -5).'],
    ['nara-signature', undefined, 'NARA-Signature: expected 64 hex characters (got nothing).'],
    ['nara-signature', 'c2ln', 'NARA-Signature: expected 64 hex characters (got c2ln).'],
    ['nara-key', 'gone', 'NARA-Key: expected the id of a signing key that is in force (got gone).'],
  ])('with %s %j is refused by its name', (header, value, reason) => {
    const { [header]: _replaced, ...rest } = signed('body');
    expect(refusal(value === undefined ? rest : { ...rest, [header]: value }, 'body')?.reason).toBe(reason);
  });

  it('is not one without NARA-Key', () => {
    expect(verify({ 'nara-signature': 'x' }, 'body')).toEqual({ kind: 'unsigned' });
  });

  it('is signed with a secret of its own key and service', () => {
    const secrets = ['one service secret', 'another service secret'].flatMap((service) =>
      ['a1', 'b2'].map((id) => deriveSigningSecret(service, id)),
    );
    expect(new Set(secrets).size).toBe(4);
    expect(secrets[0]).toBe(deriveSigningSecret('one service secret', 'a1'));
    expect(secrets[0]).toMatch(/^ns_a1_[\w-]{43}$/);
  });
});
