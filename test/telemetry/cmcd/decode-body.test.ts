import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventSchema, type TelemetryEvent } from '../../../src/domain/index.ts';
import type { CmcdReport } from '../../../src/telemetry/cmcd/cmcd-report.ts';
import { decodeCmcdBody } from '../../../src/telemetry/cmcd/decode-body.ts';

const NOW_MS = Date.parse('2026-03-01T12:00:00.000Z');
const reportsOf = (body: string): CmcdReport[] => decodeCmcdBody(body, NOW_MS).map(({ report }) => report);
const eventsOf = (body: string): TelemetryEvent[] =>
  reportsOf(body).flatMap((report) => (report.kind === 'events' ? report.events : []));

const LINE = 'bl=(3000;v 2500;a),br=(1200;v 128;a),cid="a_x",e=ps,mtp=(9600),sid="s1",sn=3,sta=p,ts=1772366400123,v=2';

describe('event mode', () => {
  it('becomes a progress report with the player as it was seen, video before audio', () => {
    expect(eventsOf(LINE)).toEqual([
      {
        type: 'progress',
        eventId: expect.stringMatching(/^e-[\w-]{22}$/),
        sessionId: 's1',
        assetId: 'a_x',
        ts: '2026-03-01T12:00:00.123Z',
        sequence: 3,
        sample: { state: 'playing', bufferMs: 3000, bitrateKbps: 1200, throughputKbps: 9600 },
      },
    ]);
  });

  it('reads lines with and without the trailing line feed, CRLF too, alike', () => {
    const plain = eventsOf(`${LINE}\n${LINE.replace('sn=3', 'sn=4')}`);
    expect(plain.map(({ sequence }) => sequence)).toEqual([3, 4]);
    expect(eventsOf(`${LINE}\n${LINE.replace('sn=3', 'sn=4')}\n`)).toEqual(plain);
    expect(eventsOf(`${LINE}\r\n${LINE.replace('sn=3', 'sn=4')}\r\n`)).toEqual(plain);
    expect(decodeCmcdBody('\n \n', NOW_MS)).toEqual([]);
  });

  it('reads JSON: an array, one object, {"events":[…]}, one object a line, and lists as JSON writes them', () => {
    const json = {
      br: [
        { value: 1200, params: { v: true } },
        { value: 128, params: { a: true } },
      ],
      bl: [3000],
      mtp: 9600,
      cid: 'a_x',
      sid: 's1',
      sn: 3,
      sta: 'p',
      e: 'ps',
      ts: 1772366400123,
      v: 2,
    };
    const bodies = [[json], json, { events: [json] }].map((body) => JSON.stringify(body));
    for (const body of [...bodies, `${JSON.stringify(json)}\n`, JSON.stringify([LINE])]) {
      expect(eventsOf(body)).toEqual(eventsOf(LINE).map((event) => ({ ...event, eventId: expect.any(String) })));
    }
    const two = eventsOf(`${JSON.stringify(json)}\n${JSON.stringify({ ...json, sn: 4 })}`);
    expect(two.map(({ sequence }) => sequence)).toEqual([3, 4]);
  });

  it('keeps the good lines of a body and says at which index each bad one stood, and why', () => {
    const reports = decodeCmcdBody(`${LINE}\n"no dictionary\ncid="a_x",e=t\nsid="s1",e=t\nsid="s 1",cid="a"`, NOW_MS);
    expect(reports.map(({ index, report }) => [index, report.kind === 'unusable' ? report.code : report.kind])).toEqual(
      [
        [0, 'events'],
        [1, 'event.unreadable'],
        [2, 'report.anonymous'],
        [3, 'report.anonymous'],
        [4, 'report.anonymous'],
      ],
    );
  });

  it('names the setting of each player that an anonymous report lacks', () => {
    const [noSession] = reportsOf('cid="a_x",e=t');
    expect(noSession).toMatchObject({
      received: 'no sid',
      expected: expect.stringMatching(
        /hls\.js cmcd\.sessionId, dash\.js streaming\.cmcd\.sid, shaka-player cmcd\.sessionId/,
      ),
    });
    const [noAsset] = reportsOf('sid="s",e=t');
    expect(noAsset).toMatchObject({ received: 'no cid', expected: expect.stringMatching(/hls\.js cmcd\.contentId/) });
  });

  it('says an unknown form of asset id as it came', () => {
    expect(reportsOf('sid="s",cid="https://cdn/a",e=t')[0]).toMatchObject({
      code: 'report.anonymous',
      received: 'https://cdn/a',
    });
  });

  it('has the same identity for the same content, another for anything else', () => {
    const [first, again, other] = eventsOf(`${LINE}\n${LINE}\n${LINE.replace('sn=3', 'sn=4')}`);
    expect(again?.eventId).toBe(first?.eventId);
    expect(other?.eventId).not.toBe(first?.eventId);
  });

  it('ends a view where the player ended or quit, and nowhere else', () => {
    const types = ['e', 'q', 'f', 'a', 'p'].map((state) => eventsOf(`cid="a",sid="s",e=ps,sta=${state}`)[0]?.type);
    expect(types).toEqual(['view_end', 'view_end', 'progress', 'progress', 'progress']);
  });

  it('takes an error from the report it caused only, fatal when the player failed', () => {
    const [, error] = eventsOf('cid="a",sid="s",e=e,ec=("manifestLoadError"),sta=f');
    expect(error).toMatchObject({ type: 'error', code: 'manifestLoadError', fatal: true });
    expect(eventsOf('cid="a",sid="s",e=e,ec=27,sta=p')[1]).toMatchObject({ type: 'error', code: '27', fatal: false });
    expect(eventsOf('cid="a",sid="s",e=e')[1]).toMatchObject({ type: 'error', code: 'unknown' });
    expect(eventsOf('cid="a",sid="s",e=t,ec=27,sta=p')).toHaveLength(1);
  });

  it('takes counters since the session began, and each ended starvation as a stall', () => {
    const [progress, stall] = eventsOf('bsa=(2),bsd=(700;v),bsda=(1500),cid="a",dfa=4,e=t,sid="s",sta=p');
    expect(progress).toMatchObject({ stallCount: 2, stalledMs: 1500, droppedFrames: 4 });
    expect(stall).toMatchObject({ type: 'stall', durationMs: 700, cause: 'buffer' });
  });

  it('believes a start delay of a player that has begun; before that it tells when the player was told to play', () => {
    const at = 'ts=1772366400123';
    expect(eventsOf(`cid="a",sid="s",e=t,msd=1500,sta=p,${at}`)).toMatchObject([{ type: 'progress', startupMs: 1500 }]);
    const early = eventsOf(`cid="a",sid="s",e=ps,msd=123,sta=s,${at}`);
    expect(early[0]).not.toHaveProperty('startupMs');
    expect(early[1]).toMatchObject({ type: 'view_start', ts: '2026-03-01T12:00:00.000Z' });
  });

  it('knows rendition and segment of a response by our own path, and no other site’s; audio is no rendition', () => {
    const response = (url: string) =>
      eventsOf(`e=rr,cid="other",sid="s",ts=1772366400123,ttlb=77,sta=p,url="${url}"`)[0];
    expect(response('http://host:1/v/a_1/r/480p-x/seg-00012.m4s?x=1')).toMatchObject({
      assetId: 'a_1',
      ts: '2026-03-01T12:00:00.200Z',
      sample: { renditionId: '480p-x', segmentIndex: 12 },
    });
    expect(response('https://cdn/video/12.m4s')).toMatchObject({ assetId: 'other', sample: { state: 'playing' } });
    expect(response('http://host/v/a_1/r/audio-64k-x/seg-00012.m4s')).toMatchObject({ sample: { state: 'playing' } });
    expect(response('http://host/v/a_1/r/audio-64k-x/seg-00012.m4s')).not.toHaveProperty('sample.renditionId');
  });

  it('keeps custom and unknown keys out, and values that are no numbers or out of range', () => {
    const [event] = eventsOf(
      'cid="a",sid="s",e=t,com.example-x="secret",zz=1,bl="long",br=(-1),pt=99999999999999,sn=1.5,ts="x"',
    );
    expect(event).toMatchObject({ ts: '2026-03-01T12:00:00.000Z', sequence: 2, sample: {} });
    expect(JSON.stringify(event)).not.toContain('secret');
  });

  it('refuses one report that is too long, and a body of too many', () => {
    expect(reportsOf(`cid="${'a'.repeat(9000)}"`)).toMatchObject([{ code: 'event.unreadable' }]);
    expect(reportsOf(`${LINE}\n`.repeat(10_001)).at(-1)).toMatchObject({
      code: 'event.unreadable',
      received: '10001 reports',
    });
  });
});

const keyArbitrary = fc.constantFrom(
  ...[
    'ab',
    'bl',
    'br',
    'bs',
    'bsa',
    'bsd',
    'bsda',
    'cid',
    'd',
    'dfa',
    'e',
    'ec',
    'msd',
    'mtp',
    'nor',
    'nr',
    'ot',
    'pb',
    'pr',
    'pt',
  ],
  ...['rc', 'sid', 'sn', 'sta', 'su', 'ts', 'ttlb', 'url', 'v', '__proto__', 'constructor', 'x-y'],
);
const valueArbitrary = fc.oneof(
  fc.jsonValue(),
  fc.double(),
  fc.constantFrom('p', 'e', 'rr', 'f', 's', '/v/a/r/b/seg-00001.m4s', 'http://x/v/a/r/b/seg-1.m4s', 'a', 'id-1'),
);
const isValid = (event: TelemetryEvent): boolean => eventSchema.safeParse(event).success;

describe('decoding', () => {
  it('never throws, whatever text comes', () => {
    const near = fc.array(
      fc.constantFrom('sid', 'cid', '=', '"', '(', ')', ';', ',', 'v', '1', '-', '.', '\n', '{', '[', ' ', '?1', ':'),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.json(),
          near.map((parts) => parts.join('')),
        ),
        (body) => {
          expect(eventsOf(body).every(isValid)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('makes nothing but valid events of any values of any keys', () => {
    const dictionary = fc
      .array(fc.tuple(keyArbitrary, valueArbitrary))
      .map((pairs) => ({ sid: 's', cid: 'a', ...Object.fromEntries(pairs) }));
    fc.assert(
      fc.property(fc.array(dictionary, { maxLength: 4 }), (batch) => {
        expect(eventsOf(JSON.stringify(batch)).filter((event) => !isValid(event))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('survives nesting deeper than any stack', () => {
    expect(reportsOf('['.repeat(200_000) + ']'.repeat(200_000))).toMatchObject([{ code: 'event.unreadable' }]);
    expect(reportsOf('{"a":'.repeat(50_000))).toMatchObject([{ code: 'event.unreadable' }]);
  });
});
