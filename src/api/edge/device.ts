import type { IncomingHttpHeaders } from 'node:http';
import Bowser from 'bowser';
import { LRUCache } from 'lru-cache';
import type { Device } from '../../domain/index.ts';

/** Parsing costs ten microseconds, and a day's players share a few thousand user agents. */
const REMEMBERED_AGENTS = 5_000;
/** Longer ones are a stranger's idea of fun and not worth remembering; what tells the device stands at the front. */
const MAX_AGENT_CHARACTERS = 512;

/** Sets, sticks, boxes and consoles by the words that their makers use. */
const TV_WORDS =
  /\bTV\b|(smart|apple|google|android|hbb|mi|opera|fire)[ -]?tv|bravia|viera|vizio|netcast|web0s|crkey|roku|aquos|shield android|playstation [345]|xbox/i;
const FIRE_TV_MODEL = /\bAFT[A-Z]{1,4}\d{0,4}\b/;
/** Only browsers tell phones and tablets apart in it; a player library's `Linux; Android 13` may be either, or a television. */
const ANDROID_LIBRARY = /^(?!Mozilla\/).*android/i;
const CHROME_OS = /\bCrOS\b/;
const FORM_FACTOR = /\b(mobile|tablet|desktop)\b/i;
const DEVICES: Record<string, Device> = { mobile: 'phone', tablet: 'tablet', desktop: 'desktop', tv: 'tv' };

/**
 * What a request is played on: client hints, then the user agent, then `unknown`. A user agent that says television comes
 * before the hints, which have no word for one.
 */
export function createDeviceReader(): (headers: IncomingHttpHeaders) => Device {
  const known = new LRUCache<string, Device>({ max: REMEMBERED_AGENTS });

  function ofAgent(agent: string | undefined): Device {
    if (agent === undefined || agent === '') return 'unknown';
    if (agent.length > MAX_AGENT_CHARACTERS) return deviceOfAgent(agent.slice(0, MAX_AGENT_CHARACTERS));
    const remembered = known.get(agent);
    if (remembered !== undefined) return remembered;
    const device = deviceOfAgent(agent);
    known.set(agent, device);
    return device;
  }

  return (headers) => {
    const byAgent = ofAgent(headers['user-agent']);
    return byAgent === 'tv' ? byAgent : (deviceOfHints(headers) ?? byAgent);
  };
}

function deviceOfHints(headers: IncomingHttpHeaders): Device | null {
  const formFactors = headers['sec-ch-ua-form-factors'];
  if (typeof formFactors === 'string') {
    const device = DEVICES[FORM_FACTOR.exec(formFactors)?.[1]?.toLowerCase() ?? ''];
    if (device !== undefined) return device;
  }
  // `?0` is a desktop, a tablet or a television: the user agent knows better.
  return headers['sec-ch-ua-mobile'] === '?1' ? 'phone' : null;
}

function deviceOfAgent(agent: string): Device {
  if (TV_WORDS.test(agent) || FIRE_TV_MODEL.test(agent)) return 'tv';
  if (CHROME_OS.test(agent)) return 'desktop';
  if (ANDROID_LIBRARY.test(agent)) return 'unknown';
  return DEVICES[Bowser.parse(agent).platform.type ?? ''] ?? 'unknown';
}
