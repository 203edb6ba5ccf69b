// @ts-check
/// <reference path="./globals.d.ts" />

/**
 * Upload → poll its state → play as soon as it is playable → report how it went.
 * Reloads the player once when the asset is complete and the viewer has not begun, so that nobody is interrupted.
 */

/** @template {HTMLElement} T @param {string} id @param {new () => T} type @returns {T} */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`#${id} is missing from the page`);
  return found;
}

const POLL_MS = 500;
const PROGRESS_MS = 10_000;
const statusLine = element('status', HTMLParagraphElement);
const video = element('video', HTMLVideoElement);
const keyInput = element('key', HTMLInputElement);
const sessionId = `web-${crypto.randomUUID()}`;

let key = document.querySelector('meta[name="nara-browser-key"]')?.getAttribute('content') ?? '';
element('key-section', HTMLElement).hidden = key !== '';
element('key-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  key = keyInput.value.trim();
});

element('upload-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const file = element('file', HTMLInputElement).files?.[0];
  if (file) upload(file);
});

/** @param {File} file */
function upload(file) {
  const send = element('send', HTMLButtonElement);
  const progress = element('progress', HTMLProgressElement);
  let assetId = '';
  send.disabled = true;
  progress.hidden = false;
  const upload = new tus.Upload(file, {
    endpoint: '/v1/uploads',
    headers: { Authorization: `Bearer ${key}` },
    retryDelays: [0, 500, 1500, 4000],
    storeFingerprintForResuming: false,
    metadata: {
      filename: file.name,
      owner: element('owner', HTMLInputElement).value,
      region: element('region', HTMLInputElement).value.toUpperCase(),
    },
    onAfterResponse: (_request, response) => {
      assetId = response.getHeader('NARA-Asset-Id') ?? assetId;
    },
    onProgress: (sent, total) => {
      progress.value = sent / total;
      say(`Sending ${file.name}: ${Math.round((sent / total) * 100)} %`);
    },
    onError: (error) => {
      send.disabled = false;
      complain(`The upload stopped: ${error.message}`);
    },
    onSuccess: () => {
      send.disabled = false;
      void follow(assetId, performance.now());
    },
  });
  upload.start();
}

/** @param {string} assetId @param {number} sentAt */
async function follow(assetId, sentAt) {
  let playing = false;
  for (;;) {
    const response = await fetch(`/v1/assets/${assetId}`, { headers: { Authorization: `Bearer ${key}` } });
    if (!response.ok) return complain(`Cannot read the asset: ${(await response.json()).detail}`);
    const asset = await response.json();
    show(asset);
    const seconds = ((performance.now() - sentAt) / 1000).toFixed(1);
    if (asset.state === 'failed') return complain(`${asset.error.message} ${asset.error.action}`);
    if (asset.availability === 'none') say(`Preparing … ${seconds} s`);
    else if (!playing) {
      playing = true;
      say(`Playable after ${seconds} s.`);
      play(assetId);
    }
    if (asset.availability === 'complete' || asset.availability === 'upgraded') {
      say(`Complete after ${seconds} s${asset.error ? `, but: ${asset.error.message}` : ''}.`);
      if (video.currentTime === 0) play(assetId);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** @type {Hls | null} */
let hls = null;

/** @param {string} assetId */
function play(assetId) {
  element('player-section', HTMLElement).hidden = false;
  const url = `/v/${assetId}/master.m3u8?sid=${sessionId}`;
  hls?.destroy();
  if (!Hls.isSupported()) {
    video.src = url;
    return;
  }
  hls = new Hls({ startPosition: 0 });
  hls.on(Hls.Events.LEVEL_SWITCHED, (_event, { level }) => {
    const rung = hls?.levels[level];
    if (rung)
      element('playing', HTMLParagraphElement).textContent =
        `Playing ${rung.width}×${rung.height}, ${Math.round(rung.bitrate / 1000)} kbit/s peak.`;
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  report(assetId, hls);
}

/**
 * Beacons as the contract wants them: cumulative counters, so that a lost one costs nothing.
 * @param {string} assetId @param {Hls} player
 */
function report(assetId, player) {
  const began = performance.now();
  const seen = {
    playedMs: 0,
    stalledMs: 0,
    stallCount: 0,
    startupMs: /** @type {number | undefined} */ (undefined),
    rungMs: /** @type {Record<string, number>} */ ({}),
  };
  let sequence = 0;
  let waitingSince = 0;
  let lastTick = began;
  /** @param {string} type @param {object} [payload] */
  const beacon = (type, payload = {}) => {
    sequence += 1;
    const event = {
      type,
      eventId: `${began.toFixed(0)}-${sequence}`,
      sessionId,
      assetId,
      ts: new Date().toISOString(),
      ...payload,
    };
    navigator.sendBeacon(`/v1/telemetry?key=${encodeURIComponent(key)}`, JSON.stringify({ events: [event] }));
  };
  const counters = () => ({ ...seen, viewportHeight: Math.round(video.clientHeight * devicePixelRatio) });
  const tick = () => {
    const now = performance.now();
    const renditionId = /\/r\/([^/]+)\//.exec(player.levels[player.currentLevel]?.url[0] ?? '')?.[1];
    if (!video.paused && waitingSince === 0 && seen.startupMs !== undefined) {
      seen.playedMs += now - lastTick;
      if (renditionId) seen.rungMs[renditionId] = (seen.rungMs[renditionId] ?? 0) + now - lastTick;
    }
    lastTick = now;
  };
  const settle = () => {
    tick();
    if (waitingSince > 0 && seen.startupMs !== undefined) seen.stalledMs += performance.now() - waitingSince;
    waitingSince = 0;
  };
  const stop = new AbortController();
  const { signal } = stop;
  beacon('view_start');
  video.addEventListener(
    'playing',
    () => {
      settle();
      if (seen.startupMs === undefined) {
        seen.startupMs = performance.now() - began;
        beacon('startup', { startupMs: seen.startupMs });
      }
    },
    { signal },
  );
  video.addEventListener(
    'waiting',
    () => {
      tick();
      if (seen.startupMs !== undefined && !video.seeking) {
        waitingSince = performance.now();
        seen.stallCount += 1;
      }
    },
    { signal },
  );
  const timer = setInterval(() => {
    tick();
    beacon('progress', counters());
  }, PROGRESS_MS);
  const end = () => {
    settle();
    clearInterval(timer);
    stop.abort();
    beacon('view_end', counters());
  };
  player.on(Hls.Events.DESTROYING, end);
  addEventListener('pagehide', end, { signal });
}

/** @param {{ plan: { reason: string } | null, renditions: { id: string, width: number, height: number, bitrateKbps: number, peakKbps: number, quality: { phone: number, desktop: number } }[] }} asset */
function show(asset) {
  element('asset-section', HTMLElement).hidden = asset.renditions.length === 0;
  element('reason', HTMLParagraphElement).textContent = asset.plan?.reason ?? '';
  element('renditions', HTMLTableSectionElement).replaceChildren(
    ...asset.renditions.map((rendition) => {
      const row = document.createElement('tr');
      const { phone, desktop } = rendition.quality;
      const cells = [
        rendition.id,
        `${rendition.width}×${rendition.height}`,
        rendition.bitrateKbps.toFixed(0),
        rendition.peakKbps.toFixed(0),
        `${phone.toFixed(0)} / ${desktop.toFixed(0)}`,
      ];
      for (const text of cells) row.insertCell().textContent = text;
      return row;
    }),
  );
}

/** @param {string} text */
function say(text) {
  statusLine.textContent = text;
  statusLine.className = 'soft';
}

/** @param {string} text */
function complain(text) {
  statusLine.textContent = text;
  statusLine.className = 'error';
}
