import { afterEach, describe, it } from 'vitest';
import { type SeparateProcesses, startSeparately } from '../fixtures/separate-processes.ts';
import { surviveAway } from '../fixtures/survive-away.ts';

/** SOAK_AWAY_SECONDS sets another time: longer than any time-out of ours is what shows most. */
const AWAY_SECONDS = Number(process.env.SOAK_AWAY_SECONDS ?? 180);

let hosts: SeparateProcesses;
afterEach(() => hosts?.stop());

describe(`ClickHouse away for ${AWAY_SECONDS} s under load`, () => {
  it.each(['killed', 'stopped in its tracks'] as const)(
    'because it was %s: no report is refused or lost, the spool grows and drains',
    async (how) => {
      hosts = await startSeparately();
      await surviveAway(hosts, { how, awayMs: AWAY_SECONDS * 1000 });
    },
  );
});
