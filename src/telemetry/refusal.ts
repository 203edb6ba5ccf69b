import type { Issue } from '../domain/index.ts';

/** Why something that came in is not stored as an event. Stable codes; docs/telemetry.md says what to do about each. */
export const REFUSAL_CODES = [
  /** Not an event as the contract describes it. */
  'event.invalid',
  /** Stood where an event should be and is not JSON, or not CMCD. */
  'event.unreadable',
  /** Carries a view token that this service did not sign, or one of another asset. */
  'token.refused',
  /** A CMCD report without `sid`, or without a content id: its view is unknown. */
  'report.anonymous',
  /** A client that reports more than a view can show. */
  'event.implausible',
  /** Too many events of one view, or from one address block, in too short a time. */
  'rate.view',
  'rate.block',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/**
 * What a decoder found in an event's place, or ingest did not believe: reported at its index, kept as a dead letter,
 * everything else is stored. `candidate` is what came.
 */
export class Refusal {
  readonly code: RefusalCode;
  readonly errors: Issue[];
  readonly candidate: unknown;
  constructor(code: RefusalCode, errors: Issue[], candidate: unknown) {
    this.code = code;
    this.errors = errors;
    this.candidate = candidate;
  }
}
