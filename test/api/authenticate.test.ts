import type { Request } from 'express';
import { describe, expect, it } from 'vitest';
import { mayDo, principalOf } from '../../src/api/authenticate.ts';
import type { Principal } from '../../src/api/key-store.ts';

const browser: Principal = { keyId: 'b', scopes: ['telemetry'], origins: ['https://a.example', 'self'] };
const check = async (key: string): Promise<Principal | null> => (key === 'browser-key' ? browser : null);

const request = (of: { authorization?: string; origin?: string; host?: string; key?: string }): Request =>
  ({
    headers: { authorization: of.authorization, origin: of.origin, host: of.host },
    query: of.key === undefined ? {} : { key: of.key },
  }) as unknown as Request;

describe('principalOf', () => {
  it('reads the key from the header, or from the URL where no header can be set', async () => {
    expect(await principalOf(request({ authorization: 'Bearer browser-key' }), check)).toBe(browser);
    expect(await principalOf(request({ key: 'browser-key' }), check)).toBe(browser);
    expect(await principalOf(request({}), check)).toBeNull();
  });

  it('refuses a key it does not know with 401', async () => {
    await expect(principalOf(request({ key: 'guessed' }), check)).rejects.toMatchObject({ status: 401 });
  });

  it('lets a browser key in from its own origins only, and from servers', async () => {
    const from = (origin: string, host = 'nara.example') =>
      principalOf(request({ key: 'browser-key', origin, host }), check);
    expect(await from('https://a.example')).toBe(browser);
    expect(await from('http://localhost:8080', 'localhost:8080')).toBe(browser);
    await expect(from('http://nara.example')).rejects.toMatchObject({ status: 403 });
    await expect(from('https://evil.example')).rejects.toMatchObject({ status: 403, code: 'key.origin' });
    await expect(from('null')).rejects.toMatchObject({ status: 403 });
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
