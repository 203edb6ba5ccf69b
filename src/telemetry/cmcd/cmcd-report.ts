import type { EventSource, TelemetryEvent } from '../../domain/index.ts';

/** The sources that speak CMCD. */
export type CmcdSource = Extract<EventSource, `cmcd${string}`>;

/** Why a report tells nothing: it cannot be read, or it does not say whose view it is about. */
export type UnusableCode = 'event.unreadable' | 'report.anonymous';

/** One CMCD report: the events it becomes, or why it becomes none. `expected` says what to change, `received` what came. */
export type CmcdReport =
  | { kind: 'events'; source: CmcdSource; events: TelemetryEvent[] }
  | { kind: 'unusable'; source: CmcdSource; code: UnusableCode; expected: string; received: string };

/** Where each player is told its session and its content; used in every reason that lacks one of them. */
const SETTINGS = {
  sid:
    'hls.js cmcd.sessionId, dash.js streaming.cmcd.sid, shaka-player cmcd.sessionId; ' +
    'and "sid" among cmcd.includeKeys (dash.js: enabledKeys) where keys are listed',
  cid:
    'hls.js cmcd.contentId, dash.js streaming.cmcd.cid, shaka-player cmcd.contentId; ' +
    'and "cid" among cmcd.includeKeys (dash.js: enabledKeys) where keys are listed',
} as const;

const RECEIVED_CHARACTERS = 80;

/** A report that is no structured-field dictionary, or no JSON object of CMCD keys. */
export function unreadable(source: CmcdSource, expected: string, received: string): CmcdReport {
  return { kind: 'unusable', source, code: 'event.unreadable', expected, received: shown(received) };
}

/** A report without a session (`sid`) or content id (`cid`), or with one that is not of our form. */
export function anonymous(source: CmcdSource, key: keyof typeof SETTINGS, received: string | null): CmcdReport {
  const what = key === 'sid' ? 'a session id (sid) of 1 to 64 A-Z a-z 0-9 . _ -' : 'the asset id as content id (cid)';
  return {
    kind: 'unusable',
    source,
    code: 'report.anonymous',
    expected: `${what}; set ${SETTINGS[key]}`,
    received: received === null ? `no ${key}` : shown(received),
  };
}

const shown = (text: string): string => text.slice(0, RECEIVED_CHARACTERS).toWellFormed();
