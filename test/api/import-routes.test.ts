import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { problemHandler } from '../../src/api/problem.ts';
import { type ImportPorts, importRoutes } from '../../src/api/routes/import-routes.ts';
import type { Arrival, IngestResult } from '../../src/telemetry/ingest.ts';

let arrived: { events: readonly unknown[]; arrival: Arrival }[];
let results: IngestResult[];
let url: string;
let stop: () => void;
beforeEach(() => {
  arrived = [];
  results = [];
});
beforeAll(async () => {
  const ports: ImportPorts = {
    checkKey: () => ({ keyId: 'k', scopes: ['admin'], origins: [] }),
    ingest: async (events, arrival) => {
      arrived.push({ events, arrival });
      return results.shift() ?? { kind: 'stored', accepted: events.length, duplicates: 0, rejected: [] };
    },
    observe: ({ headers, socket }) => ({
      context: { region: socket.remoteAddress === '192.0.2.7' ? 'NO' : 'ZZ', device: 'phone', connection: 'unknown' },
      block: headers['user-agent'] ?? '',
    }),
  };
  const app = express()
    .use(importRoutes(ports))
    .use(problemHandler(pino({ level: 'silent' })));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/telemetry/imports`;
  stop = () => {
    server.closeAllConnections();
    server.close();
  };
});
afterAll(() => stop());

const post = (batches: unknown) =>
  fetch(url, {
    method: 'POST',
    headers: { authorization: 'Bearer k', 'content-type': 'application/json' },
    body: JSON.stringify({ batches }),
  });
const batch = (of: Record<string, unknown> = {}) => ({
  source: 'cmcd1',
  address: '192.0.2.7',
  headers: { 'user-agent': 'agent' },
  events: [{ n: 1 }],
  ...of,
});

describe('an import', () => {
  it('arrives as its request would have, without its address', async () => {
    expect((await post([batch(), batch({ address: 'nonsense', headers: { cookie: 'c' } })])).status).toBe(202);
    const context = { region: 'NO', device: 'phone', connection: 'unknown' };
    const arrival = { source: 'cmcd1', context, block: 'agent', trusted: false, isImport: true };
    expect(arrived).toEqual([
      { events: [{ n: 1 }], arrival },
      { events: [{ n: 1 }], arrival: { ...arrival, context: { ...context, region: 'ZZ' }, block: '' } },
    ]);
    expect(JSON.stringify(arrived)).not.toContain('192.0.2.7');
  });

  it('is answered as a whole, each refusal at its place among all events', async () => {
    const refused = { index: 1, code: 'event.invalid' as const, errors: [] };
    results = [
      { kind: 'stored', accepted: 2, duplicates: 1, rejected: [] },
      { kind: 'stored', accepted: 1, duplicates: 0, rejected: [refused] },
    ];
    const response = await post([batch({ events: [1, 2, 3] }), batch({ events: [4, 5] })]);
    expect(await response.json()).toEqual({ accepted: 3, duplicates: 1, rejected: [{ ...refused, index: 4 }] });
  });

  it('is to be sent again when a part of it found no room', async () => {
    results = [
      { kind: 'stored', accepted: 1, duplicates: 0, rejected: [] },
      { kind: 'full', retryAfterSeconds: 7 },
    ];
    const response = await post([batch(), batch()]);
    expect({ status: response.status, retryAfter: response.headers.get('retry-after') }).toEqual({
      status: 503,
      retryAfter: '7',
    });
  });

  it.each([
    ['a source that no log tells of', batch({ source: 'server' })],
    ['an address that is none', batch({ address: 'x'.repeat(65) })],
    ['a batch of nothing', batch({ events: [] })],
  ])('is refused with %s', async (_what, bad) => {
    expect((await post([bad])).status).toBe(400);
    expect(arrived).toEqual([]);
  });
});
