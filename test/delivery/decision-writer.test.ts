import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decisionWriter } from '../../src/delivery/decision-writer.ts';
import { type Decision, decisionSchema } from '../../src/domain/index.ts';

const eligibleOf = (arm: string) => [{ arm, propensity: 1 / 3, setHash: `set of ${arm}` }];
const rungsOf = (renditionId: string) => [{ renditionId, width: 640, height: 360, bitrateKbps: 300.5 }];

const decision: Decision = {
  viewId: `v_${'x'.repeat(22)}`,
  sessionId: 's1',
  assetId: 'a_1',
  generation: 0,
  decidedAt: '2026-01-01T00:00:00.000Z',
  configVersion: 1,
  allocationVersion: 2,
  revision: 3,
  context: { region: 'NO', device: 'phone', connection: 'cellular' },
  fallbackLevel: 'cell',
  arm: 'baseline',
  setHash: 'set',
  propensity: 1 / 3,
  eligible: eligibleOf('baseline'),
  reason: 'learned',
  rungs: rungsOf('low'),
  covariates: {},
};

describe('a decision as text', () => {
  it('reads back as it was, with whatever it has beside what every decision has', () => {
    const write = decisionWriter();
    const all: Decision[] = [
      decision,
      { ...decision, covariates: { throughputKbps: 812.25 } },
      { ...decision, decodes: ['av1'], codec: { codec: 'av1', propensity: 0.95 } },
      { ...decision, rollout: { trialVersion: 2, stage: 'canary', share: 0.05 } },
    ];
    for (const each of all) expect(decisionSchema.parse(JSON.parse(write(each)))).toEqual(each);
  });

  it('has the lists of its own decision, however many decisions share them', () => {
    const eligible = ['first', 'second', 'third'].map(eligibleOf);
    const rungs = ['low', 'high'].map(rungsOf);
    const write = decisionWriter();
    const decisions = fc.record({ eligible: fc.constantFrom(...eligible), rungs: fc.constantFrom(...rungs) });
    fc.assert(
      fc.property(decisions, (lists) => {
        expect(JSON.parse(write({ ...decision, ...lists }))).toEqual({ ...decision, ...lists });
      }),
    );
  });
});
