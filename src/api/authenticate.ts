import type { Request, RequestHandler } from 'express';
import { OWN_ORIGIN, type Principal, type Scope } from './key-store.ts';
import { Problem } from './problem.ts';

const LOOPBACK_NAME = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Who a key belongs to, or null. */
export type CheckKey = (key: string) => Promise<Principal | null>;

/** The key of a request: `Authorization: Bearer KEY`, or `?key=` where no header can be set. */
export function keyOf(request: Pick<Request, 'headers' | 'query'>): string | null {
  const header = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (header !== undefined) return header;
  return typeof request.query.key === 'string' && request.query.key !== '' ? request.query.key : null;
}

/** Whether a principal may do what any of these scopes allows; `admin` may do everything. */
export function mayDo(principal: Principal | null, ...scopes: readonly Scope[]): boolean {
  return (
    principal !== null &&
    (principal.scopes.includes('admin') || scopes.some((scope) => principal.scopes.includes(scope)))
  );
}

/** The request's principal; null without a key. Throws 401 for a wrong key and 403 from an origin the key is not for. */
export async function principalOf(request: Request, check: CheckKey): Promise<Principal | null> {
  const key = keyOf(request);
  if (key === null) return null;
  const principal = await check(key);
  if (principal === null) throw new Problem(401, 'key.unknown', 'This key is not known here, or was revoked.');
  const origin = request.headers.origin;
  if (
    origin !== undefined &&
    principal.origins.length > 0 &&
    !isAllowed(origin, principal.origins, request.headers.host)
  ) {
    throw new Problem(403, 'key.origin', `This key may not be used from ${origin}.`);
  }
  return principal;
}

/** Lets through only keys with one of these scopes. */
export function requireScope(check: CheckKey, ...scopes: readonly Scope[]): RequestHandler {
  return async (request, response, next) => {
    const principal = await principalOf(request, check);
    if (principal === null) {
      response.setHeader('WWW-Authenticate', 'Bearer');
      throw new Problem(
        401,
        'key.missing',
        `This needs a key with scope ${scopes.join(' or ')}: Authorization: Bearer KEY, or ?key=KEY.`,
      );
    }
    if (!mayDo(principal, ...scopes)) {
      throw new Problem(
        403,
        'key.scope',
        `This needs scope ${scopes.join(' or ')}; the key has ${principal.scopes.join(', ')}.`,
      );
    }
    response.locals.principal = principal;
    next();
  };
}

function isAllowed(origin: string, allowed: readonly string[], host: string | undefined): boolean {
  if (allowed.includes(origin)) return true;
  if (!allowed.includes(OWN_ORIGIN) || !URL.canParse(origin)) return false;
  // Only on loopback: a name that was made to point here (DNS rebinding) is its page's own origin too.
  const page = new URL(origin);
  return page.host === host && LOOPBACK_NAME.test(page.hostname);
}
