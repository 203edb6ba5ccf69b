import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventSchema, type TelemetryEvent } from '../../../src/domain/index.ts';
import { decodeCmcdBody } from '../../../src/telemetry/cmcd/decode-body.ts';
import { carriesCmcd, decodeCmcdRequest } from '../../../src/telemetry/cmcd/decode-request.ts';

const NOW_MS = Date.parse('2026-03-01T12:00:00.000Z');
const asked = (path: string, cmcd: string, headers: Record<string, string> = {}) =>
  decodeCmcdRequest({
    url: cmcd === '' ? path : `${path}?CMCD=${encodeURIComponent(cmcd)}`,
    headers,
    receivedAtMs: NOW_MS,
  });
const eventOf = (path: string, cmcd: string, headers: Record<string, string> = {}): TelemetryEvent => {
  const report = asked(path, cmcd, headers);
  if (report?.kind !== 'events' || report.events[0] === undefined) throw new Error(JSON.stringify(report));
  return report.events[0];
};

const SEGMENT = '/v/a_1/r/480p-x/seg-00003.m4s';
const V1 = 'bl=2100,br=1436,bs,cid="other",d=2000,mtp=297300,nor="seg-00004.m4s",ot=v,sid="s-1",su';

describe('a request with CMCD', () => {
  it('of version 1 tells buffer, bitrate and starvation; the path says asset, rendition and segment', () => {
    expect(asked(SEGMENT, V1)).toMatchObject({
      source: 'cmcd1',
      events: [
        {
          type: 'progress',
          eventId: expect.stringMatching(/^q-[\w-]{22}$/),
          sessionId: 's-1',
          assetId: 'a_1',
          ts: '2026-03-01T12:00:00.000Z',
          sample: {
            bufferMs: 2100,
            bitrateKbps: 1436,
            renditionId: '480p-x',
            segmentIndex: 3,
            segmentMs: 2000,
            starved: true,
            throughputKbps: 297300,
          },
        },
      ],
    });
  });

  it('of version 2 is told by its key, with lists or, as shaka-player writes it, without', () => {
    const dash = 'bl=(1500;v),br=(1436;v),d=2000,nor=("x"),ot=v,sid="s",sn=14,sta=p,v=2';
    const shaka = 'bl=1500,br=1436,d=2000,nor=("x"),ot=v,sid="s",sn=14,sta=p,v=2';
    expect(asked(SEGMENT, dash)).toMatchObject({ source: 'cmcd2-request' });
    const { eventId: _, ...event } = eventOf(SEGMENT, dash);
    expect(eventOf(SEGMENT, shaka)).toMatchObject(event);
    expect(event).toMatchObject({ sequence: 14, sample: { bufferMs: 1500, bitrateKbps: 1436, state: 'playing' } });
  });

  it('reads the four headers as the query', () => {
    const headers = {
      'cmcd-object': 'br=1436,d=2000,ot=v',
      'cmcd-request': 'bl=2100,mtp=297300,nor="seg-00004.m4s",su',
      'cmcd-session': 'cid="other",sid="s-1"',
      'cmcd-status': 'bs',
    };
    const { eventId: _, ...event } = eventOf(SEGMENT, V1);
    expect(eventOf(SEGMENT, '', headers)).toMatchObject(event);
  });

  it('counts as media only what is video and shown: no init segment, no audio, no manifest, nothing fetched ahead', () => {
    const shown = (path: string, cmcd: string) => eventOf(path, `${cmcd},sid="s"`);
    expect(shown(SEGMENT, 'd=2000,ot=av')).toHaveProperty('sample.segmentMs', 2000);
    expect(shown(SEGMENT, 'd=2000')).toHaveProperty('sample.segmentMs', 2000);
    for (const [path, cmcd] of [
      ['/v/a_1/r/480p-x/init.mp4', 'd=0,ot=i'],
      ['/v/a_1/r/audio-64k-x/seg-00003.m4s', 'd=2000,ot=a'],
      ['/v/a_1/r/audio-64k-x/seg-00003.m4s', 'd=2000'],
      ['/v/a_1/master.m3u8', 'ot=m'],
      [SEGMENT, 'd=2000,nr,ot=v'],
    ] as const) {
      expect(shown(path, cmcd), cmcd).not.toHaveProperty('sample.segmentMs');
    }
  });

  it('says which segment is the last by the next that it does not name', () => {
    expect(eventOf(SEGMENT, V1)).not.toHaveProperty('sample.lastSegment');
    expect(eventOf(SEGMENT, 'd=2000,ot=v,sid="s"')).toHaveProperty('sample.lastSegment', true);
  });

  it('is the same report in the redirect and behind it, and in an access log later', () => {
    const cmcd = 'cid="a_1",ot=m,sid="s",sn=0,v=2';
    const first = eventOf('/v/a_1/master.m3u8', cmcd).eventId;
    expect(eventOf('/v/a_1/p/TOKEN.x/master.m3u8', cmcd).eventId).toBe(first);
    const later = decodeCmcdRequest({
      url: `https://edge.example${SEGMENT}?CMCD=${encodeURIComponent(V1)}`,
      headers: {},
      receivedAtMs: NOW_MS + 5000,
    });
    expect(later).toMatchObject({
      events: [{ eventId: eventOf(SEGMENT, V1).eventId, ts: '2026-03-01T12:00:05.000Z' }],
    });
    expect(eventOf(SEGMENT.replace('3.m4s', '4.m4s'), V1).eventId).not.toBe(eventOf(SEGMENT, V1).eventId);
  });

  it('belongs to its content id where the path is not ours', () => {
    expect(eventOf('/cdn/x/7.ts', 'cid="a_9",d=2000,ot=v,sid="s"')).toMatchObject({
      assetId: 'a_9',
      sample: { segmentMs: 2000 },
    });
  });

  it('without a session says how to configure each player; malformed, what was expected', () => {
    expect(asked(SEGMENT, 'ot=v')).toMatchObject({
      code: 'report.anonymous',
      expected: expect.stringContaining('streaming.cmcd.sid'),
    });
    expect(asked(SEGMENT, 'sid="')).toMatchObject({ code: 'event.unreadable', received: 'sid="' });
    expect(asked(SEGMENT, `sid="s",cid="${'x'.repeat(9000)}"`)).toMatchObject({ code: 'event.unreadable' });
  });

  it('is known from others at a glance', () => {
    expect(carriesCmcd({ url: `${SEGMENT}?CMCD=x`, headers: {} })).toBe(true);
    expect(carriesCmcd({ url: `${SEGMENT}?sid=1&CMCD=x`, headers: {} })).toBe(true);
    expect(carriesCmcd({ url: SEGMENT, headers: { 'cmcd-status': 'bs' } })).toBe(true);
    expect(carriesCmcd({ url: `${SEGMENT}?notCMCD=1`, headers: {} })).toBe(false);
    expect(asked(SEGMENT, '')).toBeNull();
  });

  it('never throws and makes nothing but valid events, whatever query and headers it has', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('sid="s"', 'ot=v,d=-1', 'cid="%"', V1));
    fc.assert(
      fc.property(text, text, text, (path, query, header) => {
        const report = decodeCmcdRequest({
          url: `/v/${path}?CMCD=${query}&CMCD=${encodeURIComponent(query)}`,
          headers: { 'cmcd-session': header, 'cmcd-object': [query] },
          receivedAtMs: NOW_MS,
        });
        if (report?.kind === 'events') for (const event of report.events) eventSchema.parse(event);
      }),
      { numRuns: 500 },
    );
  });
});

const CAPTURES = new URL('../../fixtures/cmcd-captures/', import.meta.url);
type Captured = { method: string; path: string; headers: Record<string, string>; body: string };

describe('what hls.js, dash.js and shaka-player really send', () => {
  it.each(readdirSync(CAPTURES))('%s is understood to the last report', (name) => {
    const { requests, assetId, sessionId } = JSON.parse(readFileSync(new URL(name, CAPTURES), 'utf8'));
    const reports = (requests as Captured[]).flatMap(({ method, path, headers, body }) => {
      if (method === 'POST') return decodeCmcdBody(body, NOW_MS).map(({ report }) => report);
      return method === 'GET' ? [decodeCmcdRequest({ url: path, headers, receivedAtMs: NOW_MS })] : [];
    });
    expect(reports.length).toBeGreaterThan(5);
    for (const report of reports) {
      expect(report?.kind).toBe('events');
      for (const event of report?.kind === 'events' ? report.events : []) {
        expect(eventSchema.safeParse(event).success).toBe(true);
        expect(event).toMatchObject({ assetId, sessionId });
      }
    }
    const ids = reports
      .flatMap((report) => (report?.kind === 'events' ? report.events : []))
      .map(({ eventId }) => eventId);
    // Headers go along where a manifest's request is redirected: the same report twice.
    expect(ids.length - new Set(ids).size).toBe(name.includes('headers') ? 1 : 0);
  });
});
