import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Request, RequestHandler } from 'express';
import { OWN_ORIGIN, type Principal, type Scope } from './key-store.ts';
import { Problem } from './problem.ts';
import type { SignatureCheck, SignedRequest } from './signed-request.ts';

const LOOPBACK_NAME = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
/** A signing secret where a key belongs. */
const SIGNING_SECRET = /^ns_[0-9a-f]+_/;

/** Who a key belongs to, or null. */
export type CheckKey = (key: string) => Principal | null;

/** Whose signature a request carries, if any. */
export type CheckSignature = (request: SignedRequest) => SignatureCheck;

type Credentials = { headers: IncomingHttpHeaders; queryKey: unknown };

/** Whether a principal may do what any of these scopes allows; `admin` may do everything. */
export function mayDo(principal: Principal | null, ...scopes: readonly Scope[]): boolean {
  return (
    principal !== null &&
    (principal.scopes.includes('admin') || scopes.some((scope) => principal.scopes.includes(scope)))
  );
}

/**
 * The owner of a request's key (`Authorization: Bearer KEY`, or `?key=` where no header can be set); null without one. Throws 401
 * for a wrong key and 403 from an origin the key is not for.
 */
export function keyOwner({ headers, queryKey }: Credentials, check: CheckKey): Principal | null {
  const key = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? queryKey;
  if (typeof key !== 'string' || key === '') return null;
  const principal = check(key);
  if (principal !== null) return fromAllowedOrigin(principal, headers);
  if (SIGNING_SECRET.test(key))
    throw new Problem(
      401,
      'key.signature-needed',
      'This is a signing secret, which is never sent: sign the request with it (NARA-Key, NARA-Timestamp, NARA-Signature).',
    );
  throw new Problem(401, 'key.unknown', 'This key is not known here, or was revoked.');
}

/** `keyOwner` of an Express request. */
export function principalOf(request: Request, check: CheckKey): Principal | null {
  return keyOwner({ headers: request.headers, queryKey: request.query.key }, check);
}

/** The principal, when it has one of these scopes. Throws 401 without one, 403 where it may not. */
export function demandScope(principal: Principal | null, scopes: readonly Scope[]): Principal {
  if (principal !== null && mayDo(principal, ...scopes)) return principal;
  const wanted = scopes.join(' or ');
  if (principal === null)
    throw new Problem(
      401,
      'key.missing',
      `This needs a key with scope ${wanted}: Authorization: Bearer KEY, or ?key=KEY.`,
    );
  throw new Problem(403, 'key.scope', `This needs scope ${wanted}; the key has ${principal.scopes.join(', ')}.`);
}

/** Lets through only keys with one of these scopes. */
export function requireScope(check: CheckKey, ...scopes: readonly Scope[]): RequestHandler {
  return (request, response, next) => {
    response.locals.principal = demandScope(principalOf(request, check), scopes);
    next();
  };
}

/** Who may send a body: by key, or by a signature over it. */
export type SenderPorts = { checkKey: CheckKey; checkSignature: CheckSignature };

/** The sender of a body that has been read (and decompressed), by signature or by key. Throws 401 and 403. */
export function identifySender(
  { headers }: Pick<IncomingMessage, 'headers'>,
  { queryKey, body }: { queryKey: unknown; body: Uint8Array | string },
  ports: SenderPorts,
  scopes: readonly Scope[],
): Principal {
  const signature = ports.checkSignature({ headers, body });
  if (signature.kind === 'refused') throw new Problem(401, signature.code, signature.reason);
  const principal =
    signature.kind === 'verified'
      ? fromAllowedOrigin(signature.principal, headers)
      : keyOwner({ headers, queryKey }, ports.checkKey);
  return demandScope(principal, scopes);
}

const rawBodies = new WeakMap<IncomingMessage, Buffer>();

/** For a body parser's `verify`: keeps the bytes that a signature is over. */
export function keepRawBody(request: IncomingMessage, _response: unknown, body: Buffer): void {
  if (isSigned(request)) rawBodies.set(request, body);
}

/**
 * As `requireScope`, for bodies that a server may sign instead of sending a key: two handlers, for before and after a body
 * parser with `keepRawBody`. Without a signature the first one decides, before any of the body is read.
 */
export function requireScopeOrSignature(
  ports: SenderPorts,
  ...scopes: readonly Scope[]
): { beforeBody: RequestHandler; afterBody: RequestHandler } {
  const byKey = requireScope(ports.checkKey, ...scopes);
  return {
    beforeBody: (request, response, next) => (isSigned(request) ? next() : byKey(request, response, next)),
    afterBody(request, response, next) {
      if (isSigned(request)) {
        const sent = { queryKey: null, body: rawBodies.get(request) ?? '' };
        response.locals.principal = identifySender(request, sent, ports, scopes);
      }
      next();
    },
  };
}

function isSigned({ headers }: IncomingMessage): boolean {
  return headers['nara-key'] !== undefined;
}

function fromAllowedOrigin(principal: Principal, headers: IncomingHttpHeaders): Principal {
  const { origin, host } = headers;
  if (origin === undefined || principal.origins.length === 0) return principal;
  if (isAllowed(origin, principal.origins, host)) return principal;
  throw new Problem(403, 'key.origin', `This key may not be used from ${origin}.`);
}

function isAllowed(origin: string, allowed: readonly string[], host: string | undefined): boolean {
  if (allowed.includes(origin)) return true;
  if (!allowed.includes(OWN_ORIGIN) || !URL.canParse(origin)) return false;
  // Only on loopback: a name that was made to point here (DNS rebinding) is its page's own origin too.
  const page = new URL(origin);
  return page.host === host && LOOPBACK_NAME.test(page.hostname);
}
