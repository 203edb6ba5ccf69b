// shaka-player 5.2. `nara` is where NARA answers, `key` one with scope `telemetry`, `sessionId` a new one for every player:
// 1 to 64 of A-Z a-z 0-9 . _ -, such as crypto.randomUUID().

/** The player says what happened (CMCD v2, event mode). */
export function shakaEventReports({ nara, key, assetId, sessionId }) {
  return {
    enabled: true,
    version: 2,
    sessionId,
    contentId: assetId,
    includeKeys: ['nrr'], // An empty list means every key; this one is never set, so requests stay bare.
    eventTargets: [
      {
        enabled: true,
        mode: 'event',
        url: `${nara}/v1/cmcd?key=${key}`,
        events: ['ps', 'bc', 't', 'e'],
        interval: 5,
        includeKeys: ['v', 'sid', 'cid', 'sn', 'ts', 'e', 'sta', 'br', 'ot', 'bl', 'mtp', 'pr', 'sf', 'ec', 'msd'],
      },
    ],
  };
}

/** Every request says how the player is doing (CMCD v1): an estimate, and nothing but GETs. */
export function shakaRequestReports({ assetId, sessionId }) {
  return { enabled: true, version: 1, sessionId, contentId: assetId };
}

/** Plays an asset in a `<video>`. `decodes` is what `askWhatDecodes` answered, `cmcd` one of the above, `settings` whatever else you configure. */
export async function playWithShaka(video, { nara, assetId, sessionId, decodes = '' }, cmcd, settings = {}) {
  const player = new shaka.Player();
  player.configure({ ...settings, cmcd });
  await player.attach(video);
  addEventListener('pagehide', () => player.destroy(), { once: true });
  await player.load(`${nara}/v/${assetId}/manifest.mpd?sid=${sessionId}${decodes}`);
  return player;
}
