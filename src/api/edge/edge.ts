// Lifecycle: createEdge → observe, for every request. It holds no timer and no file. Addresses live only in its caches:
// bounded, and emptied whenever the UTC day (and with it the key of the blocks) changes.
import { LRUCache } from 'lru-cache';
import { type Clock, type Context, UNKNOWN_REGION } from '../../domain/index.ts';
import { readStatedContext, type StatedContext } from '../request-context.ts';
import { createRangeCheck, detach, NOWHERE_RANGES, parseAddress } from './address.ts';
import { blockDayOf, createBlockHash } from './address-block.ts';
import { createClientFinder, type ObservedRequest } from './client-address.ts';
import type { CountryOf } from './countries.ts';
import { createDeviceReader } from './device.ts';

/** What a request shows, without its address. `block` is a keyed hash of the address block, empty when there is no address. */
export type Observed = { context: Context; block: string };

export type Edge = {
  /** What any request shows by itself: node's own or Express's. */
  observe(request: ObservedRequest): Observed;
  /** What a `decide` reporter states, its countries in their groups; what it does not state stays open. */
  readStated(source: Record<string, unknown>): StatedContext;
  /** A country's configured group, or the country itself. */
  groupOf(region: string): string;
};

export type EdgeOptions = {
  /** Addresses, CIDRs, `loopback`, `linklocal`, `uniquelocal`: the peers whose forwarding headers are believed. */
  trustedProxies: readonly string[];
  /** Header in which a trusted proxy names the client's country; null: none. */
  countryHeader: string | null;
  countryOf: CountryOf;
  /** Country → group. */
  regionGroups: Readonly<Record<string, string>>;
  secret: string;
  clock: Clock;
  /** Called once, when somebody forwards requests from a private address and is not trusted: all its viewers look like one. */
  onUntrustedForwarder?(): void;
};

type Place = { region: string; block: string; isPrivate: boolean };

const REMEMBERED_ADDRESSES = 50_000;
const NOWHERE: Place = { region: UNKNOWN_REGION, block: '', isPrivate: false };
/** Cloudflare's word for a country it does not know is XX. */
const NO_COUNTRY = new Set(['XX', UNKNOWN_REGION]);

/** Resolves what requests show: the only place in which their addresses are read. */
export function createEdge(options: EdgeOptions): Edge {
  const { regionGroups } = options;
  const groups = new Map(Object.entries(regionGroups));
  const groupOf = (region: string): string => groups.get(region) ?? region;
  const countryHeader = options.countryHeader?.toLowerCase() ?? null;
  const findClient = createClientFinder(options.trustedProxies);
  const deviceOf = createDeviceReader();
  const placeOf = rememberPlaces(options, groupOf);
  let mayWarn = options.onUntrustedForwarder !== undefined;

  return {
    observe(request) {
      const { headers } = request;
      const { address, peerIsTrusted } = findClient(request);
      const place = address === undefined ? NOWHERE : placeOf(address);
      if (mayWarn && place.isPrivate && !peerIsTrusted && headers['x-forwarded-for'] !== undefined) {
        mayWarn = false;
        options.onUntrustedForwarder?.();
      }
      const told = peerIsTrusted && countryHeader !== null ? countryIn(headers[countryHeader]) : null;
      const region = told === null ? place.region : groupOf(told);
      return { context: { region, device: deviceOf(headers), connection: 'unknown' }, block: place.block };
    },
    readStated(source) {
      const stated = readStatedContext(source);
      return stated.region === undefined ? stated : { ...stated, region: groupOf(stated.region) };
    },
    groupOf,
  };
}

function rememberPlaces(
  { countryOf, secret, clock }: EdgeOptions,
  groupOf: (region: string) => string,
): (address: string) => Place {
  const known = new LRUCache<string, Place>({ max: REMEMBERED_ADDRESSES });
  const isNowhere = createRangeCheck(NOWHERE_RANGES);
  let day = blockDayOf(clock.nowMs());
  let hash = createBlockHash(secret, day);
  return (text) => {
    const today = blockDayOf(clock.nowMs());
    if (today !== day) {
      known.clear();
      day = today;
      hash = createBlockHash(secret, day);
    }
    const remembered = known.get(text);
    if (remembered !== undefined) return remembered;
    const address = parseAddress(text);
    if (address === null) return NOWHERE;
    const isPrivate = isNowhere(address);
    const country = isPrivate ? null : countryOf(address.text);
    const place = { region: country === null ? UNKNOWN_REGION : groupOf(country), block: hash(address), isPrivate };
    known.set(detach(text), place);
    return place;
  };
}

function countryIn(header: string | string[] | undefined): string | null {
  if (typeof header !== 'string' || !/^[a-z]{2}$/i.test(header)) return null;
  const country = header.toUpperCase();
  return NO_COUNTRY.has(country) ? null : country;
}
