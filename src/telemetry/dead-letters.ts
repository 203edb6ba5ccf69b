import { toJsonText } from '../domain/index.ts';
import { toClickHouseTime } from './event-line.ts';
import type { Arrival } from './ingest.ts';
import { RateLimit } from './rate-limits.ts';
import type { Refusal } from './refusal.ts';
import { toSpoolRow } from './spool/spool.ts';

/** Characters kept of something that was refused. */
const MAX_BODY_CHARACTERS = 2_048;
const MAX_REASON_CHARACTERS = 1_000;
/** Refused things whose text is kept; beyond it they are only counted, so that rubbish cannot fill the disk. */
const KEPT_BODIES = { perSecond: 20, burst: 1_000 };

/** Turns refusals into rows of `dead_letters`: with their text while there are few, counted by code when there are many. */
export function createDeadLetterWriter(): (
  refusals: readonly Refusal[],
  arrival: Pick<Arrival, 'source' | 'block'>,
  receivedAtMs: number,
) => string[] {
  const bodies = new RateLimit(KEPT_BODIES);

  return (refusals, arrival, receivedAtMs) => {
    const counted = new Map<string, { refusal: Refusal; events: number }>();
    const lines: string[] = [];
    const write = (refusal: Refusal, events: number, body: string): number =>
      lines.push(
        toSpoolRow({
          received_at: toClickHouseTime(receivedAtMs),
          source: arrival.source,
          block: arrival.block,
          code: refusal.code,
          reason: reasonOf(refusal),
          ...subjectOf(refusal.candidate),
          body,
          events,
        }),
      );
    for (const refusal of refusals) {
      if (bodies.take('all', receivedAtMs)) {
        write(refusal, 1, textOf(refusal.candidate));
        continue;
      }
      const group = counted.get(refusal.code);
      if (group === undefined) counted.set(refusal.code, { refusal, events: 1 });
      else group.events += 1;
    }
    for (const { refusal, events } of counted.values()) write(refusal, events, '');
    return lines;
  };
}

function reasonOf({ errors }: Refusal): string {
  return errors
    .slice(0, 5)
    .map(({ path, expected, received }) => `${path === '' ? '' : `${path}: `}expected ${expected} (got ${received})`)
    .join('; ')
    .slice(0, MAX_REASON_CHARACTERS)
    .toWellFormed();
}

function textOf(candidate: unknown): string {
  const text = typeof candidate === 'string' ? candidate : toJsonText(candidate);
  return text.slice(0, MAX_BODY_CHARACTERS).toWellFormed();
}

/** Whom it was about, as far as it says so, so that it can be erased with them. */
function subjectOf(candidate: unknown): { session_id: string; asset_id: string } {
  const { sessionId, assetId } = (typeof candidate === 'object' && candidate !== null ? candidate : {}) as Record<
    string,
    unknown
  >;
  const id = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 128).toWellFormed() : '');
  return { session_id: id(sessionId), asset_id: id(assetId) };
}
