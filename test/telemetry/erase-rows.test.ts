import { describe, expect, it } from 'vitest';
import { eraseRows } from '../../src/telemetry/erase-rows.ts';

describe('erasing rows', () => {
  it('removes outcomes only when the folds that had read the events before they went have ended', async () => {
    const log: string[] = [];
    // One fold runs when the events are gone and ends later; another begins after it and may run on.
    const folds = [['early'], ['early', 'later'], ['later']];
    const database = {
      async query<Row>(sql: string): Promise<Row[]> {
        if (sql.includes('system.processes')) {
          const running = folds.shift() ?? [];
          log.push(`folds: ${running.join(', ')}`);
          return running.map((id) => ({ id })) as Row[];
        }
        if (sql.includes('system.mutations')) return [{ waiting: 0, failure: '' }] as Row[];
        return [{ n: 1 }] as Row[];
      },
      async command(sql: string): Promise<void> {
        log.push(/ALTER TABLE (\w+)/.exec(sql)?.[1] ?? 'ledger');
      },
    };
    await eraseRows(database, { sessionIds: ['s'], assetIds: [] }, { kind: 'session', subject: 'x' });
    expect(log).toEqual([
      'ledger',
      'events',
      'decisions',
      'folds: early',
      'folds: early, later',
      'folds: later',
      'view_outcomes',
      'dead_letters',
      'hour_rollups',
    ]);
  });

  it('fails when the server cannot rewrite a table, with the server’s reason', async () => {
    const database = {
      async query<Row>(sql: string): Promise<Row[]> {
        return [sql.includes('system.mutations') ? { waiting: 1, failure: 'disk full' } : { n: 1 }] as Row[];
      },
      async command(): Promise<void> {},
    };
    const erasing = eraseRows(database, { sessionIds: ['s'], assetIds: [] }, { kind: 'session', subject: 'x' });
    await expect(erasing).rejects.toThrow('disk full');
  });
});
