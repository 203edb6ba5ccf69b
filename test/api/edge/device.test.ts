import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { createDeviceReader } from '../../../src/api/edge/device.ts';

const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0';
const AGENTS = {
  phone: [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1',
    'AppleCoreMedia/1.0.0.21E219 (iPhone; U; CPU OS 17_4 like Mac OS X; en_us)',
    `Mozilla/5.0 (Linux; Android 10; K) ${CHROME} Mobile Safari/537.36`,
  ],
  tablet: [
    'Mozilla/5.0 (iPad; CPU OS 15_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6 Mobile/15E148 Safari/604.1',
    `Mozilla/5.0 (Linux; Android 10; K) ${CHROME} Safari/537.36`,
    'Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/90 like Chrome/90 Safari/537.36',
  ],
  desktop: [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Safari/537.36`,
    'Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0',
    `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${CHROME} Safari/537.36`,
  ],
  tv: [
    'Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/2.2 Chrome/63.0.3239.84 TV Safari/537.36',
    'Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.79 Safari/537.36 WebAppManager',
    'Mozilla/5.0 (Linux; Android 9; BRAVIA 4K UR2 Build/PTT1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90 Safari/537.36',
    'Mozilla/5.0 (Linux; Android 7.1.2; AFTMM Build/NS6265; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/70 Mobile Safari/537.36',
    'Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Safari/537.36 CrKey/1.54.248666',
    'Mozilla/5.0 (Linux; U; Linux; de) HbbTV/1.5.1 (+DRM;Vestel;MB211;;)',
    'AppleCoreMedia/1.0.0.19K547 (Apple TV; U; CPU OS 15_2 like Mac OS X; en_us)',
    'AppleTV11,1/11.1',
    'Roku/DVP-9.10 (519.10E04111A)',
    'Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15',
  ],
  unknown: [
    'curl/8.0',
    'Afterglow/1.0 (after)',
    'okhttp/4.9',
    'MyApp/1.0 (Linux;Android 13) ExoPlayerLib/2.19.1',
    'Mozilla/5.0 (compatible; Googlebot/2.1)',
    '',
  ],
} as const;

test.each(Object.entries(AGENTS).flatMap(([device, agents]) => agents.map((agent) => [device, agent] as const)))(
  'a %s is told by %j',
  (device, agent) => {
    const read = createDeviceReader();
    expect(read({ 'user-agent': agent })).toBe(device);
    expect(read({ 'user-agent': agent })).toBe(device);
  },
);

it('believes client hints before the user agent', () => {
  const read = createDeviceReader();
  const [desktop] = AGENTS.desktop;
  const hinted = (form: string) => read({ 'user-agent': desktop, 'sec-ch-ua-form-factors': form });
  expect(hinted('"Tablet"')).toBe('tablet');
  expect(hinted('"EInk", "Mobile"')).toBe('phone');
  expect(hinted('"XR"')).toBe('desktop');
  expect(read({ 'user-agent': desktop, 'sec-ch-ua-mobile': '?1' })).toBe('phone');
  expect(read({ 'sec-ch-ua-mobile': '?1' })).toBe('phone');
  expect(read({ 'sec-ch-ua-form-factors': '"Desktop"', 'sec-ch-ua-mobile': '?1' })).toBe('desktop');
});

it('lets a hint of “not mobile” decide nothing', () => {
  const read = createDeviceReader();
  expect(read({ 'user-agent': AGENTS.tablet[1], 'sec-ch-ua-mobile': '?0' })).toBe('tablet');
  expect(read({ 'sec-ch-ua-mobile': '?0' })).toBe('unknown');
});

it('keeps a television one, whatever the hints say: they have no word for it', () => {
  const read = createDeviceReader();
  expect(read({ 'user-agent': AGENTS.tv[0], 'sec-ch-ua-form-factors': '"Desktop"' })).toBe('tv');
});

it('knows a user agent that goes on for ever by its beginning', () => {
  const [tv] = AGENTS.tv;
  expect(createDeviceReader()({ 'user-agent': tv + 'x'.repeat(20_000) })).toBe('tv');
});

it('answers one of the five for any header', () => {
  const read = createDeviceReader();
  const text = fc.string({ maxLength: 2000 });
  fc.assert(
    fc.property(text, text, text, (agent, form, mobile) => {
      const device = read({ 'user-agent': agent, 'sec-ch-ua-form-factors': form, 'sec-ch-ua-mobile': mobile });
      expect(['phone', 'tablet', 'desktop', 'tv', 'unknown']).toContain(device);
    }),
  );
});
