import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

const grantSchema = z.object({ topics: z.array(z.string()), user: z.string().nullable(), expiresAt: z.number() });
/** What a feed token opens. */
export type FeedGrant = z.infer<typeof grantSchema>;

/** Signs and checks feed tokens with one secret. */
export function createFeedTokens(secret: string, nowMs: () => number) {
  const key = createHmac('sha256', secret).update('nara.v1.feed').digest();
  const sign = (payload: string) => createHmac('sha256', key).update(payload).digest();
  return {
    mint({ topics, user, ttlSeconds }: { topics: string[]; user: string | null; ttlSeconds: number }): string {
      const payload = Buffer.from(JSON.stringify({ topics, user, expiresAt: nowMs() + ttlSeconds * 1000 })).toString(
        'base64url',
      );
      return `${payload}.${sign(payload).toString('base64url')}`;
    },
    /** The grant of a token that is ours and not expired, or null. */
    check(token: string): FeedGrant | null {
      const [payload = '', signature = ''] = token.split('.');
      const expected = sign(payload);
      const actual = Buffer.from(signature, 'base64url');
      if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) return null;
      const grant = grantSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
      return grant.expiresAt > nowMs() ? grant : null;
    },
  };
}

/** Whether a grant opens a topic: `assets` opens every `asset:ID`, and `channel:*` is written out. */
export function opens(grant: FeedGrant, topic: string): boolean {
  return grant.topics.includes(topic) || (topic.startsWith('asset:') && grant.topics.includes('assets'));
}
