import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import type { Issue } from '../../domain/index.ts';
import type { Scope } from '../key-store.ts';

/** Who may ask: any of these scopes; `open` needs no key; `open-or` does more with a key of the scope. */
type Access = readonly [Scope, ...Scope[]] | 'open' | { openOr: Scope };

type Answer = { description: string; schema?: z.ZodType; type?: string; headers?: z.ZodObject };

/** One method of one path, as far as it is ours to say; keys and refusals are filled in. */
export type Operation = {
  id: string;
  method: RouteConfig['method'];
  /** With `{names}`; each is in `params`. */
  path: string;
  tag: string;
  summary: string;
  description?: string;
  access: Access;
  /** A server may sign the body instead of sending a key. */
  signable?: true;
  params?: z.ZodObject;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  /** Schemas by media type. */
  body?: Readonly<Record<string, z.ZodType>>;
  answers: Readonly<Record<number, Answer>>;
  /** Refusals beyond those that come with the key: why, by status. */
  problems?: Readonly<Record<number, string>>;
};

/** What is wrong with one field. */
export const issueSchema = z.object({
  path: z.string(),
  expected: z.string(),
  received: z.string(),
}) satisfies z.ZodType<Issue>;

/** A refusal, RFC 9457: `code` is stable, `detail` is for people, `errors` name each bad field. */
export const problemSchema = z.object({
  type: z.literal('about:blank'),
  status: z.int(),
  title: z.string(),
  code: z.string(),
  detail: z.string(),
  errors: z.array(issueSchema).optional(),
});

/** Names of the two ways to present a key, and of the three headers that a signature has. */
export const BEARER = 'bearer';
export const QUERY_KEY = 'key';
export const SIGNED = { key: 'signatureKey', timestamp: 'signatureTimestamp', signature: 'signature' } as const;

/** An operation as the generator takes it. */
export function toRoute(operation: Operation): RouteConfig {
  const { id, method, path, tag, summary, description, access, signable, params, query, headers, body } = operation;
  return {
    operationId: id,
    method,
    path,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: [...securityOf(access), ...(signable ? [SIGNED_REQUIREMENT] : [])],
    request: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { query }),
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body: { required: true, content: contentOf(body) } }),
    },
    responses: responsesOf(operation),
  };
}

/** OpenAPI 3.1 lets a bearer's or an API key's requirement name roles: ours are scopes. One of them is enough. */
function securityOf(access: Access): Record<string, string[]>[] {
  if (access === 'open') return [];
  const scopes = 'openOr' in access ? [access.openOr] : access;
  const keyed = scopes.flatMap((scope) => [{ [BEARER]: [scope] }, { [QUERY_KEY]: [scope] }]);
  return 'openOr' in access ? [{}, ...keyed] : keyed;
}

const SIGNED_REQUIREMENT: Record<string, string[]> = Object.fromEntries(
  Object.values(SIGNED).map((name) => [name, []]),
);

function responsesOf({ access, answers, problems = {} }: Operation): RouteConfig['responses'] {
  const refusals = {
    ...(access === 'open'
      ? {}
      : {
          401: 'No key, or one that is not known.',
          403: 'The key lacks the scope or may not be used from this origin.',
        }),
    ...problems,
  };
  const responses: RouteConfig['responses'] = {};
  for (const [status, { description, schema, type = 'application/json', headers }] of Object.entries(answers)) {
    responses[status] = {
      description,
      ...(headers === undefined ? {} : { headers }),
      ...(schema === undefined ? {} : { content: contentOf({ [type]: schema }) }),
    };
  }
  for (const [status, description] of Object.entries(refusals)) responses[status] = { description, content: PROBLEM };
  responses.default = { description: 'Anything else that went wrong.', content: PROBLEM };
  return responses;
}

const PROBLEM = { 'application/problem+json': { schema: problemSchema } };

const contentOf = (schemas: Readonly<Record<string, z.ZodType>>) =>
  Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, { schema }]));
