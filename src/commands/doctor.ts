import type { Config } from '../config.ts';
import type { Check } from './doctor/check.ts';
import { checkClickhouse, checkRedis } from './doctor/check-databases.ts';
import { checkGovernor } from './doctor/check-governor.ts';
import { checkDataDir, checkDisk, checkPort } from './doctor/check-place.ts';
import { checkFfmpeg, checkFfprobe, checkNicety, checkNode } from './doctor/check-programs.ts';

/** What `nara doctor` found. */
export type DoctorReport = {
  /** Everything required is there: the exit code is 0. */
  ok: boolean;
  checks: Check[];
};

type DoctorConfig = Pick<
  Config,
  'host' | 'port' | 'portIsExplicit' | 'dataDir' | 'clickhouseUrl' | 'redisUrl' | 'ffmpegPath' | 'ffprobePath'
>;

/** Looks at everything the service needs; changes nothing. */
export async function runDoctor(config: DoctorConfig): Promise<DoctorReport> {
  const found = await Promise.all([
    checkNode(process.versions.node),
    checkFfmpeg(config),
    checkFfprobe(config),
    checkRedis(config),
    checkClickhouse(config),
    checkDataDir(config),
    checkDisk(config),
    checkPort(config),
    checkNicety(process.platform),
    checkGovernor(process.platform),
  ]);
  const checks = found.flat();
  return { ok: checks.every(({ ok, required }) => ok || !required), checks };
}

/** The report as a table for a person, with what to do under each thing that is wrong. */
export function renderDoctor({ ok, checks }: DoctorReport): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, ok: isFine, required, found, mend }) => {
    const mark = isFine ? 'ok  ' : required ? 'FAIL' : 'warn';
    const indent = ' '.repeat(width + 8);
    return [`  ${mark}  ${name.padEnd(width)}  ${found}`, ...(mend === null ? [] : [`${indent}  → ${mend}`])];
  });
  return [...lines, '', ok ? 'Everything needed is here.' : 'Something needed is missing: see FAIL above.', ''].join(
    '\n',
  );
}
