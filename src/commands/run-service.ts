import type { Logger } from 'pino';
import { exitWhenParentDies } from '../supervisor/die-with-parent.ts';

/** A long-running process that has started. `url` is where it can be reached, if anywhere. */
export type Service = { url?: string; stop(): Promise<void> };

/**
 * Runs a service until it is asked to stop, and answers the exit code. Tells a supervising parent over IPC when it is
 * ready, and ends with it. An error nobody expected ends the process: the supervisor starts it afresh.
 */
export async function runService(start: () => Promise<Service>, log: Logger): Promise<number> {
  process.on('uncaughtException', (error) => die(log, error));
  process.on('unhandledRejection', (error) => die(log, error));
  const asked = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
  const service = await start();
  exitWhenParentDies(() => service.stop());
  process.send?.({ type: 'ready', url: service.url });
  const signal = await asked;
  log.info({ signal }, 'stopping');
  await service.stop();
  log.info('stopped');
  return 0;
}

function die(log: Logger, error: unknown): void {
  log.fatal({ err: error }, 'unexpected error, ending this process');
  log.flush();
  process.exit(1);
}
