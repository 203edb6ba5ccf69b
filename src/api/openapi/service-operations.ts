import { z } from 'zod';
import { topicSchema } from '../feed/feed-protocol.ts';
import type { Operation } from './operation.ts';

/** As `feed-token-routes.ts` reads it. */
const feedTokenBodySchema = z.object({
  topics: z.array(topicSchema).min(1).max(100),
  user: z.string().min(1).max(128).optional(),
  ttlSeconds: z.int().min(1).max(86_400).default(3600),
});

const readinessSchema = z.object({
  status: z.enum(['ready', 'not ready']),
  parts: z.record(z.string(), z.object({ ready: z.boolean(), detail: z.string().optional() })),
});

const script = (name: string): Operation => ({
  id: `readConsole${name[0]?.toUpperCase()}${name.slice(1)}`,
  method: 'get',
  path: `/console/${name}.js`,
  tag: 'console',
  summary: 'A script of the console.',
  access: 'open',
  answers: { 200: { description: 'JavaScript.', schema: z.string(), type: 'text/javascript' } },
});

export const SERVICE_OPERATIONS: readonly Operation[] = [
  {
    id: 'mintFeedToken',
    method: 'post',
    path: '/v1/feed/tokens',
    tag: 'feed',
    summary: 'A signed pass for the WebSocket feed, naming the topics it opens.',
    access: ['read'],
    body: { 'application/json': feedTokenBodySchema },
    answers: { 200: { description: 'Say hello with it.', schema: z.object({ token: z.string() }) } },
    problems: { 400: 'The body is not usable.' },
  },
  {
    id: 'openFeed',
    method: 'get',
    path: '/v1/feed',
    tag: 'feed',
    summary: 'The live feed: a WebSocket of subprotocol `nara.v1`.',
    description: 'The first message is `{op:"hello", token}`; then `subscribe`, `unsubscribe` and `publish`.',
    access: 'open',
    answers: { 101: { description: 'The connection is a WebSocket now.' } },
  },
  {
    id: 'isAlive',
    method: 'get',
    path: '/healthz',
    tag: 'service',
    summary: 'Whether the process answers.',
    access: 'open',
    answers: { 200: { description: 'It does.', schema: z.object({ status: z.literal('ok') }) } },
  },
  {
    id: 'isReady',
    method: 'get',
    path: '/readyz',
    tag: 'service',
    summary: 'Whether everything the API leans on is there.',
    access: 'open',
    answers: {
      200: { description: 'It is.', schema: readinessSchema },
      503: { description: 'A part is not; views and uploads may go on without it.', schema: readinessSchema },
    },
  },
  {
    id: 'readMetrics',
    method: 'get',
    path: '/metrics',
    tag: 'service',
    summary: 'Metrics for Prometheus.',
    access: 'open',
    answers: { 200: { description: 'Prometheus text format.', schema: z.string(), type: 'text/plain' } },
  },
  {
    id: 'readOpenApi',
    method: 'get',
    path: '/openapi.json',
    tag: 'service',
    summary: 'This document.',
    access: 'open',
    answers: { 200: { description: 'OpenAPI 3.1.', schema: z.looseObject({ openapi: z.string() }) } },
  },
  {
    id: 'openConsole',
    method: 'get',
    path: '/',
    tag: 'console',
    summary: 'The console.',
    access: 'open',
    answers: { 200: { description: 'A page.', schema: z.string(), type: 'text/html' } },
  },
  ...['page', 'hls', 'tus'].map(script),
];
