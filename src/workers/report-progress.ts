import { assetLog, type TranscodePorts } from './transcode-ports.ts';

/** Shares that are told apart: a long encode says something every few seconds or minutes, not with every frame. */
const STEPS = 20;

/** Says how much of an asset's remainder is done, 0..1; losing one costs nothing. */
export async function reportProgress(ports: TranscodePorts, assetId: string, share: number): Promise<void> {
  await ports.announce({ type: 'asset.progress', assetId, share }).catch((error: unknown) => {
    assetLog(ports, assetId).warn({ err: error }, 'progress could not be announced');
  });
}

/** Tells of every twentieth that an encode of `durationMs` has come further, by the seconds it has written. */
export function progressOf(ports: TranscodePorts, assetId: string, durationMs: number): (seconds: number) => void {
  let told = 0;
  return (seconds) => {
    const step = Math.min(STEPS - 1, Math.floor((seconds * 1000 * STEPS) / durationMs));
    if (step <= told) return;
    told = step;
    assetLog(ports, assetId).debug({ share: step / STEPS }, 'encoding');
    void reportProgress(ports, assetId, step / STEPS);
  };
}
