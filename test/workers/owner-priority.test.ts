import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ownerPriority, type QueuedAsset } from '../../src/workers/owner-priority.ts';

const DAY_MS = 24 * 3_600_000;

/** Sorted sets as Redis has them, as far as they are used. */
function fakeRedis() {
  const sets = new Map<string, Map<string, number>>();
  const of = (key: unknown): Map<string, number> => {
    const set = sets.get(String(key)) ?? new Map<string, number>();
    sets.set(String(key), set);
    return set;
  };
  const commands = {
    zadd: async (key: unknown, score: unknown, member: unknown) => of(key).set(String(member), Number(score)).size,
    zcount: async (key: unknown, min: unknown, max: unknown) =>
      [...of(key).values()].filter((score) => score >= Number(min) && score < Number(String(max).slice(1))).length,
    zremrangebyscore: async (key: unknown, _min: unknown, max: unknown) => {
      for (const [member, score] of of(key)) if (score <= Number(max)) of(key).delete(member);
      return 0;
    },
    pexpire: async () => 1,
  };
  return commands as unknown as Parameters<typeof ownerPriority>[0];
}
const asset = (owner: string, id: string, day: number): QueuedAsset => ({
  owner,
  id,
  createdAt: new Date(Date.UTC(2026, 0, 1) + day * DAY_MS).toISOString(),
});

test('whoever uploaded most in the last seven days is last in line, whoever uploaded nothing is first', async () => {
  const redis = fakeRedis();
  for (let n = 0; n < 5; n += 1) await ownerPriority(redis, 'p', asset('busy', `a_${n}`, 10 + n / 10));
  expect(await ownerPriority(redis, 'p', asset('busy', 'a_next', 11))).toBe(6);
  expect(await ownerPriority(redis, 'p', asset('new', 'a_other', 11))).toBe(1);
  expect(await ownerPriority(redis, 'p', asset('busy', 'a_later', 17.9))).toBe(2);
});

test('a job asked for again keeps its place, in whatever order jobs are asked for', async () => {
  const uploads = Array.from({ length: 8 }, (_, n) => asset('ann', `a_${n}`, n / 2));
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(uploads, { minLength: 8 }), async (order) => {
      const redis = fakeRedis();
      for (const one of order) await ownerPriority(redis, 'p', one);
      const priorities = await Promise.all(uploads.map((one) => ownerPriority(redis, 'p', one)));
      expect(priorities).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    }),
  );
});
