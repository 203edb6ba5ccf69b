import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express, { type Request } from 'express';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import {
  identifySender,
  keepRawBody,
  mayDo,
  principalOf,
  requireScopeOrSignature,
  type SenderPorts,
} from '../../src/api/authenticate.ts';
import type { Principal } from '../../src/api/key-store.ts';
import { problemHandler } from '../../src/api/problem.ts';
import { signatureOf, verifySignedRequest } from '../../src/api/signed-request.ts';

const browser: Principal = { keyId: 'b', scopes: ['telemetry'], origins: ['https://a.example', 'self'] };
const server: Principal = { keyId: 's', scopes: ['decide'], origins: [] };
const checkKey = (key: string): Principal | null => (key === 'browser-key' ? browser : null);

const request = (of: { authorization?: string; origin?: string; host?: string; key?: string }): Request =>
  ({
    headers: { authorization: of.authorization, origin: of.origin, host: of.host },
    query: of.key === undefined ? {} : { key: of.key },
  }) as unknown as Request;

describe('principalOf', () => {
  it('reads the key from the header, or from the URL where no header can be set', () => {
    expect(principalOf(request({ authorization: 'Bearer browser-key' }), checkKey)).toBe(browser);
    expect(principalOf(request({ key: 'browser-key' }), checkKey)).toBe(browser);
    expect(principalOf(request({}), checkKey)).toBeNull();
  });

  it('refuses a key it does not know with 401', () => {
    expect(() => principalOf(request({ key: 'guessed' }), checkKey)).toThrow(
      expect.objectContaining({ status: 401, code: 'key.unknown' }),
    );
  });

  it('tells who sends a signing secret that it is never sent', () => {
    expect(() => principalOf(request({ authorization: 'Bearer ns_aabbcc_secret' }), checkKey)).toThrow(
      expect.objectContaining({ status: 401, code: 'key.signature-needed' }),
    );
  });

  it('lets a browser key in from its own origins only, and from servers', () => {
    const from = (origin: string, host = 'nara.example') =>
      principalOf(request({ key: 'browser-key', origin, host }), checkKey);
    const refused = expect.objectContaining({ status: 403, code: 'key.origin' });
    expect(from('https://a.example')).toBe(browser);
    expect(from('http://localhost:8080', 'localhost:8080')).toBe(browser);
    expect(() => from('http://nara.example')).toThrow(refused);
    expect(() => from('https://evil.example')).toThrow(refused);
    expect(() => from('null')).toThrow(refused);
  });
});

describe('mayDo', () => {
  it('asks for one of the scopes, and lets admin do everything', () => {
    expect(mayDo(browser, 'telemetry', 'decide')).toBe(true);
    expect(mayDo(browser, 'decide')).toBe(false);
    expect(mayDo({ keyId: 'a', scopes: ['admin'], origins: [] }, 'decide')).toBe(true);
    expect(mayDo(null, 'read')).toBe(false);
  });
});

const SECRET = 'ns_s_secret';
const ports: SenderPorts = {
  checkKey,
  checkSignature: (sent) =>
    verifySignedRequest(sent, {
      signers: (keyId) => (keyId === 's' ? { principal: server, secret: SECRET } : null),
      nowMs: 1_000_000,
    }),
};
const sign = (body: string) => ({
  'nara-key': 's',
  'nara-timestamp': '1000',
  'nara-signature': signatureOf(SECRET, '1000', body),
});

describe('identifySender', () => {
  const identify = (headers: Record<string, string>, body: string, queryKey: string | null = null) =>
    identifySender({ headers }, { queryKey, body }, ports, ['telemetry', 'decide']);

  it('knows a sender by key or by signature', () => {
    expect(identify({}, 'body', 'browser-key')).toBe(browser);
    expect(identify(sign('body'), 'body')).toBe(server);
  });

  it('refuses a wrong signature even where a good key comes with it', () => {
    expect(() => identify(sign('body'), 'another body', 'browser-key')).toThrow(
      expect.objectContaining({ status: 401, code: 'signature.wrong' }),
    );
  });

  it('asks for a key where there is neither, and for a scope where there is another', () => {
    expect(() => identify({}, 'body')).toThrow(expect.objectContaining({ status: 401, code: 'key.missing' }));
    expect(() => identifySender({ headers: sign('') }, { queryKey: null, body: '' }, ports, ['read'])).toThrow(
      expect.objectContaining({ status: 403, code: 'key.scope' }),
    );
  });
});

describe('a route that takes keys or signatures', () => {
  it('verifies the bytes that came before it answers, and needs no signature with a key', async () => {
    const { beforeBody, afterBody } = requireScopeOrSignature(ports, 'telemetry', 'decide');
    const app = express();
    app.set('query parser', 'simple');
    app.post('/', beforeBody, express.json({ verify: keepRawBody }), afterBody, (_request, response) => {
      response.json(response.locals.principal);
    });
    app.use(problemHandler(pino({ level: 'silent' })));
    const listening = app.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`;
    const post = async (headers: Record<string, string>, body: string | null, query = '') => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body };
      const response = await fetch(url + query, init);
      return (await response.json()) as { keyId?: string; code?: string };
    };
    const body = '{ "a":  1 }';
    try {
      expect(await post(sign(body), body)).toMatchObject({ keyId: 's' });
      expect(await post(sign(body), '{"a":1}')).toMatchObject({ code: 'signature.wrong' });
      expect(await post(sign(''), null)).toMatchObject({ keyId: 's' });
      expect(await post(sign(body), null)).toMatchObject({ code: 'signature.wrong' });
      expect(await post({}, body, '?key=browser-key')).toMatchObject({ keyId: 'b' });
      expect(await post({}, 'never read')).toMatchObject({ code: 'key.missing' });
    } finally {
      listening.close();
    }
  });
});
