import { describe, expect, it } from 'vitest';
import {
  ClickHouseException,
  formatException,
  formatExceptionTrailer,
  httpStatusOf,
  renameInException,
  toClickHouseException,
} from '../../src/clickhouse/clickhouse-exception.ts';

describe('toClickHouseException', () => {
  it('takes number, text and name out of the engine’s message', () => {
    const error = new Error('Code: 60. DB::Exception: Table (x) is not there. Maybe y?. (UNKNOWN_TABLE)');
    expect(toClickHouseException(error)).toMatchObject({
      code: 60,
      type: 'UNKNOWN_TABLE',
      message: 'Table (x) is not there. Maybe y?',
      cause: error,
    });
  });

  it('unwraps what the insert pipeline wrapped', () => {
    const message =
      'Code: 27. DB::Exception: Code: 27. DB::Exception: Cannot parse\ninput: (at row 1): data for INSERT was parsed from file. ' +
      '(CANNOT_PARSE_INPUT_ASSERTION_FAILED) (version 26.7.2.1). (CANNOT_PARSE_INPUT_ASSERTION_FAILED)';
    expect(toClickHouseException(new Error(message))).toMatchObject({
      code: 27,
      type: 'CANNOT_PARSE_INPUT_ASSERTION_FAILED',
      message: 'Cannot parse\ninput: (at row 1): data for INSERT was parsed from file',
    });
  });

  it('knows system errors by their number too', () => {
    const error = new Error('Code: 400. DB::ErrnoException: Cannot stat file x: , errno: 2. (CANNOT_STAT)');
    expect(toClickHouseException(error)).toMatchObject({ code: 400, type: 'CANNOT_STAT' });
  });

  it('gives anything else the number of an unexpected error', () => {
    expect(toClickHouseException(new Error('boom'))).toMatchObject({
      code: 1001,
      type: 'STD_EXCEPTION',
      message: 'boom',
    });
    expect(toClickHouseException('boom')).toMatchObject({ code: 1001, message: 'boom' });
  });

  it('leaves its own kind alone and hides names of files', () => {
    const exception = new ClickHouseException(1, 'X', 'in /tmp/a, /tmp/a');
    expect(toClickHouseException(exception)).toBe(exception);
    expect(renameInException(exception, '/tmp/a', 'body')).toMatchObject({ code: 1, message: 'in body, body' });
  });
});

describe('what clients get to read', () => {
  it('reads as a server’s exception does', () => {
    const text = formatException(new ClickHouseException(62, 'SYNTAX_ERROR', 'Empty query'), '26.7');
    expect(text).toBe('Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR) (version 26.7)\n');
    expect(formatExceptionTrailer('größe\n', 'TAG')).toBe(
      '\r\n__exception__\r\nTAG\r\ngröße\n8 TAG\r\n__exception__\r\n',
    );
  });

  it.each([
    ['SYNTAX_ERROR', 400],
    ['AUTHENTICATION_FAILED', 403],
    ['UNKNOWN_TABLE', 404],
    ['TIMEOUT_EXCEEDED', 408],
    ['NOT_IMPLEMENTED', 501],
    ['MEMORY_LIMIT_EXCEEDED', 500],
    ['READONLY', 500],
  ])('comes with a server’s status: %s is %d', (type, status) => {
    expect(httpStatusOf(new ClickHouseException(0, type, ''))).toBe(status);
  });
});
