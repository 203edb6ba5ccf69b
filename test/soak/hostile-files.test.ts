import { expect, it } from 'vitest';
import { openWorkshop } from '../integration/media/clips.ts';
import { startCanary, takeInHostile } from '../integration/media/hostile/take-in.ts';
import { uniforms } from '../policy/policy-fixtures.ts';

it('five hundred hostile files are published or refused for a reason, reach no file and no host, and leave workers healthy', async () => {
  const seed = Number(process.env.NARA_SOAK_SEED ?? Date.now() % 1e6);
  const workshop = await openWorkshop();
  const canary = await startCanary(workshop.root);
  try {
    const { outcomes, leaks, after, leftBehind } = await takeInHostile(workshop, canary, 500, uniforms(seed));
    const count = new Map<string, number>();
    for (const { outcome } of outcomes) {
      const name = outcome === 'published' ? outcome : outcome.refused;
      count.set(name, (count.get(name) ?? 0) + 1);
    }
    process.stdout.write(`seed ${seed}: ${JSON.stringify(Object.fromEntries(count))}\n`);
    expect({ taken: outcomes.length, leaks, after, leftBehind, asked: canary.asked() }).toEqual({
      taken: 500,
      leaks: [],
      after: 'published',
      leftBehind: [],
      asked: 0,
    });
  } finally {
    canary.stop();
    await workshop.close();
  }
});
