import { createRequire } from 'node:module';
import { open } from 'maxmind';
import { z } from 'zod';

/** The country (ISO 3166-1 alpha-2) of an address, or null. */
export type CountryOf = (address: string) => string | null;

const require = createRequire(import.meta.url);

/** The country database that comes with the service (CC0). */
export function packagedCountriesPath(): string {
  return require.resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb');
}

const code = z.string().length(2);
/** As ip-location-db, MaxMind and DB-IP, and IPinfo write it. */
const recordSchema = z.union([
  z.object({ country_code: code }).transform((record) => record.country_code),
  z.object({ country: z.object({ iso_code: code }) }).transform((record) => record.country.iso_code),
  z.object({ country: code }).transform((record) => record.country),
]);

/** Opens any country database in MaxMind's format, into memory; look-ups never touch the disk. Throws when it cannot be read. */
export async function openCountries(path: string): Promise<CountryOf> {
  const reader = await open(path);
  return (address) => {
    const record = recordSchema.safeParse(reader.get(address));
    return record.success ? record.data.toUpperCase() : null;
  };
}
