import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../src/config.ts';

test('an empty environment is enough, and an empty variable is an unset one', () => {
  const config = readConfig({ NARA_PORT: '', NARA_DATA_DIR: '/srv/nara' });
  expect(config).toMatchObject({
    port: 8080,
    portIsExplicit: false,
    mediaStore: '/srv/nara/media',
    trustedProxies: [],
  });
});

test('H.264 is always among the codecs, and AV1 unless it is left out', () => {
  expect(readConfig({}).codecs).toEqual(['h264', 'av1']);
  expect(readConfig({ NARA_CODECS: 'h264' }).codecs).toEqual(['h264']);
  expect(() => readConfig({ NARA_CODECS: 'av1' })).toThrow('NARA_CODECS: must have h264');
  expect(() => readConfig({ NARA_CODECS: 'h264,vp8' })).toThrow('NARA_CODECS');
});

test('proxies are trusted by address, by CIDR, or by the name of a range', () => {
  const listed = ' 10.1.2.3, 10.0.0.0/8,2001:db8::/32 ,::1,,loopback,linklocal,uniquelocal';
  expect(readConfig({ NARA_TRUSTED_PROXIES: listed }).trustedProxies).toEqual([
    '10.1.2.3',
    '10.0.0.0/8',
    '2001:db8::/32',
    '::1',
    'loopback',
    'linklocal',
    'uniquelocal',
  ]);
});

test.each(['zzz', '10.0.0.0/33', '10.0.0.0/0', '10.0.0.0/', '::1/129', '10.1', 'proxy.example', 'fe80::1%eth0'])(
  'the proxy %j is refused by its name and that of the variable',
  (entry) => {
    const reading = () => readConfig({ NARA_TRUSTED_PROXIES: `127.0.0.1,${entry}` });
    expect(reading).toThrow(ConfigError);
    expect(reading).toThrow(`NARA_TRUSTED_PROXIES: ${entry} is not an address`);
  },
);

test.each(['gs://bucket/prefix', 'file:///srv/media', 's3://', 's3://Bucket', 's3://bucket/a b', 's3://bucket/../x'])(
  'the media store %j is refused: it must be a directory or a bucket',
  (store) => {
    expect(() => readConfig({ NARA_MEDIA_STORE: store })).toThrow(/NARA_MEDIA_STORE: must be a directory or s3:/);
  },
);

test('a bucket keeps its address, is got at by what Amazon calls it, and uploads arrive beside the other data', () => {
  const bucket = { NARA_DATA_DIR: '/srv/nara', NARA_MEDIA_STORE: 's3://my-bucket/nara/media' };
  expect(readConfig(bucket)).toMatchObject({
    mediaStore: 's3://my-bucket/nara/media',
    uploadsDirectory: '/srv/nara/uploads',
    s3: { endpoint: null, region: 'us-east-1', credentials: null },
  });
  const access = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'eu-north-1' };
  expect(readConfig({ ...bucket, ...access, NARA_S3_ENDPOINT: 'http://127.0.0.1:9000' }).s3).toEqual({
    endpoint: 'http://127.0.0.1:9000',
    region: 'eu-north-1',
    credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
  });
  expect(readConfig({ NARA_MEDIA_STORE: '/srv/media' }).uploadsDirectory).toBe('/srv/media/uploads');
});

test('everything that is wrong is named at once', () => {
  expect(() => readConfig({ NARA_PORT: 'http', NARA_SECRET: 'short' })).toThrow(/NARA_PORT.*\n.*NARA_SECRET/);
});

test('countries are put into groups, each into one', () => {
  const groups = (text: string) => readConfig({ NARA_REGION_GROUPS: text }).regionGroups;
  expect(groups('EU-NORTH:NO,SE,DK,FI; IN-SOUTH:LK;')).toEqual({
    NO: 'EU-NORTH',
    SE: 'EU-NORTH',
    DK: 'EU-NORTH',
    FI: 'EU-NORTH',
    LK: 'IN-SOUTH',
  });
  expect(groups('')).toEqual({});
  expect(() => groups('EU-NORTH:NO;EU-WEST:GB,NO')).toThrow('NARA_REGION_GROUPS: NO is in EU-NORTH and in EU-WEST');
  for (const wrong of ['EU-NORTH', 'NORTH:NO', 'EU-NORTH:no', 'EU-NORTH:NO,'])
    expect(() => groups(wrong)).toThrow(`NARA_REGION_GROUPS: ${wrong} is not GROUP:COUNTRY`);
});

test('no country header is believed unless one is named', () => {
  expect(readConfig({}).countryHeader).toBeNull();
  expect(readConfig({ NARA_COUNTRY_HEADER: 'CF-IPCountry' }).countryHeader).toBe('cf-ipcountry');
  expect(() => readConfig({ NARA_COUNTRY_HEADER: 'a: b' })).toThrow(/NARA_COUNTRY_HEADER: must be the name/);
});

test('encoding is governed unless that is switched off, and watches what it is told to', () => {
  expect(readConfig({})).toMatchObject({ governor: true, cpuShare: 0.75, watchUrl: null });
  expect(
    readConfig({ NARA_GOVERNOR: 'off', NARA_CPU_SHARE: '0.5', NARA_WATCH_URL: 'http://127.0.0.1:3000/up' }),
  ).toMatchObject({
    governor: false,
    cpuShare: 0.5,
    watchUrl: 'http://127.0.0.1:3000/up',
  });
  for (const wrong of [{ NARA_GOVERNOR: 'no' }, { NARA_CPU_SHARE: '0' }, { NARA_WATCH_URL: 'file:///etc/passwd' }]) {
    expect(() => readConfig(wrong)).toThrow(Object.keys(wrong)[0]);
  }
});
