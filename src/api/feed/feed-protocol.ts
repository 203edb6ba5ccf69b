import { z } from 'zod';

/** WebSocket subprotocol. */
export const FEED_PROTOCOL = 'nara.v1';

/** `assets`, `asset:ID`, `policy`, `qoe`, `channel:NAME`. */
export const topicSchema = z
  .string()
  .regex(/^(assets|policy|qoe|asset:[A-Za-z0-9._-]{1,64}|channel:[A-Za-z0-9._-]{1,64})$/, {
    error: 'expected assets, asset:ID, policy, qoe or channel:NAME',
  });

const topicsSchema = z.array(topicSchema).min(1).max(100);

/** What a client may say. */
export const clientMessageSchema = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('hello'),
    token: z.string().max(4096),
    resume: z.record(topicSchema, z.int().min(0)).optional(),
  }),
  z.object({ op: z.literal('subscribe'), topics: topicsSchema }),
  z.object({ op: z.literal('unsubscribe'), topics: topicsSchema }),
  z.object({
    op: z.literal('publish'),
    topic: topicSchema,
    type: z.enum(['presence', 'typing', 'reaction', 'message']),
    data: z.unknown(),
  }),
]);
export type ClientMessage = z.infer<typeof clientMessageSchema>;

/** One thing that happened on a topic; ids rise by one within it. */
export type FeedEvent = { topic: string; id: number; ts: string; type: string; data: unknown };

export type ServerMessage =
  | { op: 'ready' }
  | ({ op: 'event' } & FeedEvent)
  | { op: 'gap'; topic: string; after: number }
  | { op: 'error'; code: string; message: string };
