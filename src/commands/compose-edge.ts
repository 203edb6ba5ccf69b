import type { Logger } from 'pino';
import { type CountryOf, openCountries, packagedCountriesPath } from '../api/edge/countries.ts';
import { createEdge, type Edge } from '../api/edge/edge.ts';
import { type Config, ConfigError } from '../config.ts';
import type { Clock } from '../domain/index.ts';

type EdgeConfig = Pick<Config, 'trustedProxies' | 'countryHeader' | 'geoDatabase' | 'regionGroups'>;

/** The edge as configured; its country database is read into memory once. Throws ConfigError when that cannot be read. */
export async function composeEdge(config: EdgeConfig, secret: string, clock: Clock, log: Logger): Promise<Edge> {
  return createEdge({
    ...config,
    countryOf: await openConfigured(config.geoDatabase),
    secret,
    clock,
    onUntrustedForwarder: () =>
      log.warn(
        'a proxy at a private address forwards requests and is not in NARA_TRUSTED_PROXIES: all of its viewers look like one, in one place',
      ),
  });
}

async function openConfigured(database: string | null): Promise<CountryOf> {
  if (database === 'off') return () => null;
  try {
    return await openCountries(database ?? packagedCountriesPath());
  } catch (cause) {
    throw new ConfigError(
      `NARA_GEO_DATABASE: ${database ?? 'the packaged country database'} cannot be read as a country database in MaxMind's format (.mmdb); give another, or off.`,
      { cause },
    );
  }
}
