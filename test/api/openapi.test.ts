import type { Express } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPORT_ROUTES } from '../../src/api/ingest/ingest-handler.ts';
import { OPERATIONS } from '../../src/api/openapi/operations.ts';
import { buildOpenApi } from '../../src/api/openapi.ts';
import { type DescribedService, startDescribedService } from './fixtures/described-service.ts';

let service: DescribedService;
beforeAll(async () => {
  service = await startDescribedService();
});
afterAll(() => service.stop());

/** What is not an Express route: the WebSocket is taken over before Express sees it. */
const UPGRADES = ['GET /v1/feed'];

type Layer = { route?: { path: string | string[]; methods: Record<string, boolean> }; handle: { stack?: Layer[] } };

/** Every `METHOD /path` that Express routes, in OpenAPI's notation; preflights apart. */
function expressRoutes(layers: readonly Layer[]): string[] {
  return layers.flatMap(({ route, handle }) => {
    if (route === undefined) return expressRoutes(handle.stack ?? []);
    const methods = Object.keys(route.methods).filter((method) => method !== 'options');
    return [route.path]
      .flat()
      .flatMap((path) => methods.map((method) => `${method.toUpperCase()} ${toTemplate(path)}`));
  });
}

const toTemplate = (path: string): string =>
  path.replace('/v1/uploads/*rest', '/v1/uploads/{uploadId}').replace(/:(\w+)/g, '{$1}');

const routesOf = (app: Express): string[] =>
  expressRoutes((app as unknown as { router: { stack: Layer[] } }).router.stack);

/** The document as a client gets it. */
const document = JSON.parse(JSON.stringify(buildOpenApi()));

/** Every object in the document, with where it is. */
function nodes(value: unknown, path = '#'): { path: string; node: Record<string, unknown> }[] {
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.entries(value).flatMap(([key, child]) => nodes(child, `${path}/${key}`));
  return Array.isArray(value) ? below : [{ path, node: value as Record<string, unknown> }, ...below];
}

const resolve = (ref: string): unknown =>
  ref
    .slice(2)
    .split('/')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);

describe('the document', () => {
  it('is OpenAPI 3.1 and the same every time', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(JSON.stringify(buildOpenApi())).toBe(JSON.stringify(buildOpenApi()));
  });

  it('is what /openapi.json sends', async () => {
    expect(await (await fetch(`${service.url}/openapi.json`)).json()).toEqual(document);
  });

  it('refers to nothing that is not in it', () => {
    const refs = nodes(document).flatMap(({ node }) => (typeof node.$ref === 'string' ? [node.$ref] : []));
    expect(refs.length).toBeGreaterThan(50);
    for (const ref of new Set(refs)) expect(resolve(ref), ref).toBeDefined();
  });

  it('names nothing that it does not use', () => {
    const refs = new Set(nodes(document).map(({ node }) => node.$ref));
    const unused = Object.keys(document.components.schemas).filter((name) => !refs.has(`#/components/schemas/${name}`));
    expect(unused).toEqual([]);
  });

  it('describes every route that there is, and no other', () => {
    const documented = Object.entries<Record<string, unknown>>(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const reports = REPORT_ROUTES.map(({ path }) => `POST ${path}`);
    expect(documented.sort()).toEqual([...routesOf(service.app), ...reports, ...UPGRADES].sort());
  });

  it.each(OPERATIONS)('is complete for $id', ({ method, path }) => {
    const operation = document.paths[path][method];
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const parameters: { name: string; in: string; required?: boolean }[] = operation.parameters ?? [];
    expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(inPath);
    expect(operation.summary).toMatch(/\.$/);
    for (const requirement of operation.security) {
      for (const scheme of Object.keys(requirement)) expect(document.components.securitySchemes).toHaveProperty(scheme);
    }
    for (const response of Object.values<{ description: string }>(operation.responses))
      expect(response.description).not.toBe('');
  });

  it('has one name per operation', () => {
    expect(new Set(OPERATIONS.map(({ id }) => id)).size).toBe(OPERATIONS.length);
  });
});
