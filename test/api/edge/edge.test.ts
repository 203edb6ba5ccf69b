import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createEdge, type EdgeOptions } from '../../../src/api/edge/edge.ts';

const DAY_MS = 86_400_000;
const NOON_MS = Date.parse('2026-03-01T12:00:00Z');
const COUNTRIES: Record<string, string> = { '8.8.8.8': 'US', '193.213.112.4': 'NO', '1.1.1.1': 'AU' };

function edgeWith(options: Partial<EdgeOptions> = {}) {
  return createEdge({
    trustedProxies: [],
    countryHeader: null,
    countryOf: (address) => COUNTRIES[address] ?? null,
    regionGroups: {},
    secret: 'a secret of the service, long enough',
    clock: { nowMs: () => NOON_MS },
    ...options,
  });
}

const from = (remoteAddress: string | undefined, headers: Record<string, string> = {}) => ({
  headers,
  socket: { remoteAddress },
});
const plain = edgeWith();
const blockOf = (address: string): string => plain.observe(from(address)).block;

const octet = fc.integer({ min: 0, max: 255 });
const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));

describe('the region', () => {
  const behindProxy = { trustedProxies: ['10.0.0.0/8', 'loopback'], countryHeader: 'CF-IPCountry' };
  const regionOf = (options: Partial<EdgeOptions>, ...request: Parameters<typeof from>) =>
    edgeWith(options).observe(from(...request)).context.region;

  it('is the country of the socket’s peer where no proxy is trusted', () => {
    expect(regionOf({}, '8.8.8.8')).toBe('US');
    expect(regionOf({}, '::ffff:8.8.8.8')).toBe('US');
    expect(regionOf({}, '9.9.9.9')).toBe('ZZ');
    expect(regionOf({}, undefined)).toBe('ZZ');
  });

  it('is what a trusted proxy says, then the country of the client it names', () => {
    const forwarded = { 'x-forwarded-for': '8.8.8.8' };
    expect(regionOf(behindProxy, '10.1.2.3', { ...forwarded, 'cf-ipcountry': 'se' })).toBe('SE');
    expect(regionOf(behindProxy, '10.1.2.3', forwarded)).toBe('US');
    expect(regionOf(behindProxy, '::ffff:10.1.2.3', forwarded)).toBe('US');
  });

  it.each(['XX', 'T1', 'ZZ', 'NOR', 'SE, NO', ''])(
    'is the database’s when the proxy’s word for the country is %j',
    (word) => {
      const headers = { 'x-forwarded-for': '8.8.8.8', 'cf-ipcountry': word };
      expect(regionOf(behindProxy, '10.1.2.3', headers)).toBe('US');
    },
  );

  it('is not what a stranger writes into forwarding headers', () => {
    const lies = { 'x-forwarded-for': '193.213.112.4', 'cf-ipcountry': 'NO' };
    expect(regionOf({}, '8.8.8.8', lies)).toBe('US');
    expect(regionOf(behindProxy, '8.8.8.8', lies)).toBe('US');
  });

  it('is that of the right-most forwarded address that is no trusted proxy', () => {
    const through = (forwarded: string) => regionOf(behindProxy, '127.0.0.1', { 'x-forwarded-for': forwarded });
    expect(through('193.213.112.4, 8.8.8.8')).toBe('US');
    expect(through('193.213.112.4, 8.8.8.8, 10.9.9.9')).toBe('US');
    expect(through('193.213.112.4,8.8.8.8 ,, 10.9.9.9,')).toBe('US');
    expect(through('8.8.8.8:50123')).toBe('US');
    expect(through('10.9.9.9, 10.8.8.8')).toBe('ZZ');
    expect(through('8.8.8.8, unknown')).toBe('ZZ');
    expect(through(`8.8.8.8, ${'9'.repeat(5000)}`)).toBe('ZZ');
  });

  it('is its configured group wherever it comes from', () => {
    const grouped = { ...behindProxy, regionGroups: { NO: 'EU-NORTH', SE: 'EU-NORTH' } };
    expect(regionOf(grouped, '193.213.112.4')).toBe('EU-NORTH');
    expect(regionOf(grouped, '10.1.2.3', { 'cf-ipcountry': 'SE' })).toBe('EU-NORTH');
    expect(regionOf(grouped, '8.8.8.8')).toBe('US');
    expect(edgeWith(grouped).readStated({ region: 'no', device: 'tv', junk: 1 })).toEqual({
      region: 'EU-NORTH',
      device: 'tv',
    });
    expect(edgeWith(grouped).readStated({ region: 'Norway' })).toEqual({});
    expect(edgeWith(grouped).groupOf('DK')).toBe('DK');
  });

  it('is unknown for addresses that are nowhere, whatever a database says', () => {
    const everywhere = { countryOf: () => 'AU' };
    const private_ = ['127.0.0.1', '10.1.1.1', '192.168.1.1', '100.64.3.3', '169.254.1.1', '203.0.113.77', '239.1.1.1'];
    for (const address of [...private_, '::1', 'fd00::1', 'fe80::1%eth0', '2001:db8::1', '::ffff:10.1.1.1'])
      expect([address, regionOf(everywhere, address)]).toEqual([address, 'ZZ']);
    expect(regionOf(everywhere, '8.8.8.8')).toBe('AU');
  });
});

describe('the block', () => {
  it('is one for the /24 of an IPv4 address, however it is written, and no other', () => {
    fc.assert(
      fc.property(octet, octet, octet, octet, octet, (a, b, c, d, e) => {
        const block = blockOf(`${a}.${b}.${c}.${d}`);
        expect(blockOf(`${a}.${b}.${c}.${e}`)).toBe(block);
        expect(blockOf(`::ffff:${a}.${b}.${c}.${e}`)).toBe(block);
        expect(blockOf(`${a}.${b}.${(c + 1) % 256}.${d}`)).not.toBe(block);
        expect(blockOf(`${a}.${(b + 1) % 256}.${c}.${d}`)).not.toBe(block);
      }),
    );
  });

  it('is one for the /48 of an IPv6 address, however it is written, and no other', () => {
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 6, maxLength: 6 }),
        fc.array(group, { minLength: 5, maxLength: 5 }),
        (one, rest) => {
          const [first = '', second = '', third = ''] = one;
          const site = ['2001', first, second];
          const block = blockOf([...site, ...one.slice(0, 5)].join(':'));
          expect(blockOf([...site, ...rest].join(':'))).toBe(block);
          expect(blockOf([...site, ...one.slice(0, 5)].join(':').toUpperCase())).toBe(block);
          expect(blockOf(`2001:${first}:${second}::1`)).toBe(block);
          const next = ((Number.parseInt(second, 16) + 1) % 0x10000).toString(16);
          expect(blockOf(`2001:${first}:${next}::${third}`)).not.toBe(block);
        },
      ),
    );
  });

  it('differs from day to day and from secret to secret', () => {
    let nowMs = NOON_MS;
    const later = edgeWith({ clock: { nowMs: () => nowMs } });
    const elsewhere = edgeWith({ secret: 'another secret, as long as the one' });
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 1, max: 1000 }), (address, days) => {
        nowMs = NOON_MS + days * DAY_MS;
        expect(later.observe(from(address)).block).not.toBe(blockOf(address));
        expect(elsewhere.observe(from(address)).block).not.toBe(blockOf(address));
      }),
    );
  });

  it('is sixteen hex characters that do not show the address, in text or in hex', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const { context, block } = plain.observe(from(address));
        expect(block).toMatch(/^[0-9a-f]{16}$/);
        const packed = /^[\d.]+$/.test(address)
          ? address
              .split('.')
              .map((part) => Number(part).toString(16).padStart(2, '0'))
              .join('')
          : address.replaceAll(':', '');
        if (packed.length >= 8) expect(block).not.toContain(packed);
        expect(JSON.stringify({ context, block })).not.toContain(address);
      }),
    );
  });

  it('changes at midnight UTC in a process that goes on, and not before', () => {
    let nowMs = Date.parse('2026-03-01T23:59:59.999Z');
    const edge = edgeWith({ clock: { nowMs: () => nowMs } });
    const evening = edge.observe(from('8.8.8.8')).block;
    expect(edge.observe(from('8.8.8.9')).block).toBe(evening);
    nowMs += 1;
    const morning = edge.observe(from('8.8.8.8')).block;
    expect(morning).not.toBe(evening);
    expect(edge.observe(from('8.8.8.8')).block).toBe(morning);
  });

  it('is empty where there is no address', () => {
    expect(edgeWith().observe(from(undefined)).block).toBe('');
    expect(blockOf('not an address')).toBe('');
  });

  it('is of the client that a trusted proxy names, not of the proxy', () => {
    const proxied = edgeWith({ trustedProxies: ['loopback'] }).observe(
      from('::1', { 'x-forwarded-for': '2001:db8:1:2::3' }),
    );
    expect(proxied.block).toBe(blockOf('2001:db8:1::'));
    expect(edgeWith().observe(from('::1', { 'x-forwarded-for': '2001:db8:1:2::3' })).block).toBe(blockOf('::1'));
  });
});

describe('a proxy that nobody named', () => {
  it('is told of once, and only when it stands at a private address', () => {
    const onUntrustedForwarder = vi.fn();
    const edge = edgeWith({ onUntrustedForwarder });
    edge.observe(from('8.8.8.8', { 'x-forwarded-for': '1.1.1.1' }));
    edge.observe(from('10.0.0.1'));
    expect(onUntrustedForwarder).not.toHaveBeenCalled();
    edge.observe(from('10.0.0.1', { 'x-forwarded-for': '1.1.1.1' }));
    edge.observe(from('10.0.0.1', { 'x-forwarded-for': '1.1.1.1' }));
    expect(onUntrustedForwarder).toHaveBeenCalledOnce();
  });

  it('is no news when it is trusted', () => {
    const onUntrustedForwarder = vi.fn();
    const edge = edgeWith({ trustedProxies: ['uniquelocal'], onUntrustedForwarder });
    edge.observe(from('10.0.0.1', { 'x-forwarded-for': '10.0.0.2' }));
    expect(onUntrustedForwarder).not.toHaveBeenCalled();
  });
});
