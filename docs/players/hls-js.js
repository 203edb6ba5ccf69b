// hls.js 1.7. `nara` is where NARA answers, `key` one with scope `telemetry`, `sessionId` a new one for every player:
// 1 to 64 of A-Z a-z 0-9 . _ -, such as crypto.randomUUID().

/** The player says what happened (CMCD v2, event mode). */
export function hlsEventReports({ nara, key, assetId, sessionId }) {
  return {
    version: 2,
    sessionId,
    contentId: assetId,
    includeKeys: [], // Nothing on requests: one report of each thing is enough.
    eventTargets: [
      {
        url: `${nara}/v1/cmcd?key=${key}`,
        events: ['ps', 'bc', 't', 'e'],
        interval: 5,
        includeKeys: ['v', 'sid', 'cid', 'sn', 'ts', 'e', 'sta', 'br', 'ot', 'bl', 'mtp', 'pr', 'sf', 'ec'],
      },
    ],
  };
}

/** Every request says how the player is doing (CMCD v1): an estimate, and nothing but GETs. */
export function hlsRequestReports({ assetId, sessionId }) {
  return { version: 1, sessionId, contentId: assetId };
}

/** Plays an asset in a `<video>`. `decodes` is what `askWhatDecodes` answered, `cmcd` one of the above, `settings` whatever else you set. */
export function playWithHls(video, { nara, assetId, sessionId, decodes = '' }, cmcd, settings = {}) {
  const hls = new Hls({ ...settings, cmcd });
  hls.loadSource(`${nara}/v/${assetId}/master.m3u8?sid=${sessionId}${decodes}`);
  hls.attachMedia(video);
  // The last report goes out when the player is destroyed; a page that is left does not wait for that by itself.
  addEventListener('pagehide', () => hls.destroy(), { once: true });
  return hls;
}
