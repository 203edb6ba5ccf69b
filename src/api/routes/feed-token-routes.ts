import express, { Router } from 'express';
import { z } from 'zod';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { topicSchema } from '../feed/feed-protocol.ts';
import { parseOr400 } from '../problem.ts';

export type FeedTokenPorts = {
  checkKey: CheckKey;
  mintFeedToken(grant: { topics: string[]; user: string | null; ttlSeconds: number }): string;
};

const DEFAULT_TTL_SECONDS = 3600;
const bodySchema = z.object({
  topics: z.array(topicSchema).min(1).max(100),
  user: z.string().min(1).max(128).optional(),
  ttlSeconds: z.int().min(1).max(86_400).default(DEFAULT_TTL_SECONDS),
});

/** `POST /v1/feed/tokens`: a signed pass for the WebSocket feed, naming the topics it opens. */
export function feedTokenRoutes(ports: FeedTokenPorts): Router {
  const router = Router();
  router.post('/v1/feed/tokens', requireScope(ports.checkKey, 'read'), express.json(), (request, response) => {
    const { topics, user, ttlSeconds } = parseOr400(bodySchema, request.body ?? {});
    response.json({ token: ports.mintFeedToken({ topics, user: user ?? null, ttlSeconds }) });
  });
  return router;
}
