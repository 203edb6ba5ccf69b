import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMediaReports, type MediaReportPorts } from '../../../src/api/ingest/media-reports.ts';
import type { Arrival } from '../../../src/telemetry/ingest.ts';
import { waitFor } from '../../fixtures/wait-for.ts';
import { serve } from './fixtures/http-exchange.ts';

const SEGMENT = '/v/a_1/r/360p/seg-00003.m4s';
const CMCD = `CMCD=${encodeURIComponent('br=800,cid="a_1",d=2000,ot=v,sid="s1"')}`;

let stored: { candidates: readonly unknown[]; arrival: Arrival }[];
let failures: Error[];
let ingest: MediaReportPorts['ingest'];
let reply: (response: ServerResponse) => void;
let observed: number;
let server: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  const watch = createMediaReports({
    ingest(candidates, arrival) {
      stored.push({ candidates, arrival });
      return ingest(candidates, arrival);
    },
    observe: () => {
      observed += 1;
      return { context: { region: 'NO', device: 'tv', connection: 'unknown' }, block: 'b1' };
    },
    nowMs: () => Date.parse('2026-03-01T12:00:00.000Z'),
    onFailure: (error) => failures.push(error),
  });
  server = await serve((request, response) => {
    watch(request, response);
    reply(response);
  });
});
afterAll(() => server.stop());
beforeEach(() => {
  [stored, failures, observed] = [[], [], 0];
  ingest = async ({ length }) => ({ kind: 'stored', accepted: length, duplicates: 0, rejected: [] });
  reply = (response) => response.end('media');
});

const get = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, { redirect: 'manual', ...init });
const nothingMore = async () => {
  // A later report is stored after whatever an earlier request could have led to.
  const before = stored.length;
  reply = (response) => response.end('media');
  await get(`${SEGMENT}?${CMCD}`);
  await waitFor('the later report', () => stored.length > before);
  return stored.slice(0, -1);
};

describe('the CMCD of a media request', () => {
  it('is stored once the media is served', async () => {
    const answer = await get(`${SEGMENT}?${CMCD}`);
    expect([answer.status, await answer.text()]).toEqual([200, 'media']);
    const [report] = await waitFor('the report', () => (stored.length > 0 ? stored : null));
    expect(report).toMatchObject({
      candidates: [
        {
          type: 'progress',
          sessionId: 's1',
          assetId: 'a_1',
          sample: { renditionId: '360p', segmentIndex: 3, segmentMs: 2000 },
        },
      ],
      arrival: { source: 'cmcd1', block: 'b1', trusted: false, context: { region: 'NO', device: 'tv' } },
    });
  });

  it('may be in headers', async () => {
    await get(SEGMENT, { headers: { 'cmcd-session': 'sid="s1",v=2', 'cmcd-object': 'd=2000,ot=v' } });
    await waitFor('the report', () => stored.length > 0);
    expect(stored[0]?.arrival.source).toBe('cmcd2-request');
  });

  it('is waited for by nobody: the media is there while its report is stuck', async () => {
    ingest = () => new Promise(() => {});
    const answer = await get(`${SEGMENT}?${CMCD}`);
    expect(await answer.text()).toBe('media');
    await waitFor('the report to be handed over', () => stored.length > 0);
    expect((await get(`${SEGMENT}?${CMCD}`)).status).toBe(200);
  });

  it('that cannot be stored is told to whoever watches, not to the player', async () => {
    ingest = async () => {
      throw new Error('the disk is gone');
    };
    expect((await get(`${SEGMENT}?${CMCD}`)).status).toBe(200);
    await waitFor('the failure', () => failures.length > 0);
    expect(failures[0]?.message).toBe('the disk is gone');
  });

  it('counts when the answer is a redirect or a part', async () => {
    for (const status of [206, 304, 307]) {
      reply = (response) => response.writeHead(status).end();
      await get(`${SEGMENT}?${CMCD}`);
    }
    await waitFor('three reports', () => stored.length === 3);
  });

  it.each([400, 401, 403, 404, 416, 500, 503])('does not count when the answer is a %i', async (status) => {
    reply = (response) => response.writeHead(status).end();
    await get(`${SEGMENT}?${CMCD}`);
    expect(await nothingMore()).toEqual([]);
  });

  it('does not count when nothing was answered', async () => {
    reply = (response) => response.destroy();
    await get(`${SEGMENT}?${CMCD}`).catch(() => {});
    expect(await nothingMore()).toEqual([]);
  });

  it('that is no CMCD is kept as what it is', async () => {
    await get(`${SEGMENT}?CMCD=${encodeURIComponent('(((')}`);
    await waitFor('the refusal', () => stored.length > 0);
    expect(stored[0]?.candidates).toMatchObject([{ code: 'event.unreadable' }]);
  });

  it('is looked for in requests for media only', async () => {
    await get(SEGMENT);
    await get(`/v1/assets?${CMCD}`);
    await get(`${SEGMENT}?${CMCD}`, { method: 'HEAD' });
    await get(`${SEGMENT}?XCMCD=1`);
    expect(observed).toBe(0);
    expect(await nothingMore()).toEqual([]);
  });
});
