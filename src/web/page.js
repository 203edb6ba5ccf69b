// @ts-check
/// <reference path="./globals.d.ts" />

/**
 * Upload → poll its state → play as soon as it is playable → report how it went. When the asset is complete the player goes on
 * at the same place with all its renditions: players never re-read the multivariant playlist by themselves.
 */

/** @template {HTMLElement} T @param {string} id @param {new () => T} type @returns {T} */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`#${id} is missing from the page`);
  return found;
}

const POLL_MS = 500;
const TICK_MS = 250;
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
    const isWhole = asset.availability === 'complete' || asset.availability === 'upgraded';
    if (asset.availability === 'none') say(`Preparing … ${seconds} s`);
    else if (!playing) {
      playing = true;
      say(`Playable after ${seconds} s.`);
      play(assetId, 0);
      report(assetId);
    }
    if (asset.error && !isWhole) return complain(`It stays as it is now: ${asset.error.message} ${asset.error.action}`);
    if (isWhole) {
      say(`Complete after ${seconds} s${asset.error ? `, but: ${asset.error.message}` : ''}.`);
      play(assetId, video.currentTime);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** What this browser decodes beside H.264, as it goes on a manifest's address: `docs/players/decodes.js`. */
let decodes = '';
void askWhatDecodes().then((answer) => {
  decodes = answer;
});

async function askWhatDecodes() {
  const contentType = 'video/mp4; codecs="av01.0.09M.08"';
  const video = { contentType, width: 1920, height: 1080, bitrate: 5e6, framerate: 60 };
  const answer = await navigator.mediaCapabilities?.decodingInfo({ type: 'media-source', video }).catch(() => null);
  return answer?.smooth ? '&decodes=av1' : '';
}

/** @type {Hls | null} */
let hls = null;
/** Ends the report of the asset before. */
let endReport = () => {};

/** @param {string} assetId @param {number} atSeconds */
function play(assetId, atSeconds) {
  const wasPlaying = !video.paused;
  element('player-section', HTMLElement).hidden = false;
  const url = `/v/${assetId}/master.m3u8?sid=${sessionId}`;
  hls?.destroy();
  if (!Hls.isSupported()) {
    video.src = url;
    return;
  }
  const player = new Hls({ startPosition: atSeconds });
  hls = player;
  player.on(Hls.Events.LEVEL_SWITCHED, (_event, { level }) => {
    const rung = player.levels[level];
    if (!rung) return;
    const peakKbps = Math.round(rung.bitrate / 1000);
    element('playing', HTMLParagraphElement).textContent =
      `Playing ${rung.width}×${rung.height}, ${peakKbps} kbit/s peak, ${rung.videoCodec}.`;
  });
  player.on(Hls.Events.ERROR, (_event, { fatal, type }) => {
    // What said that it decodes and does not: the same view again, in H.264.
    if (!fatal || type !== Hls.ErrorTypes.MEDIA_ERROR || decodes === '') return;
    decodes = '';
    play(assetId, video.currentTime);
  });
  player.loadSource(url + decodes);
  player.attachMedia(video);
  if (wasPlaying) void video.play();
}

/**
 * Beacons as the contract wants them: cumulative counters over the whole view, so that a lost one costs nothing.
 * @param {string} assetId
 */
function report(assetId) {
  endReport();
  const began = performance.now();
  /** @type {{ playedMs: number, stalledMs: number, stallCount: number, startupMs?: number, rungMs: Record<string, number> }} */
  const seen = { playedMs: 0, stalledMs: 0, stallCount: 0, rungMs: {} };
  let sequence = 0;
  let waitingSince = 0;
  let lastTick = began;
  /** @param {string} type @param {object} [payload] */
  const beacon = (type, payload = {}) => {
    sequence += 1;
    const eventId = `${began.toFixed(0)}-${sequence}`;
    const event = { type, eventId, sessionId, assetId, ts: new Date().toISOString(), ...payload };
    navigator.sendBeacon(`/v1/telemetry?key=${encodeURIComponent(key)}`, JSON.stringify({ events: [event] }));
  };
  const counters = () => ({ ...seen, viewportHeight: Math.round(video.clientHeight * devicePixelRatio) });
  const tick = () => {
    const now = performance.now();
    const renditionId = /\/r\/([^/]+)\//.exec(hls?.levels[hls.currentLevel]?.url[0] ?? '')?.[1];
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
      if (seen.startupMs !== undefined) return;
      seen.startupMs = performance.now() - began;
      beacon('startup', { startupMs: seen.startupMs });
    },
    { signal },
  );
  video.addEventListener(
    'waiting',
    () => {
      tick();
      if (seen.startupMs === undefined || video.seeking) return;
      waitingSince = performance.now();
      seen.stallCount += 1;
    },
    { signal },
  );
  video.addEventListener('pause', tick, { signal });
  const ticking = setInterval(tick, TICK_MS);
  const reporting = setInterval(() => beacon('progress', counters()), PROGRESS_MS);
  endReport = () => {
    settle();
    clearInterval(ticking);
    clearInterval(reporting);
    stop.abort();
    beacon('view_end', counters());
    endReport = () => {};
  };
}

addEventListener('pagehide', () => endReport());

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
