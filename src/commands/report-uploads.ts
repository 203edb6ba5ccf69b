import type { Logger } from 'pino';
import type { Edge } from '../api/edge/edge.ts';
import type { UploadMeterOptions } from '../api/upload-meter.ts';
import type { Ingest } from '../telemetry/ingest.ts';

/** Passes reports on to telemetry. Nobody waits for it, and a report that cannot be stored is counted and gone. */
export function reportUploads(
  ingest: Ingest,
  { groupOf }: Pick<Edge, 'groupOf'>,
  onReported: (result: 'stored' | 'lost') => void,
  log: Logger,
): UploadMeterOptions['report'] {
  function onLost(reason: unknown): void {
    onReported('lost');
    log.debug({ reason }, 'an upload report was not stored');
  }

  return ({ event, context: { region, ...rest }, block }) => {
    const context = { region: groupOf(region), ...rest };
    ingest([event], { source: 'server', context, block, trusted: true }).then((result) => {
      if (result.kind === 'full' || result.rejected.length > 0) onLost(result);
      else onReported('stored');
    }, onLost);
  };
}
