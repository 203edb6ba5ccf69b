import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CheckKey } from '../../src/api/authenticate.ts';
import { problemHandler } from '../../src/api/problem.ts';
import { qoeRoutes } from '../../src/api/routes/qoe-routes.ts';
import { type QoeGroup, type QoeQuery, TooManyGroupsError } from '../../src/telemetry/qoe.ts';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const checkKey = (() => ({ id: 'k', scopes: ['read'], origins: [] })) as unknown as CheckKey;

let server: Server;
let asked: QoeQuery[] = [];
let answer: () => Promise<QoeGroup[]> = async () => [];
beforeAll(async () => {
  const app = express();
  app.use(
    qoeRoutes({
      checkKey,
      nowMs: () => NOW,
      readQoe: (query) => {
        asked.push(query);
        return answer();
      },
    }),
  );
  app.use(problemHandler(pino({ level: 'silent' })));
  server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
});
afterAll(() => server.close());
beforeEach(() => {
  asked = [];
  answer = async () => [];
});

async function get(query: Record<string, string>): Promise<{ status: number; body: Record<string, unknown> }> {
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/v1/qoe?${new URLSearchParams({ ...query, key: 'k' })}`;
  const response = await fetch(url);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('GET /v1/qoe', () => {
  it('looks at the last 24 hours, those of this minute with them, unless told otherwise', async () => {
    const { status, body } = await get({});
    expect(status).toBe(200);
    expect(body).toEqual({ from: '2026-02-28T12:01:00.000Z', to: '2026-03-01T12:01:00.000Z', groups: [] });
    expect(asked).toMatchObject([{ groupBy: [] }]);
  });

  it('looks at the day before `to` when only that is told', async () => {
    await get({ to: '2026-02-01T00:00:00+01:00' });
    expect(asked).toMatchObject([
      { from: new Date('2026-01-30T23:00:00.000Z'), to: new Date('2026-01-31T23:00:00.000Z') },
    ]);
  });

  it('takes every key of the contract, each once', async () => {
    await get({ groupBy: 'region,device,connection,arm,assetId,hour,region' });
    expect(asked[0]?.groupBy).toEqual(['region', 'device', 'connection', 'arm', 'assetId', 'hour']);
  });

  it('takes a window of no length, in which nothing began', async () => {
    const at = '2026-02-01T00:00:00.000Z';
    expect(await get({ from: at, to: at })).toEqual({ status: 200, body: { from: at, to: at, groups: [] } });
  });

  it.each([
    ['a window that ends before it begins', { from: '2026-02-02T00:00:00Z', to: '2026-02-01T00:00:00Z' }, 'from'],
    ['a window that begins after the `to` that nobody told', { from: '2026-03-02T00:00:00Z' }, 'from'],
    ['a time that is none', { to: 'yesterday' }, 'to'],
    ['an unknown key', { groupBy: 'region,planet' }, 'groupBy[1]'],
    ['an asset id that cannot be one', { assetId: '../etc' }, 'assetId'],
  ])('refuses %s and names the field', async (_what, query: Record<string, string>, path) => {
    const { status, body } = await get(query);
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ path }]);
    expect(asked).toEqual([]);
  });

  it('says what to ask instead when there are too many groups', async () => {
    answer = async () => {
      throw new TooManyGroupsError('the views fall into more than 10000 groups');
    };
    const { status, body } = await get({ groupBy: 'assetId' });
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ path: 'groupBy', received: 'the views fall into more than 10000 groups' }]);
  });
});
