import type { IncomingHttpHeaders } from 'node:http';
import { LRUCache } from 'lru-cache';
import { createRangeCheck, detach, parseAddress } from './address.ts';

/** What `observe` reads of a request: node's own or Express's. */
export type ObservedRequest = {
  headers: IncomingHttpHeaders;
  socket: { remoteAddress?: string | undefined };
};

/** Where a request comes from, as text, and whether the peer that sent it may say so in headers. */
export type Client = { address: string | undefined; peerIsTrusted: boolean };

/** As many as places are remembered of. */
const REMEMBERED = 50_000;

/**
 * Finds a request's client: the socket's peer or, behind trusted proxies, the right-most entry of `X-Forwarded-For` that is
 * not one of them. What stands left of that entry was written by the client itself and is never read.
 */
export function createClientFinder(trustedProxies: readonly string[]): (request: ObservedRequest) => Client {
  if (trustedProxies.length === 0) return ({ socket }) => ({ address: socket.remoteAddress, peerIsTrusted: false });
  const isTrusted = rememberTrust(trustedProxies);
  return ({ headers, socket }) => {
    const peer = socket.remoteAddress;
    if (peer === undefined || !isTrusted(peer)) return { address: peer, peerIsTrusted: false };
    const forwarded = headers['x-forwarded-for'];
    const address = typeof forwarded === 'string' ? lastUntrusted(forwarded, isTrusted) : undefined;
    return { address: address ?? peer, peerIsTrusted: true };
  };
}

function rememberTrust(trustedProxies: readonly string[]): (text: string) => boolean {
  const isInRange = createRangeCheck(trustedProxies);
  const known = new LRUCache<string, boolean>({ max: REMEMBERED });
  return (text) => {
    const remembered = known.get(text);
    if (remembered !== undefined) return remembered;
    const address = parseAddress(text);
    const trusted = address !== null && isInRange(address);
    if (address !== null) known.set(detach(text), trusted);
    return trusted;
  };
}

/** The entry that the outermost trusted proxy wrote; the left-most when all of them are trusted. */
function lastUntrusted(forwarded: string, isTrusted: (text: string) => boolean): string | undefined {
  let end = forwarded.length;
  let entry: string | undefined;
  while (end >= 0) {
    const comma = forwarded.lastIndexOf(',', end - 1);
    const text = forwarded.slice(comma + 1, end).trim();
    if (text !== '') {
      entry = text;
      if (!isTrusted(text)) return entry;
    }
    if (comma < 0) break;
    end = comma;
  }
  return entry;
}
