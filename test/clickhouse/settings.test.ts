import { describe, expect, it } from 'vitest';
import { isReadonly, toResetStatement, toSetStatements } from '../../src/clickhouse/settings.ts';

describe('settings', () => {
  it('sets and takes back by name, values quoted', () => {
    const settings = new Map([
      ['max_threads', '2'],
      ['insert_deduplication_token', "it's"],
    ]);
    expect(toSetStatements(settings, new Map([['p', 'a\\b']]))).toEqual([
      "SET max_threads = '2', insert_deduplication_token = 'it\\'s', param_p = 'a\\\\b'",
    ]);
    expect(toResetStatement(settings, new Map())).toBe(
      'SET max_threads = DEFAULT, insert_deduplication_token = DEFAULT',
    );
  });

  it('takes back to what the session was opened with', () => {
    const own = new Map([['max_threads', '1']]);
    expect(
      toResetStatement(
        new Map([
          ['max_threads', '2'],
          ['max_rows', '3'],
        ]),
        own,
      ),
    ).toBe("SET max_threads = '1', max_rows = DEFAULT");
  });

  it('sets readonly last, because nothing can be set after it', () => {
    const settings = new Map([
      ['readonly', '1'],
      ['max_execution_time', '5'],
    ]);
    expect(toSetStatements(settings, new Map())).toEqual(["SET max_execution_time = '5'", "SET readonly = '1'"]);
  });

  it('needs no statement for nothing', () => {
    expect(toSetStatements(new Map(), new Map())).toEqual([]);
    expect(toResetStatement(new Map(), new Map([['max_threads', '2']]))).toBeNull();
  });

  it('knows which requests are read only', () => {
    expect(['0', '1', '2'].map((readonly) => isReadonly(new Map([['readonly', readonly]])))).toEqual([
      false,
      true,
      true,
    ]);
    expect(isReadonly(new Map())).toBe(false);
  });
});
