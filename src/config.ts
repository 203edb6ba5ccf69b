import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';

/** A bucket's name as Amazon allows it, and segments as media store keys have them. */
const BUCKET_LOCATION = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\/?$/;

const port = z.coerce.number().int().min(0).max(65_535);
const text = z.string().min(1);
const mediaStore = text.refine((value) => !/^[a-z][a-z0-9+.-]*:\/\//i.test(value) || BUCKET_LOCATION.test(value), {
  error: 'must be a directory or s3://BUCKET/PREFIX, the prefix made of A-Z a-z 0-9 . _ - and /',
});
const addressList = z
  .string()
  .transform((value) => splitList(value))
  .pipe(
    z.array(
      z.string().refine(isTrustable, {
        error: ({ input }) => `${input} is not an address, a CIDR, loopback, linklocal or uniquelocal`,
      }),
    ),
  );

const headerName = text
  .regex(/^[A-Za-z0-9-]+$/, { error: 'must be the name of a header' })
  .transform((name) => name.toLowerCase());
const regionGroups = z.string().transform((value, context) => {
  const groups: Record<string, string> = {};
  for (const entry of splitList(value, ';')) {
    const [, group, countries] = /^([A-Z]{2}(?:-[A-Z0-9]{1,12})?):((?:[A-Z]{2},)*[A-Z]{2})$/.exec(entry) ?? [];
    const taken = countries?.split(',').find((country) => groups[country] !== undefined);
    if (group === undefined || countries === undefined)
      context.addIssue(`${entry} is not GROUP:COUNTRY,COUNTRY with a group such as EU-NORTH and countries such as NO`);
    else if (taken !== undefined) context.addIssue(`${taken} is in ${groups[taken]} and in ${group}`);
    else for (const country of countries.split(',')) groups[country] = group;
  }
  return groups;
});

const codecs = z
  .string()
  .transform((value) => splitList(value))
  .pipe(z.array(z.enum(['h264', 'av1'])))
  .refine((list) => list.includes('h264'), { error: 'must have h264, which every player decodes' });

const environmentSchema = z.object({
  NARA_HOST: text.default('127.0.0.1'),
  NARA_PORT: port.optional(),
  NARA_DATA_DIR: text.default('./data'),
  CLICKHOUSE_URL: z.url().optional(),
  REDIS_URL: z.url().optional(),
  NARA_MEDIA_STORE: mediaStore.optional(),
  NARA_S3_ENDPOINT: z.url().optional(),
  NARA_MEDIA_CACHE_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(1024 ** 3),
  AWS_REGION: text.default('us-east-1'),
  AWS_ACCESS_KEY_ID: text.optional(),
  AWS_SECRET_ACCESS_KEY: text.optional(),
  AWS_SESSION_TOKEN: text.optional(),
  NARA_ADMIN_TOKEN: z.string().min(16).optional(),
  NARA_SECRET: z.string().min(32).optional(),
  NARA_TRUSTED_PROXIES: addressList.default([]),
  NARA_COUNTRY_HEADER: headerName.optional(),
  NARA_GEO_DATABASE: text.optional(),
  NARA_REGION_GROUPS: regionGroups.default({}),
  NARA_FFMPEG: text.default('ffmpeg'),
  NARA_FFPROBE: text.default('ffprobe'),
  NARA_CODECS: codecs.default(['h264', 'av1']),
  NARA_UPLINK_KBPS: z.coerce.number().positive().optional(),
  NARA_DISK_RESERVE_BYTES: z.coerce
    .number()
    .int()
    .min(0)
    .default(1024 ** 3),
  NARA_CPU_SHARE: z.coerce.number().gt(0).max(1).default(0.75),
  NARA_GOVERNOR: z.enum(['on', 'off']).default('on'),
  NARA_WATCH_URL: z.url({ protocol: /^https?$/ }).optional(),
  NARA_VIEW_TIMEOUT_SECONDS: z.coerce.number().positive().default(300),
  NARA_SPOOL_MAX_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(2 * 1024 ** 3),
  NARA_VIEW_EVENTS_PER_SECOND: z.coerce.number().positive().default(5),
  NARA_BLOCK_EVENTS_PER_SECOND: z.coerce.number().positive().default(1_000),
  NARA_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  NARA_CLICKHOUSE_PORT: port.default(8123),
  NARA_CLICKHOUSE_PASSWORD: z.string().default(''),
  NARA_CLICKHOUSE_MAX_MEMORY_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(2 * 1024 ** 3),
});

/** Everything the service reads from its environment, validated once at start. */
export type Config = Readonly<{
  /** Interface to listen on; with no keys it never leaves loopback. */
  host: string;
  port: number;
  /** A taken explicit port is an error; a taken default one moves to a free one. */
  portIsExplicit: boolean;
  /** Absolute path. */
  dataDir: string;
  /** Null: an embedded ClickHouse is started. */
  clickhouseUrl: string | null;
  /** Null: a redis-server is started. */
  redisUrl: string | null;
  /** Absolute directory, or `s3://BUCKET/PREFIX`. */
  mediaStore: string;
  /** Absolute directory in which uploads arrive: in the media store, or beside a store elsewhere. */
  uploadsDirectory: string;
  /** How to get at a bucket; credentials null: what the machine's role allows. */
  s3: Readonly<{
    endpoint: string | null;
    region: string;
    credentials: Readonly<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }> | null;
  }>;
  /** Bytes of a bucket's media kept on local disk while they are in demand. */
  mediaCacheBytes: number;
  adminToken: string | null;
  /** Signs view tokens and draws arms; the same on every host. Null: made once and kept in the data directory. */
  secret: string | null;
  /** Addresses or CIDRs whose forwarding headers are believed. */
  trustedProxies: readonly string[];
  /** Header, in lower case, in which a trusted proxy names the client's country; null: none. */
  countryHeader: string | null;
  /** A country database in MaxMind's format; `off`: none; null: the one that comes with the service. */
  geoDatabase: string | null;
  /** Country → the group that it is learned as. */
  regionGroups: Readonly<Record<string, string>>;
  ffmpegPath: string;
  ffprobePath: string;
  /** What renditions are made and offered in; every asset is there in H.264, the others are for those who decode them. */
  codecs: readonly ('h264' | 'av1')[];
  /** Width of this host's line, kbit/s; null: not known, not capped. */
  uplinkKbps: number | null;
  /** Bytes of disk that uploads leave free for everything else. */
  diskReserveBytes: number;
  /** Share of the machine, 0..1, that encoding may take while others need it. */
  cpuShare: number;
  /** False: encoding takes what it can get, without niceness, pacing or slots by weight. For measuring against. */
  governor: boolean;
  /** What shares the machine answers here; encoding slows when that becomes slow. Null: nothing to watch. */
  watchUrl: string | null;
  /** A view without signs of life for this long has ended. */
  viewTimeoutMs: number;
  /** Bytes of accepted but unshipped telemetry kept on disk before 503. */
  spoolMaxBytes: number;
  /** What clients may report, per view and per address block; server-side reporters may report without limit. */
  rates: Readonly<Record<'view' | 'block', Readonly<{ perSecond: number; burst: number }>>>;
  logLevel: string;
  clickhousePort: number;
  clickhousePassword: string;
  clickhouseMaxMemoryBytes: number;
}>;

/** How a process ends that cannot run as it is configured (EX_CONFIG of sysexits.h): starting it again is no use. */
export const CONFIG_EXIT_CODE = 78;

/** An environment variable that cannot be used; the message names it. */
export class ConfigError extends Error {
  readonly code = 'config.invalid';
  override readonly name = 'ConfigError';
}

/** Reads and validates the environment: the only place that does. Throws ConfigError naming each bad variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = environmentSchema.safeParse(present);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`);
    throw new ConfigError(`The environment is not usable:\n  ${lines.join('\n  ')}`);
  }
  const value = parsed.data;
  const dataDir = resolve(value.NARA_DATA_DIR);
  const location = value.NARA_MEDIA_STORE ?? `${dataDir}/media`;
  const isBucket = BUCKET_LOCATION.test(location);
  return Object.freeze({
    host: value.NARA_HOST,
    port: value.NARA_PORT ?? 8080,
    portIsExplicit: value.NARA_PORT !== undefined,
    dataDir,
    clickhouseUrl: value.CLICKHOUSE_URL ?? null,
    redisUrl: value.REDIS_URL ?? null,
    mediaStore: isBucket ? location : resolve(location),
    uploadsDirectory: resolve(isBucket ? dataDir : location, 'uploads'),
    s3: { endpoint: value.NARA_S3_ENDPOINT ?? null, region: value.AWS_REGION, credentials: credentialsOf(value) },
    mediaCacheBytes: value.NARA_MEDIA_CACHE_BYTES,
    adminToken: value.NARA_ADMIN_TOKEN ?? null,
    secret: value.NARA_SECRET ?? null,
    trustedProxies: value.NARA_TRUSTED_PROXIES,
    countryHeader: value.NARA_COUNTRY_HEADER ?? null,
    geoDatabase: value.NARA_GEO_DATABASE ?? null,
    regionGroups: value.NARA_REGION_GROUPS,
    ffmpegPath: value.NARA_FFMPEG,
    ffprobePath: value.NARA_FFPROBE,
    codecs: value.NARA_CODECS,
    uplinkKbps: value.NARA_UPLINK_KBPS ?? null,
    diskReserveBytes: value.NARA_DISK_RESERVE_BYTES,
    cpuShare: value.NARA_CPU_SHARE,
    governor: value.NARA_GOVERNOR === 'on',
    watchUrl: value.NARA_WATCH_URL ?? null,
    viewTimeoutMs: value.NARA_VIEW_TIMEOUT_SECONDS * 1000,
    spoolMaxBytes: value.NARA_SPOOL_MAX_BYTES,
    rates: {
      view: rateOf(value.NARA_VIEW_EVENTS_PER_SECOND),
      block: rateOf(value.NARA_BLOCK_EVENTS_PER_SECOND),
    },
    logLevel: value.NARA_LOG_LEVEL,
    clickhousePort: value.NARA_CLICKHOUSE_PORT,
    clickhousePassword: value.NARA_CLICKHOUSE_PASSWORD,
    clickhouseMaxMemoryBytes: value.NARA_CLICKHOUSE_MAX_MEMORY_BYTES,
  });
}

function credentialsOf(env: z.infer<typeof environmentSchema>): Config['s3']['credentials'] {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env;
  if (accessKeyId === undefined || secretAccessKey === undefined) return null;
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** After a silence, or an hour without a line, a minute's worth may come at once. */
const BURST_SECONDS = 60;

function rateOf(perSecond: number): { perSecond: number; burst: number } {
  return { perSecond, burst: perSecond * BURST_SECONDS };
}

function splitList(value: string, separator = ','): string[] {
  return value
    .split(separator)
    .map((entry) => entry.trim())
    .filter(Boolean);
}

/** What Express' `trust proxy` takes. */
function isTrustable(entry: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(entry)) return true;
  const [, address = '', prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const version = isIP(address);
  if (version === 0 || prefix === undefined) return version !== 0;
  return Number(prefix) >= 1 && Number(prefix) <= (version === 4 ? 32 : 128);
}
