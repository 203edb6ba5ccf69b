import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Bench, describeMachine, printResults } from './report.ts';

const BENCHES: Record<string, () => Promise<Bench>> = {
  decide: async () => (await import('./decide.ts')).decide,
  safety: async () => (await import('./safety/safety.ts')).safety,
  promotion: async () => (await import('./promotion.ts')).promotion,
  refit: async () => (await import('./refit.ts')).refit,
  life: async () => (await import('./life.ts')).life,
  apply: async () => (await import('./apply/apply.ts')).apply,
  poisoning: async () => (await import('./poisoning/poisoning.ts')).poisoning,
  learn: async () => (await import('./learn/learn.ts')).learn,
  plan: async () => (await import('./plan.ts')).plan,
  ingest: async () => (await import('./ingest/ingest.ts')).ingest,
  playable: async () => (await import('./playable/playable.ts')).playable,
  encode: async () => (await import('./encode/encode.ts')).encode,
  'first-beta': async () => (await import('./first-beta/first-beta.ts')).firstBeta,
  av1: async () => (await import('./av1/av1.ts')).av1,
  'per-title': async () => (await import('./per-title/per-title.ts')).perTitle,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    traces: { type: 'string' },
    titles: { type: 'string' },
    series: { type: 'string' },
  },
});
const [name = ''] = positionals;
const load = BENCHES[name];
if (load === undefined) {
  process.stderr.write(
    `npm run bench -- NAME [--quick] [--json FILE] [--traces DIR --titles DIR] [--series FILE], NAME one of ${Object.keys(BENCHES).join(', ')}\n`,
  );
  process.exit(1);
}
const results = await (await load())(values);
printResults(name, results);
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ name, machine: describeMachine(), results }, null, 2)}\n`);
}
process.exit(0);
