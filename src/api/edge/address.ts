import { BlockList, isIP } from 'node:net';

/** An address in its canonical text, and the block it belongs to: the /24 of IPv4, the /48 of IPv6. */
export type Address = { family: 'ipv4' | 'ipv6'; text: string; block: string };

/** The longest address that can be written: an IPv4-mapped IPv6 one. */
const MAX_ADDRESS_CHARACTERS = 45;
/** Proxies of some vendors append the port; IPv6 is then in brackets. */
const WITH_PORT = /^\[([^\]]+)\](?::\d+)?$|^([\d.]+):\d+$/;

/** Reads an address as sockets and forwarding headers write it; null when it is none. An IPv4-mapped one is the IPv4 one. */
export function parseAddress(text: string): Address | null {
  if (text.length > MAX_ADDRESS_CHARACTERS + '[]:65535'.length) return null;
  const [, bracketed, beforePort] = WITH_PORT.exec(text) ?? [];
  const [bare = ''] = (bracketed ?? beforePort ?? text).split('%', 1);
  const family = isIP(bare);
  if (family === 0) return null;
  if (family === 4) return ipv4(bare);
  const groups = expand(bare);
  const [high = 0, low = 0] = groups.slice(6);
  if (groups.slice(0, 6).join() === MAPPED) return ipv4([high >> 8, high & 255, low >> 8, low & 255].join('.'));
  const hex = groups.map((group) => group.toString(16));
  return { family: 'ipv6', text: hex.join(':'), block: hex.slice(0, 3).join(':') };
}

/** A copy to remember: a slice of a header would keep the whole header alive, which may be large and a stranger's. */
export function detach(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

const MAPPED = [0, 0, 0, 0, 0, 0xffff].join();

function ipv4(text: string): Address {
  return { family: 'ipv4', text, block: text.slice(0, text.lastIndexOf('.')) };
}

/** The eight groups of a valid IPv6 address. */
function expand(text: string): number[] {
  // The URL standard's canonical form has no dotted tail left, only hexadecimal groups and at most one gap.
  const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [before = [], after = []] = canonical.split('::').map((half) =>
    half
      .split(':')
      .filter(Boolean)
      .map((group) => Number.parseInt(group, 16)),
  );
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** The names that may stand for ranges in a list of trusted proxies. */
const NAMED_RANGES: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Whether an address is in one of the ranges: addresses, CIDRs, `loopback`, `linklocal`, `uniquelocal`. */
export function createRangeCheck(ranges: readonly string[]): (address: Address) => boolean {
  const list = new BlockList();
  for (const range of ranges.flatMap((entry) => NAMED_RANGES[entry] ?? [entry])) {
    const [network = '', prefix] = range.split('/');
    const family = isIP(network) === 4 ? 'ipv4' : 'ipv6';
    if (prefix === undefined) list.addAddress(network, family);
    else list.addSubnet(network, Number(prefix), family);
  }
  return ({ text, family }) => list.check(text, family);
}

/** Nobody's on the internet (RFC 6890 and the documentation ranges); country databases know wrong things about some. */
export const NOWHERE_RANGES = [
  'loopback',
  'linklocal',
  'uniquelocal',
  '0.0.0.0/8',
  '100.64.0.0/10',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::',
  '100::/64',
  '2001:db8::/32',
  'ff00::/8',
] as const;
