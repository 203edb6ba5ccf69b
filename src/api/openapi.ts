import { OpenApiGeneratorV31, zodToOpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { NAMED_SCHEMAS } from './openapi/named-schemas.ts';
import { BEARER, QUERY_KEY, SIGNED, toRoute } from './openapi/operation.ts';
import { OPERATIONS } from './openapi/operations.ts';
import { SIGNATURE_WINDOW_SECONDS } from './signed-request.ts';

type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

const DESCRIPTION = [
  'Times are ISO 8601 UTC, durations milliseconds. Refusals are RFC 9457 problems.',
  'Keys have scopes: `telemetry`, `upload`, `read`, `decide`, and `admin`, which opens everything.',
].join('\n\n');

/** `/openapi.json`: OpenAPI 3.1 made of the schemas that requests are validated with. Every call gives an equal document. */
export function buildOpenApi(): OpenApiDocument {
  for (const [refId, schema] of Object.entries(NAMED_SCHEMAS))
    zodToOpenAPIRegistry.add(schema, { _internal: { refId } });
  const generator = new OpenApiGeneratorV31(
    [
      ...Object.values(NAMED_SCHEMAS).map((schema) => ({ type: 'schema' as const, schema })),
      ...OPERATIONS.map((operation) => ({ type: 'route' as const, route: toRoute(operation) })),
      securityScheme(BEARER, {
        type: 'http',
        scheme: 'bearer',
        description: 'A key; its scopes are named per operation.',
      }),
      securityScheme(QUERY_KEY, {
        type: 'apiKey',
        in: 'query',
        name: 'key',
        description: 'The same key, where no header can be set: beacons and manifests.',
      }),
      header(SIGNED.key, 'NARA-Key', 'For servers that sign instead of sending a key: the id of a signing key.'),
      header(
        SIGNED.timestamp,
        'NARA-Timestamp',
        `Unix time in seconds; good for ${SIGNATURE_WINDOW_SECONDS} s either way.`,
      ),
      header(
        SIGNED.signature,
        'NARA-Signature',
        "Hex HMAC-SHA-256, under the signing secret, of NARA-Timestamp, a '.', and the body before any Content-Encoding.",
      ),
    ],
    { sortComponents: 'alphabetically' },
  );
  return generator.generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'NARA-1r',
      version: '1',
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
  });
}

function header(scheme: string, name: string, description: string) {
  return securityScheme(scheme, { type: 'apiKey', in: 'header', name, description });
}

function securityScheme(name: string, component: Record<string, string>) {
  return { type: 'component' as const, componentType: 'securitySchemes' as const, name, component };
}
