import { describe, expect, it } from 'vitest';
import { armsInPlay } from '../../src/policy/arms-in-play.ts';
import { ladderFamily } from '../../src/policy/ladder-families.ts';

const baseline = { ...ladderFamily('baseline', [150, 800]), baseline: true };
const arm = (id: string, state: 'active' | 'paused' = 'active') => ({ ...ladderFamily(id, [200, 900]), state });
const shown = (...args: Parameters<typeof armsInPlay>) =>
  armsInPlay(...args).map(
    ({ id, inPlay, baseline: isBaseline }) => `${id}${isBaseline ? '*' : ''}${inPlay ? ' in play' : ''}`,
  );

describe('the arms in play', () => {
  it('are those of the config in force that what is served offers', () => {
    const config = { arms: [baseline, arm('a'), arm('b', 'paused')] };
    expect(shown(config, [config])).toEqual(['baseline* in play', 'a in play', 'b']);
  });

  it('name an arm that is in force but not fitted yet, and one that is only on trial', () => {
    const served = { arms: [baseline, arm('a')] };
    const inForce = { arms: [baseline, arm('a'), arm('new')] };
    const onTrial = { arms: [baseline, arm('a'), arm('tried')] };
    expect(shown(inForce, [served, onTrial])).toEqual(['baseline* in play', 'a in play', 'new', 'tried in play']);
  });

  it('have one baseline, that of the config in force', () => {
    const before = { arms: [baseline, arm('a')] };
    const inForce = {
      arms: [
        { ...baseline, baseline: false },
        { ...arm('a'), baseline: true },
      ],
    };
    expect(shown(inForce, [before])).toEqual(['baseline in play', 'a* in play']);
  });
});
