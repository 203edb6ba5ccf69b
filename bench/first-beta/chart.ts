import type { Digest } from './digest.ts';
import type { Series } from './first-beta.ts';

const WIDTH = 960;
const LEFT = 76;
const RIGHT = 24;
const TOP = 84;
const PLOT = 132;
const STRIP = 34;
const PANEL = PLOT + STRIP + 58;
const MIN_MS = 1;
const LIMIT_MS = 25;

const TITLES: Record<string, string> = {
  governed: 'NARA-1r',
  'governor off': 'NARA-1r with its governor and its share of the line off',
  naive: 'ffmpeg inside the request, as it was before',
};

const STYLE = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; } .panel { font-weight: 600; } .quiet { fill: #59636e; font-size: 12px; }
  .ground { fill: #ffffff; } .grid { stroke: #d1d9e0; } .zero { stroke: #818b98; }
  .limit { stroke: #59636e; stroke-dasharray: 4 4; } .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .v0 { --ink: #1a7f64; } .v1 { --ink: #9a6700; } .v2 { --ink: #cf222e; }
  .line { stroke: var(--ink); } .figure { fill: var(--ink); font-weight: 600; } .mark { stroke: var(--ink); fill: none; stroke-width: 1.5; }
  .whole { fill: var(--ink); } .arrive { fill: var(--ink); opacity: 0.18; } .encode { fill: var(--ink); opacity: 0.45; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .quiet { fill: #9198a1; } .ground { fill: #0d1117; } .grid { stroke: #2f353d; } .zero { stroke: #656c76; }
    .limit { stroke: #9198a1; } .v0 { --ink: #3fb68b; } .v1 { --ink: #d29922; } .v2 { --ink: #ff7b72; }
  }`;

type Scales = {
  x(seconds: number): number;
  y(ms: number): number;
  maxMs: number;
  seconds: { from: number; to: number };
};

/** The picture as SVG, legible on a light and on a dark page: one panel a variant, all on the same axes. */
export function drawChart({ variants, uploads, machine, at, windowSeconds }: Series): string {
  const height = TOP + variants.length * PANEL + 30;
  const scales = scalesFor(variants);
  const panels = variants.map((variant, n) => panel(variant, scales, { n, windowSeconds })).join('');
  const subtitle = `99th percentile of the time to first byte, every ${windowSeconds} s, log scale. ${machine}, ${at.slice(0, 10)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="t d">
<title id="t">What twenty people wait for while ${uploads} of raw 1080p are uploaded and encoded</title>
<desc id="d">${variants.map(inWords).join('; ')}.</desc>
<style>${STYLE}
</style>
<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>
<text class="title" x="20" y="32">What twenty people wait while ${uploads} of raw 1080p arrive at once and are encoded</text>
<text class="quiet" x="20" y="52">${escaped(subtitle)}</text>
${panels}${secondsAxis(scales, TOP + variants.length * PANEL - 8)}</svg>
`;
}

function scalesFor(variants: readonly Digest[]): Scales {
  const windows = variants.flatMap((variant) => variant.windows);
  const from = Math.min(...windows.map(({ fromSeconds }) => fromSeconds));
  const to = Math.max(...variants.flatMap(({ uploads }) => uploads.map(({ complete }) => complete))) + 3;
  const maxMs = 10 ** Math.ceil(Math.log10(Math.max(100, ...windows.map(({ p99Ms }) => p99Ms))));
  return {
    x: (seconds) => fixed(LEFT + ((seconds - from) / (to - from)) * (WIDTH - LEFT - RIGHT)),
    y: (ms) => fixed(PLOT * (1 - Math.log(Math.max(ms, MIN_MS) / MIN_MS) / Math.log(maxMs / MIN_MS))),
    maxMs,
    seconds: { from, to },
  };
}

function panel(variant: Digest, scales: Scales, { n, windowSeconds }: { n: number; windowSeconds: number }): string {
  const { x, y, seconds, maxMs } = scales;
  const decades = Array.from({ length: Math.round(Math.log10(maxMs / MIN_MS)) + 1 }, (_, k) => MIN_MS * 10 ** k);
  const across = (ms: number, name: string): string =>
    `<line class="${name}" x1="${x(seconds.from)}" x2="${x(seconds.to)}" y1="${y(ms)}" y2="${y(ms)}"/>`;
  const labels = decades.map(
    (ms) =>
      `${across(ms, 'grid')}<text class="quiet" x="${LEFT - 8}" y="${y(ms) + 4}" text-anchor="end">${millis(ms)}</text>`,
  );
  const points = variant.windows.map(
    ({ fromSeconds, p99Ms }) => `${x(fromSeconds)},${y(p99Ms)} ${x(fromSeconds + windowSeconds)},${y(p99Ms)}`,
  );
  return `<g class="v${n}" transform="translate(0 ${TOP + n * PANEL + 14})">
<text class="panel" x="${LEFT}" y="-10">${escaped(TITLES[variant.variant] ?? variant.variant)}</text>
<text class="figure" x="${WIDTH - RIGHT}" y="-10" text-anchor="end">${escaped(figures(variant))}</text>
${labels.join('')}${across(LIMIT_MS, 'limit')}<text class="quiet" x="${LEFT - 8}" y="${y(LIMIT_MS) + 4}" text-anchor="end">25 ms</text>
<line class="zero" x1="${x(0)}" x2="${x(0)}" y1="0" y2="${PLOT + STRIP}"/>
<polyline class="line" points="${points.join(' ')}"/>
${uploadStrip(variant, scales)}</g>
`;
}

/** One thin bar an upload: arriving, then being encoded; a ring when it was playable, a dot when complete. */
function uploadStrip({ uploads }: Digest, { x }: Scales): string {
  const each = STRIP / Math.max(1, uploads.length);
  const bars = uploads.map(({ uploaded, playable, complete }, n) => {
    const top = fixed(PLOT + 6 + n * each);
    const middle = fixed(top + each / 2 - 1);
    const bar = (name: string, from: number, to: number): string =>
      `<rect class="${name}" x="${x(from)}" y="${top}" width="${fixed(Math.max(0, x(to) - x(from)))}" height="${fixed(each - 2)}"/>`;
    const ring = `<circle class="mark" cx="${x(playable)}" cy="${middle}" r="2.5"/>`;
    const dot = `<circle class="whole" cx="${x(complete)}" cy="${middle}" r="3"/>`;
    return bar('arrive', 0, uploaded) + bar('encode', uploaded, complete) + ring + dot;
  });
  return `<text class="quiet" x="${LEFT - 8}" y="${PLOT + STRIP / 2 + 10}" text-anchor="end">uploads</text>${bars.join('')}`;
}

function secondsAxis({ x, seconds }: Scales, top: number): string {
  const every = seconds.to > 150 ? 30 : 10;
  const ticks: string[] = [];
  for (let at = Math.ceil(seconds.from / every) * every; at <= seconds.to; at += every) {
    ticks.push(`<text class="quiet" x="${x(at)}" y="${top}" text-anchor="middle">${at} s</text>`);
  }
  const legend =
    'Bars: each upload arriving (light) and being encoded (dark); ring: playable; dot: complete. Before 0 s: nobody uploads.';
  return `${ticks.join('')}<text class="quiet" x="${LEFT}" y="${top + 20}">${legend}</text>`;
}

const figures = ({ idle, busy, failures }: Digest): string =>
  `p99 ${millis(idle.p99)} idle, ${millis(busy.p99)} meanwhile; ${failures.length === 0 ? 'no' : failures.length} failed`;

const inWords = (variant: Digest): string =>
  escaped(`${TITLES[variant.variant] ?? variant.variant}: ${figures(variant)}`);

const millis = (ms: number): string =>
  ms >= 1000 ? `${Number((ms / 1000).toPrecision(2))} s` : `${ms < 10 ? ms : Math.round(ms)} ms`;

const fixed = (value: number): number => Math.round(value * 10) / 10;

const escaped = (text: string): string => text.replace(/[&<>]/g, (found) => `&#${found.charCodeAt(0)};`);
