import { expect, it } from 'vitest';
import { openCountries, packagedCountriesPath } from '../../../src/api/edge/countries.ts';
import { createEdge } from '../../../src/api/edge/edge.ts';

it('finds countries in the packaged database, by IPv4, IPv6 and IPv4-mapped addresses', async () => {
  const edge = createEdge({
    trustedProxies: [],
    countryHeader: null,
    countryOf: await openCountries(packagedCountriesPath()),
    regionGroups: { NO: 'EU-NORTH' },
    secret: 'a secret of the service, long enough',
    clock: { nowMs: () => 0 },
  });
  const regionOf = (remoteAddress: string) => edge.observe({ headers: {}, socket: { remoteAddress } }).context.region;
  expect(regionOf('193.213.112.4')).toBe('EU-NORTH');
  expect(regionOf('8.8.8.8')).toBe('US');
  expect(regionOf('::ffff:8.8.8.8')).toBe('US');
  expect(regionOf('2001:4860:4860::8888')).toBe('US');
  // The database has entries for these.
  expect(regionOf('192.168.1.1')).toBe('ZZ');
  expect(regionOf('2001:db8::77')).toBe('ZZ');
});

it('does not open what is no database', async () => {
  await expect(openCountries(import.meta.filename)).rejects.toThrow();
  await expect(openCountries('/nowhere/country.mmdb')).rejects.toThrow();
});
