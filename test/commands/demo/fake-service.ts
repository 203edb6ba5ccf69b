import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const SEGMENT_COUNT = 12;
const SEGMENT_MS = 2000;
const RATES_KBPS = [200, 600, 1800];

type SentEvent = { sessionId: string; type: string; eventId: string };

/** How the fake departs from what the real service does. */
export type Faults = {
  loseEvents?: number;
  otherViewAtRedirect?: boolean;
  sameRungsAgain?: boolean;
  failUpload?: boolean;
  rejectStalls?: boolean;
};

/**
 * As much of the service as the demo calls, in memory: two arms, the learner prefers `low` from its first refit on, and a
 * region's second upload gets fewer rungs. Counts what it is asked.
 */
export class FakeService {
  readonly asked: string[] = [];
  readonly events: SentEvent[] = [];
  readonly #views = new Map<string, { region: string; device: string; arm: string }>();
  readonly #assets: { id: string; region: string; rungs: number[] }[] = [];
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #faults: Faults;
  #allocationVersion = 1;

  constructor(faults: Faults = {}) {
    this.#faults = faults;
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  countAsked(pattern: RegExp): number {
    return this.asked.filter((line) => pattern.test(line)).length;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://fake');
    this.asked.push(`${request.method} ${url.pathname}`);
    const path = url.pathname;
    const isMine = request.headers.authorization === 'Bearer secret' || url.searchParams.get('key') === 'secret';
    if (!isMine) return send(response, 401, { title: 'no key' });
    if (path.startsWith('/v1/uploads')) return this.#upload(request, response, chunks);
    if (path.startsWith('/v/')) return this.#play(request, response, url);
    const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
    const answer = this.#json(`${request.method} ${path}`, url, body);
    return answer === undefined ? send(response, 404, { title: 'unknown' }) : send(response, 200, answer);
  }

  #upload(request: IncomingMessage, response: ServerResponse, chunks: Buffer[]): void {
    response.setHeader('Tus-Resumable', '1.0.0');
    if (request.method === 'POST') {
      const metadata = String(request.headers['upload-metadata']);
      const region = Buffer.from(/region (\S+?)(,|$)/.exec(metadata)?.[1] ?? '', 'base64').toString();
      const isSecond = this.#assets.some((asset) => asset.region === region) && !this.#faults.sameRungsAgain;
      this.#assets.push({ id: `a_${this.#assets.length}`, region, rungs: isSecond ? [150, 600] : [200, 600, 1800] });
      response.setHeader('Location', `/v1/uploads/u${this.#assets.length}`);
      response.setHeader('NARA-Asset-Id', `a_${this.#assets.length - 1}`);
      return void response.writeHead(this.#faults.failUpload ? 403 : 201).end();
    }
    response.setHeader('Upload-Offset', Buffer.concat(chunks).length);
    response.writeHead(204).end();
  }

  #play(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const [, , assetId, kind, name, file] = url.pathname.split('/');
    if (kind === 'master.m3u8') {
      const viewId = this.#decide(url.searchParams.get('sid') ?? '', Object.fromEntries(url.searchParams)).viewId;
      response.setHeader('NARA-View', this.#faults.otherViewAtRedirect ? `${viewId}x` : viewId);
      response.setHeader('Location', `/v/${assetId}/p/TOKEN/master.m3u8`);
      return void response.writeHead(307).end();
    }
    if (kind === 'p') {
      const variants = RATES_KBPS.map(
        (kbps) =>
          `#EXT-X-STREAM-INF:BANDWIDTH=${kbps * 1200},AVERAGE-BANDWIDTH=${kbps * 1000}\n../../r/v${kbps}/index.m3u8`,
      );
      const audio = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="../../r/v64/index.m3u8"';
      return void response.end(['#EXTM3U', audio, ...variants].join('\n'));
    }
    if (file === 'index.m3u8') {
      const lines = Array.from(
        { length: SEGMENT_COUNT },
        (_, index) => `#EXTINF:${SEGMENT_MS / 1000},\nseg-${index}.m4s`,
      );
      return void response.end(['#EXTM3U', ...lines, '#EXT-X-ENDLIST'].join('\n'));
    }
    const kbps = Number(name?.slice(1));
    response.writeHead(request.method === 'HEAD' ? 200 : 500, { 'content-length': (kbps * SEGMENT_MS) / 8 }).end();
  }

  #json(asked: string, url: URL, body: { sessions?: Session[]; peek?: boolean; events?: SentEvent[] }): unknown {
    if (asked.startsWith('GET /v1/assets/')) return this.#asset(url.pathname.split('/').at(-1) ?? '');
    if (asked === 'POST /v1/decisions') {
      return { decisions: (body.sessions ?? []).map((session) => this.#decide(session.sessionId, session, body.peek)) };
    }
    if (asked === 'POST /v1/telemetry') return this.#ingest(body.events ?? []);
    if (asked === 'GET /v1/telemetry/audit') {
      const stored = Math.max(0, this.events.length - (this.#faults.loseEvents ?? 0));
      return { received: this.events.length, stored, duplicates: 0, deadLettered: 0, distinctEvents: stored };
    }
    if (asked === 'POST /v1/policy/learn') {
      this.#allocationVersion += 1;
      const views = { matured: this.#views.size, used: this.#views.size };
      return { configVersion: 1, allocationVersion: this.#allocationVersion, changed: true, views, durationMs: 1 };
    }
    if (asked === 'GET /v1/policy')
      return { configVersion: 1, allocationVersion: this.#allocationVersion, contexts: [] };
    if (asked === 'GET /v1/policy/explain') return { summary: `because of ${url.searchParams.get('region')}` };
    if (asked === 'GET /v1/policy/arms') return { arms: [arm('baseline', true), arm('low', false)] };
    if (asked === 'GET /v1/qoe') return { groups: this.#groups() };
    return undefined;
  }

  #asset(id: string): unknown {
    const asset = this.#assets.find((candidate) => candidate.id === id);
    if (!asset) return undefined;
    const at = (second: number): string => `2026-01-01T00:00:0${second}.000Z`;
    return {
      id,
      state: 'ready',
      availability: 'complete',
      timings: { uploadedAt: at(0), playableAt: at(1), completeAt: at(5), upgradedAt: null },
      plan: {
        configVersion: 1,
        holdout: false,
        liftPanel: true,
        reason: `made for ${asset.region}`,
        audience: {
          level: 'cold',
          views: 0,
          shares: [{ region: 'ZZ', device: 'unknown', connection: 'unknown', share: 1 }],
        },
        rungs: asset.rungs.map((bitrateKbps) => ({ height: 360, bitrateKbps, fps: 30 })),
      },
      renditions: [],
    };
  }

  #decide(sessionId: string, context: { region?: string; device?: string }, peek = false) {
    const arms = this.#allocationVersion === 1 ? { baseline: 0.9, low: 0.1 } : { baseline: 0.2, low: 0.8 };
    const known = this.#views.get(sessionId)?.arm;
    const given = known ?? (this.#views.size % 3 === 0 ? 'low' : 'baseline');
    if (!peek) this.#views.set(sessionId, { region: context.region ?? '', device: context.device ?? '', arm: given });
    return {
      sessionId,
      assetId: 'a_0',
      viewId: `v_${sessionId.padEnd(22, '0').slice(-22)}`,
      arm: given,
      eligible: Object.entries(arms).map(([name, propensity]) => ({ arm: name, propensity, setHash: name })),
      fallbackLevel: this.#allocationVersion === 1 ? 'cold' : 'cell',
      rungs: [{ renditionId: 'v200', width: 640, height: 360, bitrateKbps: 200 }],
    };
  }

  #ingest(events: SentEvent[]): unknown {
    const isBad = (event: SentEvent): boolean => this.#faults.rejectStalls === true && event.type === 'stall';
    this.events.push(...events.filter((event) => !isBad(event)));
    const rejected = events.flatMap((event, index) => (isBad(event) ? [{ index, errors: [{ path: 'type' }] }] : []));
    return { accepted: events.length - rejected.length, duplicates: 0, rejected };
  }

  #groups(): unknown[] {
    const counts = new Map<string, number>();
    for (const { region, device, arm: given } of this.#views.values()) {
      const key = `${region} ${device} ${given}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return [...counts].map(([key, views]) => {
      const [region, device, given] = key.split(' ');
      const metric = { numerator: views * 3, denominator: views, n: views };
      const classes = { started: views, failedToStart: 0, leftBeforeStart: 0, unobserved: 0 };
      const metrics = { stallRatio: metric, seenQuality: metric, bitrateKbps: metric, reward: metric };
      return { region, device, arm: given, views, ...classes, metrics };
    });
  }
}

type Session = { sessionId: string; region: string; device: string };

function arm(id: string, baseline: boolean) {
  const rungs = [{ height: 360, bitrateKbps: 200, fps: 30 }];
  const features = { topKbps: 200, floorKbps: 200, rungCount: 1, spacing: 1, codec: 'h264' };
  return { id, state: 'active', baseline, features, rungs };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
