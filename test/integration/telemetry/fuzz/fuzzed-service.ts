import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { demandScope, keyOwner } from '../../../../src/api/authenticate.ts';
import { createEdge } from '../../../../src/api/edge/edge.ts';
import type { Principal } from '../../../../src/api/key-store.ts';
import { composeTelemetry } from '../../../../src/commands/compose-telemetry.ts';
import { readConfig } from '../../../../src/config.ts';
import { deriveViewKeys, viewIdOf } from '../../../../src/delivery/view-identity.ts';
import { verifyViewToken } from '../../../../src/delivery/view-token.ts';
import { type Database, DatabaseError } from '../../../../src/telemetry/database.ts';
import { startDescribedService } from '../../../api/fixtures/described-service.ts';
import { telemetryHooks } from '../fixtures/telemetry-hooks.ts';

/** No database at all: everything accepted stays in the spools. */
export const NO_DATABASE: Database = (() => {
  const away = async (): Promise<never> => {
    throw new DatabaseError('away', { code: 'UNREACHABLE', permanent: false, cause: null });
  };
  return {
    query: away,
    command: away,
    insertFile: away,
    insertRows: away,
    ping: async () => false,
    close: async () => {},
  };
})();

const clock = { nowMs: () => Date.now() };

/** The real request handler over real telemetry on disk. Keys: `telemetry` and `decide`. */
export async function startFuzzedService(dataDir: string, database: Database) {
  const failures: string[] = [];
  const log = pino({ level: 'error' }, { write: (line: string) => void failures.push(line) });
  const config = readConfig({
    NARA_DATA_DIR: dataDir,
    NARA_VIEW_EVENTS_PER_SECOND: '1000000',
    NARA_BLOCK_EVENTS_PER_SECOND: '1000000',
  });
  const keys = deriveViewKeys('fuzz'.repeat(8));
  let lettersLost = 0;
  const telemetry = composeTelemetry(
    config,
    database,
    telemetryHooks({
      attribute(event) {
        const { viewToken, sessionId, assetId } = event;
        const check = viewToken === undefined ? null : verifyViewToken(keys, viewToken, clock.nowMs());
        if (check?.kind === 'invalid') return { kind: 'bad-token', reason: check.reason };
        return { kind: 'view', viewId: viewIdOf(keys, sessionId, assetId, 0), decidedAtMs: clock.nowMs() };
      },
      onDeadLettersLost: (count) => {
        lettersLost += count;
      },
    }),
    log,
  );
  const edge = createEdge({
    trustedProxies: [],
    countryHeader: null,
    countryOf: () => null,
    regionGroups: {},
    secret: 'fuzz',
    clock,
  });
  const check = (key: string): Principal | null =>
    key === 'telemetry' || key === 'decide' ? { keyId: key, scopes: [key], origins: [] } : null;
  await telemetry.start();
  const { url, stop } = await startDescribedService(
    {
      // Which media is served does not matter, but that it is.
      mediaFile: async () => fileURLToPath(import.meta.url),
      reports: {
        identify: ({ headers }, query) =>
          demandScope(keyOwner({ headers, queryKey: query.get('key') }, check), ['telemetry', 'decide']),
        ingest: telemetry.ingest,
        observe: edge.observe,
        nowMs: clock.nowMs,
        onResponse: () => {},
      },
    },
    log,
  );
  return {
    url,
    telemetry,
    /** What the service itself calls an error. */
    failures,
    lettersLost: () => lettersLost,
    /** Nobody can send any more; telemetry goes on. */
    stopServer: stop,
    stop: telemetry.stop,
  };
}
export type FuzzedService = Awaited<ReturnType<typeof startFuzzedService>>;

/** Every line of a stream's spool, which must be text and JSON. */
export async function readSpool(dataDir: string, stream: string): Promise<unknown[]> {
  const directory = join(dataDir, 'spool', stream);
  const names = (await readdir(directory)).filter((name) => /\.(ndjson|open)$/.test(name));
  const files = await Promise.all(names.map((name) => readFile(join(directory, name))));
  const lines = files.flatMap((bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes).split('\n'));
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}
