import { parseArgs } from 'node:util';
import type { Allocation } from '../domain/index.ts';
import type { KnownArm } from '../policy/arms-in-play.ts';
import type { EffectsReport } from '../policy/effects-report.ts';
import type { Explanation } from '../policy/explain.ts';
import type { Suggestions } from '../policy/proposer/suggest-arms.ts';
import { connectToApi } from './api-client.ts';
import { POLICY_WRITES, printHistory } from './policy-writes.ts';
import { printJson, printTable } from './print.ts';
import { printEffects } from './print-effects.ts';
import { type Promotion, printPromotion } from './print-promotion.ts';
import { printSuggestions } from './print-suggestions.ts';
import type { RunCommand } from './run-command.ts';

type Policy = Pick<Allocation, 'configVersion' | 'allocationVersion' | 'createdAt' | 'contexts'>;

/** `nara policy …`: what a running service offers where, and why. */
export const policyCommand: RunCommand = async (args, config) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      region: { type: 'string' },
      device: { type: 'string' },
      connection: { type: 'string' },
      arm: { type: 'string' },
      expires: { type: 'string' },
      reason: { type: 'string' },
      actor: { type: 'string' },
      reward: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      changes: { type: 'string' },
      stage: { type: 'string' },
      'at-once': { type: 'boolean' },
      json: { type: 'boolean' },
    },
  });
  const api = await connectToApi(config);
  const show = <T>(answer: T, print: (answer: T) => void): number => {
    if (values.json) printJson(answer);
    else print(answer);
    return 0;
  };
  const [name = '', target = ''] = positionals;
  const write = POLICY_WRITES[name];
  if (write !== undefined) {
    const { answer, print } = await write(api, target, values);
    return show(answer, print);
  }
  switch (name) {
    case 'show':
      return show(await api.request<Policy>('GET', '/v1/policy'), printPolicy);
    case 'arms':
      return show(await api.request<{ arms: KnownArm[] }>('GET', '/v1/policy/arms'), printArms);
    case 'versions':
      return show(await api.request<Parameters<typeof printHistory>[0]>('GET', '/v1/policy/versions'), printHistory);
    case 'effects': {
      const { from, to } = values;
      const query = new URLSearchParams({
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      });
      return show(await api.request<EffectsReport>('GET', `/v1/policy/effects?${query}`), printEffects);
    }
    case 'suggest':
      return show(await api.request<Suggestions>('GET', '/v1/policy/suggestions'), printSuggestions);
    case 'promotion':
      return show(await api.request<Promotion>('GET', '/v1/policy/promotion'), printPromotion);
    case 'learn':
      return show(await api.request('POST', '/v1/policy/learn', {}), printJson);
    case 'explain': {
      const query = new URLSearchParams({
        region: values.region ?? '',
        device: values.device ?? '',
        connection: values.connection ?? 'unknown',
      });
      return show(await api.request<Explanation>('GET', `/v1/policy/explain?${query}`), printExplanation);
    }
    default:
      process.stderr.write('nara policy: see nara policy --help\n');
      return 2;
  }
};

function printPolicy(policy: Policy): void {
  process.stdout.write(
    `config ${policy.configVersion}, allocation ${policy.allocationVersion} of ${policy.createdAt}\n\n`,
  );
  const rows = policy.contexts.flatMap(({ region, device, connection, level, arms }) =>
    arms
      .filter((arm) => arm.weight >= 0.01)
      .sort((left, right) => right.weight - left.weight)
      .map((arm) => [
        `${region} ${device} ${connection}`,
        level,
        arm.arm,
        arm.weight,
        arm.mean,
        arm.sd,
        arm.pBest,
        Math.round(arm.effectiveN),
        arm.guard,
      ]),
  );
  printTable(['context', 'level', 'arm', 'weight', 'mean', 'sd', 'P(best)', 'n', 'guard'], rows);
}

function printArms({ arms }: { arms: KnownArm[] }): void {
  printTable(
    ['arm', 'state', 'in play', 'baseline', 'rungs kbit/s'],
    arms.map((arm) => [
      arm.id,
      arm.state,
      arm.inPlay ? 'yes' : '',
      arm.baseline ? 'yes' : '',
      arm.rungs.map((rung) => rung.bitrateKbps).join(' '),
    ]),
  );
}

function printExplanation(explanation: Explanation): void {
  process.stdout.write(`${explanation.summary}\n\n`);
  printTable(
    ['arm', 'weight', 'gain', '± sd', 'P(best)', 'n', 'guard', 'median', 'clipped', 'views needed'],
    explanation.arms.map((arm) => [
      arm.arm,
      arm.weight,
      arm.gain,
      arm.gainSd,
      arm.pBest,
      Math.round(arm.effectiveN),
      arm.guard,
      arm.buckets?.median ?? '',
      arm.clippedShare === null ? '' : `${Math.round(100 * Math.max(...Object.values(arm.clippedShare)))} %`,
      String(arm.viewsNeeded),
    ]),
  );
}
