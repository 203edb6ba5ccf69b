import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { z } from 'zod';
import { type Announcement, announcementSchema } from '../domain/index.ts';

const CHANNEL = 'nara:announcements';
const FEED_CHANNEL = 'nara:feed';

/** A client's message on a channel of the feed, on its way to the other hosts. */
const relayedSchema = z.object({ topic: z.string(), type: z.string(), data: z.unknown(), user: z.string().nullable() });
export type RelayedMessage = z.infer<typeof relayedSchema>;

/** Tells the other processes; while Redis is away they find out by looking, a little later. Nobody need wait for it. */
export async function announce(redis: Redis, announcement: Announcement, log: Logger): Promise<void> {
  await publish(redis, CHANNEL, announcement, log);
}

/** Sends a client's feed message to every host, this one included. */
export async function relay(redis: Redis, message: RelayedMessage, log: Logger): Promise<void> {
  await publish(redis, FEED_CHANNEL, message, log);
}

/** Hears both; `subscriber` is a connection of its own. Subscribes anew whenever Redis comes back. */
export async function hearAnnouncements(
  subscriber: Redis,
  handlers: { onAnnouncement(announcement: Announcement): void; onRelayed(message: RelayedMessage): void },
): Promise<void> {
  subscriber.on('message', (channel: string, text: string) => {
    if (channel === CHANNEL) {
      const parsed = announcementSchema.safeParse(parse(text));
      if (parsed.success) handlers.onAnnouncement(parsed.data);
    } else {
      const parsed = relayedSchema.safeParse(parse(text));
      if (parsed.success) handlers.onRelayed(parsed.data);
    }
  });
  await subscriber.subscribe(CHANNEL, FEED_CHANNEL);
}

async function publish(redis: Redis, channel: string, message: unknown, log: Logger): Promise<void> {
  await redis.publish(channel, JSON.stringify(message)).catch((error: Error) => {
    log.debug({ err: error, channel }, 'nobody could be told');
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
