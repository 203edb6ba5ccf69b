import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemSchema } from '../../src/api/openapi/operation.ts';
import { OPERATIONS } from '../../src/api/openapi/operations.ts';
import { buildOpenApi } from '../../src/api/openapi.ts';
import { type DescribedService, startDescribedService } from './fixtures/described-service.ts';
import { call, EVENT, EXTERNAL, operation, SAMPLES, SESSION } from './fixtures/openapi-samples.ts';

let service: DescribedService;
beforeAll(async () => {
  service = await startDescribedService();
});
afterAll(() => service.stop());

const document = JSON.parse(JSON.stringify(buildOpenApi()));

const keyed = OPERATIONS.flatMap((candidate) =>
  Array.isArray(candidate.access) ? [{ ...candidate, scopes: candidate.access as string[] }] : [],
);
const open = OPERATIONS.filter(({ access, answers }) => !Array.isArray(access) && answers[101] === undefined);

describe('what is said of keys', () => {
  it.each(keyed)('is so: $id needs $scopes', async (described) => {
    const without = await call(service.url, described, {});
    expect(without.status).toBe(401);
    const powerless = await call(service.url, described, { key: 'nothing' });
    expect(powerless.status).toBe(403);
    // HEAD has no body to say so.
    if (described.method !== 'head')
      expect(problemSchema.parse(await powerless.json()).detail).toContain(`scope ${described.scopes.join(' or ')};`);
  });

  it.each(open)('is so: $id is open', async (described) => {
    expect([401, 403]).not.toContain((await call(service.url, described, {})).status);
  });
});

describe('what is said of answers', () => {
  it('is tried for every operation', () => {
    const tried = new Set(SAMPLES.map(([id]) => id));
    expect(OPERATIONS.map(({ id }) => id).filter((id) => !tried.has(id))).toEqual(['openFeed']);
  });

  it.each(SAMPLES)('is so: %s answers %i', async (id, status, request) => {
    const described = operation(id);
    const response = await call(service.url, described, request);
    expect(response.status).toBe(status);
    const shown = document.paths[described.path][described.method].responses[status];
    expect(shown, 'a status that is documented').toBeDefined();

    const promised = described.answers[status];
    for (const header of Object.keys(promised?.headers?.shape ?? {}))
      expect(response.headers.has(header), header).toBe(true);
    if (promised === undefined) {
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      if (described.method === 'head') return;
      const problem = await response.json();
      expect(problemSchema.parse(problem)).toEqual(problem);
      expect(problem).toHaveProperty('status', status);
      return;
    }
    if (promised.schema === undefined || described.method === 'head') return;
    if (promised.type !== undefined) return expect(mediaTypes(promised.type)).toContain(mediaTypeOf(response));
    const body = await response.json();
    // Parsing drops what the schema does not know: nothing may be lost.
    expect(promised.schema.parse(body)).toEqual(body);
  });
});

const mediaTypeOf = (response: Response): string => response.headers.get('content-type')?.split(';')[0] ?? 'none';
/** Segments of MP4 have a type of their own; a preview's type is that of its file. */
const mediaTypes = (type: string): string[] =>
  ({ 'video/mp4': ['video/mp4', 'video/iso.segment'], '*/*': ['image/webp'] })[type] ?? [type];

describe('what is said of requests', () => {
  const time = '2026-01-01T00:00:00Z';
  it.each([
    ['listAssets', { limit: '200', cursor: 'c'.repeat(256), owner: 'o'.repeat(128) }, true],
    ['listAssets', { limit: '201' }, false],
    ['listAssets', { limit: '1.5' }, false],
    ['listAssets', { cursor: 'c'.repeat(257) }, false],
    ['listAssets', { owner: 'o'.repeat(129) }, false],
    ['readQoe', { from: time, to: time, groupBy: 'arm,hour', assetId: 'a_1' }, true],
    ['readQoe', { groupBy: '' }, true],
    ['readQoe', { groupBy: 'arm,owner' }, false],
    ['readQoe', { from: 'yesterday' }, false],
    ['readQoe', { assetId: '../a' }, false],
    ['explainPolicy', { region: 'NO', device: 'tv', connection: 'wired' }, true],
    ['explainPolicy', { region: 'Norway', device: 'tv' }, false],
    ['explainPolicy', { region: 'NO', device: 'fridge' }, false],
    ['explainPolicy', { region: 'NO', device: 'tv', connection: 'string' }, false],
    ['decideAndPlay', { sid: 's'.repeat(64) }, true],
    ['decideAndPlay', { sid: 's'.repeat(65) }, false],
  ])('is so: the query of %s, %j, usable %s', async (id, query, usable) => {
    const described = operation(id);
    expect(described.query?.safeParse(query).success).toBe(usable);
    const response = await call(service.url, described, { key: 'admin', query: `?${new URLSearchParams(query)}` });
    expect(response.status === 400).toBe(!usable);
  });

  it.each([
    ['decide', { peek: true, sessions: Array(1_000).fill(SESSION) }, true],
    ['decide', { sessions: Array(1_001).fill(SESSION) }, false],
    ['decide', { peek: 'yes', sessions: [SESSION] }, false],
    ['decide', {}, false],
    ['mintFeedToken', { topics: ['asset:a_1', 'channel:c'], user: 'u'.repeat(128), ttlSeconds: 86_400 }, true],
    ['mintFeedToken', { topics: [] }, false],
    ['mintFeedToken', { topics: Array(101).fill('qoe') }, false],
    ['mintFeedToken', { topics: ['qoe'], user: '' }, false],
    ['mintFeedToken', { topics: ['qoe'], user: 'u'.repeat(129) }, false],
    ['mintFeedToken', { topics: ['qoe'], ttlSeconds: 86_401 }, false],
    ['mintFeedToken', { topics: ['qoe'], ttlSeconds: 0 }, false],
    ['addExternalAsset', EXTERNAL, true],
    ['addExternalAsset', { ...EXTERNAL, id: '/' }, false],
    ['reportEvents', { events: [EVENT] }, true],
  ])('is so: the body of %s, usable %3$s', async (id, body, usable) => {
    const described = operation(id);
    expect(described.body?.['application/json']?.safeParse(body).success).toBe(usable);
    const response = await call(service.url, described, { key: 'admin', body });
    expect(response.status === 400).toBe(!usable);
  });
});
