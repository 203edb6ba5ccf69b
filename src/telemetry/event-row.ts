import type { TelemetryEvent } from '../domain/index.ts';
import { type EventOrigin as Origin, toClickHouseTime, toEventLine } from './event-line.ts';

export { toClickHouseTime };

export type EventOrigin = Omit<Origin, 'receivedAt'> & { receivedAtMs: number };

/** An event as an object of the `events` table's columns. */
export function toEventRow(event: TelemetryEvent, { receivedAtMs, ...origin }: EventOrigin): Record<string, unknown> {
  return JSON.parse(`{${toEventLine(event, { ...origin, receivedAt: toClickHouseTime(receivedAtMs) })}`);
}
