// dash.js 5.2. `nara` is where NARA answers, `key` one with scope `telemetry`, `sessionId` a new one for every player:
// 1 to 64 of A-Z a-z 0-9 . _ -, such as crypto.randomUUID().

/** The player says what happened (CMCD v2, event mode). */
export function dashEventReports({ nara, key, assetId, sessionId }) {
  return {
    enabled: true,
    version: 2,
    sid: sessionId,
    cid: assetId,
    enabledKeys: [],
    eventTargets: [
      {
        enabled: true,
        url: `${nara}/v1/cmcd?key=${key}`,
        events: ['ps', 'bc', 't', 'e'],
        interval: 5,
        enabledKeys: ['v', 'sid', 'cid', 'sn', 'ts', 'e', 'sta', 'br', 'ot', 'bl', 'mtp', 'pr', 'sf', 'ec', 'msd'],
      },
    ],
  };
}

/** Every request says how the player is doing (CMCD v1): an estimate, and nothing but GETs. */
export function dashRequestReports({ assetId, sessionId }) {
  return { enabled: true, version: 1, sid: sessionId, cid: assetId, includeInRequests: ['segment', 'mpd'] };
}

/** Plays an asset in a `<video>`. `decodes` is what `askWhatDecodes` answered, `cmcd` one of the above, `settings` whatever else you set under `streaming`. */
export function playWithDash(video, { nara, assetId, sessionId, decodes = '' }, cmcd, settings = {}) {
  const player = dashjs.MediaPlayer().create();
  // Segments replaced while they play stand still on screen for up to a segment, and hide which rendition was seen.
  player.updateSettings({ streaming: { buffer: { fastSwitchEnabled: false } } });
  player.updateSettings({ streaming: { ...settings, cmcd } });
  player.initialize(video, `${nara}/v/${assetId}/manifest.mpd?sid=${sessionId}${decodes}`, true);
  addEventListener('pagehide', () => player.destroy(), { once: true });
  return player;
}
