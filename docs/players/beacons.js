// Native beacons for any player on a `<video>`. `nara` is where NARA answers, `key` one with scope `telemetry`, `sessionId` a
// new one for every player: 1 to 64 of A-Z a-z 0-9 . _ -, such as crypto.randomUUID().

const REPORT_EVERY_MS = 10_000;

/**
 * Reports what becomes of a `<video>`. Call it before the player loads: start-up is measured from here. Tell it with
 * `shows(renditionId, kbps)` what is on screen, and with `fails(code)` that playback cannot go on.
 */
export function reportVideo(video, { nara, key, assetId, sessionId }) {
  const url = `${nara}/v1/telemetry?key=${key}`;
  const spent = { starting: 0, playing: 0, stalled: 0, seeking: 0, paused: 0, ended: 0 };
  const counts = { stallCount: 0, switchesUp: 0, switchesDown: 0 };
  const rungMs = {};
  const beganAt = performance.now();
  let state = 'starting';
  let since = beganAt;
  let playhead = 0;
  let startupMs;
  let shown = null;
  let sequence = 0;

  /** Charges the time that has passed to what was going on, and goes on as `next`. */
  function enter(next) {
    const now = performance.now();
    if (state === 'playing') {
      // Media time, since players say `playing` a little early; where a seek has moved it already, the clock on the wall.
      const mediaMs = video.seeking ? (now - since) * video.playbackRate : (video.currentTime - playhead) * 1000;
      spent.playing += Math.max(0, mediaMs);
      if (shown) rungMs[shown.id] = (rungMs[shown.id] ?? 0) + Math.max(0, mediaMs);
    } else spent[state] += now - since;
    since = now;
    playhead = video.currentTime;
    state = next;
  }

  function send(type, more = {}) {
    sequence += 1;
    const ts = new Date().toISOString();
    const event = { type, eventId: `b${sequence}`, sequence, sessionId, assetId, ts, ...more };
    // A string is sent as text/plain, which needs no preflight and outlives the page.
    navigator.sendBeacon(url, JSON.stringify({ events: [event] }));
  }

  function report(type) {
    enter(state);
    const whole = Object.fromEntries(Object.entries(rungMs).map(([id, ms]) => [id, Math.round(ms)]));
    send(type, {
      playedMs: Math.round(spent.playing),
      stalledMs: Math.round(spent.stalled),
      seekStalledMs: Math.round(spent.seeking),
      pausedMs: Math.round(spent.paused),
      ...(startupMs === undefined ? {} : { startupMs: Math.round(startupMs) }),
      ...counts,
      rungMs: whole,
      droppedFrames: video.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0,
      viewportHeight: Math.round(video.clientHeight * devicePixelRatio),
    });
  }

  const handlers = {
    playing() {
      startupMs ??= performance.now() - beganAt;
      enter('playing');
    },
    waiting() {
      if (state !== 'playing' || video.seeking) return;
      counts.stallCount += 1;
      enter('stalled');
    },
    seeking() {
      if (startupMs !== undefined) enter(video.paused ? 'paused' : 'seeking');
    },
    timeupdate() {
      if (!video.seeking) enter(state);
    },
    pause() {
      if (startupMs !== undefined) enter('paused');
    },
    ended() {
      enter('ended');
      report('view_end');
    },
  };
  const leave = () => report('view_end');
  const hide = () => document.visibilityState === 'hidden' && report('progress');
  for (const [name, handle] of Object.entries(handlers)) video.addEventListener(name, handle);
  addEventListener('pagehide', leave);
  document.addEventListener('visibilitychange', hide);
  const timer = setInterval(() => report('progress'), REPORT_EVERY_MS);
  send('view_start');

  return {
    shows(id, kbps) {
      if (id === shown?.id) return;
      enter(state);
      if (shown) counts[kbps > shown.kbps ? 'switchesUp' : 'switchesDown'] += 1;
      shown = { id, kbps };
    },
    fails: (code, message = '') => send('error', { code: String(code), fatal: true, message }),
    /** The player is taken away: the last report, and no more. */
    end() {
      clearInterval(timer);
      for (const [name, handle] of Object.entries(handlers)) video.removeEventListener(name, handle);
      removeEventListener('pagehide', leave);
      document.removeEventListener('visibilitychange', hide);
      report('view_end');
    },
  };
}

/** Tells a report what hls.js shows, and when it gives up. */
export function followHls(report, hls) {
  hls.on(Hls.Events.LEVEL_SWITCHED, (_event, { level }) => {
    const { uri, bitrate } = hls.levels[level];
    report.shows(/\/r\/([^/]+)\//.exec(uri)[1], bitrate / 1000);
  });
  hls.on(Hls.Events.ERROR, (_event, { fatal, details }) => fatal && report.fails(details));
}

/** Tells a report what shaka-player shows (it needs `streaming.observeQualityChanges`), and when it gives up. */
export function followShaka(report, player) {
  player.addEventListener('mediaqualitychanged', ({ mediaQuality: { contentType, bandwidth } }) => {
    if (contentType !== 'video') return;
    const track = player.getVariantTracks().find(({ videoBandwidth }) => videoBandwidth === bandwidth);
    if (track) report.shows(track.originalVideoId, bandwidth / 1000);
  });
  player.addEventListener('error', ({ detail }) => detail.severity === 2 && report.fails(detail.code));
}

/** Tells a report what dash.js shows, and when it gives up. */
export function followDash(report, player) {
  player.on('qualityChangeRendered', ({ mediaType, newRepresentation: { id, bitrateInKbit } }) => {
    if (mediaType === 'video') report.shows(id, bitrateInKbit);
  });
  player.on('error', ({ error }) => report.fails(error.code, error.message));
}
