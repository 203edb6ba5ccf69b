import { describe, expect, it } from 'vitest';
import { whatIf } from '../../src/policy/what-if.ts';
import { PHONE, statisticsOf, testConfig } from './policy-fixtures.ts';

const config = testConfig();
const VIEWS = 400;
/** One arm shows more for more bytes; views differ a little so that there is noise to fit. */
const statistics = config.arms.map(({ id }) => {
  const rich = id === 'high-top';
  const views = Array.from({ length: VIEWS }, (_, index) => ({
    quality: (rich ? 85 : 80) + (index % 5),
    mbps: rich ? 6 : 2,
  }));
  return statisticsOf({ arm: id, context: PHONE }, views);
});

describe('what if', () => {
  it('nothing changes when the reward does not', () => {
    const answer = whatIf({ config, reward: config.reward, before: statistics, after: statistics });
    expect(answer.contexts.length).toBeGreaterThan(0);
    for (const { before, after, changed } of answer.contexts) {
      expect(after).toEqual(before);
      expect(changed).toBe(false);
    }
    expect(answer.views).toBe(VIEWS * config.arms.length);
  });

  it('dearer bytes take the choice from the arm that spends them', () => {
    const reward = { ...config.reward, deliveredMbps: 10 };
    const answer = whatIf({ config, reward, before: statistics, after: statistics });
    const cell = answer.contexts.find(({ level }) => level === 'cell');
    expect(cell).toMatchObject({ ...PHONE, changed: true });
    expect(cell?.before.arm).toBe('high-top');
    expect(cell?.before.gain).toBeGreaterThan(3);
    expect(cell?.after.arm).not.toBe('high-top');
    expect(answer.contexts[0]?.changed).toBe(true);
  });

  it('answers for everywhere when there are no views', () => {
    const { contexts, views } = whatIf({ config, reward: config.reward, before: [], after: [] });
    expect(views).toBe(0);
    expect(contexts).toHaveLength(1);
    expect(contexts[0]).toMatchObject({ level: 'cold', changed: false });
  });
});
