import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { startHost } from './host-process.ts';
import { playsFrom } from './plays-from.ts';
import { type Stage, urlOf } from './stage.ts';

type Reply = { id: string; uploadedAt: string; completeAt: string };

/** The host application alone: it takes raw videos itself and encodes them inside the request. */
export async function stageNaive(directory: string, published: string): Promise<Stage> {
  const host = await startHost(directory);
  const { port } = host.reply;
  const { id } = await send(port, published);
  const masterUrl = (at: number, video: string): string => `${urlOf(at)}/videos/${video}/master.m3u8`;
  return {
    services: { host: port, video: port },
    crowd: (ports) => ({
      hostUrl: urlOf(ports.host),
      masterUrl: masterUrl(ports.video, id),
      room: { url: `${urlOf(ports.video)}/live`, token: null },
    }),
    async upload(clip, _owner, ports) {
      const startedAtMs = Date.now();
      const reply = await send(ports.video, clip);
      const completeAtMs = Date.parse(reply.completeAt);
      return {
        startedAtMs,
        uploadedAtMs: Date.parse(reply.uploadedAt),
        playableAtMs: completeAtMs,
        completeAtMs,
        playable: await playsFrom(masterUrl(port, reply.id)),
      };
    },
    stop: () => host.stop(),
  };
}

/** The raw file in one request, answered when it is encoded. */
async function send(port: number, path: string): Promise<Reply> {
  const headers = { 'content-type': 'video/mp4', 'content-length': (await stat(path)).size };
  return new Promise((resolve, reject) => {
    const outgoing = request(`${urlOf(port)}/videos`, { method: 'POST', headers }, (incoming) => {
      let body = '';
      incoming.on('data', (chunk: Buffer) => {
        body += chunk;
      });
      incoming.once('end', () => {
        if (incoming.statusCode === 201) resolve(JSON.parse(body));
        else reject(new Error(`the naive upload was answered with ${incoming.statusCode}: ${body.slice(0, 200)}`));
      });
    });
    outgoing.once('error', reject);
    createReadStream(path).pipe(outgoing);
  });
}
