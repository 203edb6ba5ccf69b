import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from '../../domain/index.ts';
import { carriesCmcd, decodeCmcdRequest } from '../../telemetry/cmcd/decode-request.ts';
import type { Ingest } from '../../telemetry/ingest.ts';
import { candidatesOf } from './report-batches.ts';

export type MediaReportPorts = {
  ingest: Ingest;
  observe(request: IncomingMessage): { context: Context; block: string };
  nowMs(): number;
  onFailure(error: Error): void;
};

const MEDIA_PATH = '/v/';

/**
 * Takes the CMCD that players hang on manifest and segment requests. Nobody waits for it: media is served whether or not its
 * report can be stored, and a request that was not served reports nothing.
 */
export function createMediaReports(
  ports: MediaReportPorts,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const { url = '', headers, method } = request;
    if (method !== 'GET' || !url.startsWith(MEDIA_PATH) || !carriesCmcd({ url, headers })) return;
    const receivedAtMs = ports.nowMs();
    const { context, block } = ports.observe(request);
    response.once('close', () => {
      if (!response.headersSent || response.statusCode >= 400) return;
      const report = decodeCmcdRequest({ url, headers, receivedAtMs });
      if (report === null) return;
      const arrival = { source: report.source, context, block, trusted: false };
      ports.ingest(candidatesOf(report), arrival).catch(ports.onFailure);
    });
  };
}
