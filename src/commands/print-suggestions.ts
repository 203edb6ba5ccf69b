import { contextKey } from '../domain/index.ts';
import type { Suggestions } from '../policy/proposer/suggest-arms.ts';
import { printTable } from './print.ts';

/** Ladders worth trying, where and why, and arms that are surely never best. */
export function printSuggestions({ arms, retire }: Suggestions): void {
  if (arms.length === 0)
    process.stdout.write('No ladder is expected to beat the present ones by enough to be encoded.\n');
  else {
    printTable(
      ['arm', 'rungs kbit/s', 'where', 'gain', '± sd', 'P(best)', 'views'],
      arms.flatMap(({ arm, places }) =>
        places.map(({ context, gain, gainSd, pBest, views }) => [
          arm.id,
          arm.rungs.map(({ bitrateKbps }) => bitrateKbps).join(' '),
          contextKey(context),
          gain,
          gainSd,
          pBest,
          Math.round(views),
        ]),
      ),
    );
    process.stdout.write('\nTo try one: PUT /v1/policy/arms/ID with it (--json shows it whole).\n');
  }
  if (retire.length > 0) process.stdout.write(`Surely never best, and worth retiring: ${retire.join(', ')}\n`);
}
