import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStatement } from '../../src/clickhouse/parse-statement.ts';
import { quoteString } from '../../src/clickhouse/sql-literal.ts';

const parse = (sql: string) => parseStatement(Buffer.from(sql));
const refusalOf = (sql: string) => {
  const parsed = parse(sql);
  return parsed.kind === 'refused' ? `${parsed.exception.type}: ${parsed.exception.message}` : parsed.kind;
};

describe('parseStatement on statements with rows', () => {
  it.each([
    ['SELECT 1', 'SELECT 1', null, ''],
    ['SELECT 1;', 'SELECT 1', null, ''],
    ['SELECT 1 FORMAT JSON', 'SELECT 1', 'JSON', ''],
    ['select 1 format JSON ; ', 'select 1', 'JSON', ''],
    ['SELECT 1 FORMAT JSON SETTINGS max_threads = 1', 'SELECT 1', 'JSON', ' SETTINGS max_threads = 1'],
    ['SELECT 1 SETTINGS max_threads = 1 FORMAT JSON', 'SELECT 1 SETTINGS max_threads = 1', 'JSON', ''],
    ['-- hello\nWITH x AS (SELECT 1 FORMAT) SELECT 2', 'WITH x AS (SELECT 1 FORMAT) SELECT 2', null, ''],
    ['(SELECT 1) UNION ALL (SELECT 2) FORMAT TSV', '(SELECT 1) UNION ALL (SELECT 2)', 'TSV', ''],
    ['FROM numbers(2) SELECT number', 'FROM numbers(2) SELECT number', null, ''],
    [
      "SELECT 'a FORMAT JSON', format('{}', 1) AS `FORMAT`",
      "SELECT 'a FORMAT JSON', format('{}', 1) AS `FORMAT`",
      null,
      '',
    ],
    ["SELECT 'größe' FORMAT TSV", "SELECT 'größe'", 'TSV', ''],
  ])('splits %j around its format', (sql, head, format, tail) => {
    expect(parse(sql)).toMatchObject({ kind: 'rows', head, format, tail, leavesState: false });
  });

  it('finds the format behind any string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const head = `SELECT ${quoteString(text)} AS x`;
        expect(parse(`${head} FORMAT JSONEachRow`)).toMatchObject({ kind: 'rows', head, format: 'JSONEachRow' });
      }),
    );
  });

  it('collects the substitutions outside strings', () => {
    const parsed = parse("SELECT {a:UInt8}, '{b:String}', map('c', {d : Array(String)}) FROM {t:Identifier}");
    expect(parsed).toMatchObject({ placeholders: new Set(['a', 'd', 't']) });
  });
});

describe('parseStatement on inserts', () => {
  it.each([
    ['INSERT INTO t FORMAT JSONEachRow\n', 'INSERT INTO t', '', 'JSONEachRow'],
    ['INSERT INTO TABLE db.t (a, `b c`) FORMAT CSV\n', 'INSERT INTO TABLE db.t (a, `b c`)', '', 'CSV'],
    ["insert into t settings x = 1, y = 'FORMAT' format TSV\n", 'insert into t', "settings x = 1, y = 'FORMAT'", 'TSV'],
    ['INSERT INTO t FORMAT Values ', 'INSERT INTO t', '', 'Values'],
    ['INSERT INTO t (a) VALUES ', 'INSERT INTO t (a)', '', 'Values'],
    ["INSERT INTO FUNCTION null('a UInt8') FORMAT CSV\n", "INSERT INTO FUNCTION null('a UInt8')", '', 'CSV'],
    ['INSERT INTO {t:Identifier} FORMAT Native\n', 'INSERT INTO {t:Identifier}', '', 'Native'],
  ])('knows where the data of %j begins', (sql, target, settings, format) => {
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        // Whatever follows the first line break is data, unless it is more blank in front of VALUES' brackets.
        const sent = Buffer.concat([Buffer.from(sql), Buffer.from('('), data]);
        const parsed = parseStatement(sent);
        expect(parsed).toMatchObject({ kind: 'insert', target, settings, format, dataStart: Buffer.byteLength(sql) });
      }),
      { numRuns: 30 },
    );
  });

  it('keeps binary data behind a statement with accents byte for byte', () => {
    const sql = 'INSERT INTO `größe` FORMAT RowBinary\n';
    const data = Buffer.from([0xff, 0x00, 0x0a, 0xc3]);
    const parsed = parseStatement(Buffer.concat([Buffer.from(sql), data]));
    expect(parsed).toMatchObject({ target: 'INSERT INTO `größe`', dataStart: Buffer.byteLength(sql) });
  });

  it('takes data on the same line as the format', () => {
    expect(parse('INSERT INTO t FORMAT CSV 1,2')).toMatchObject({
      kind: 'insert',
      dataStart: 'INSERT INTO t FORMAT CSV '.length,
    });
  });

  it.each(['INSERT INTO t SELECT * FROM s', 'WITH s AS (SELECT 1) INSERT INTO t SELECT * FROM s'])(
    'takes %j for a command',
    (sql) => expect(parse(sql)).toMatchObject({ kind: 'command', sql, leavesState: false }),
  );
});

describe('parseStatement on the rest', () => {
  it.each(['CREATE TABLE t (a UInt8) ENGINE = Memory', 'SHOW TABLES', 'DROP TABLE t', 'EXPLAIN SELECT 1'])(
    'takes %j for a command that leaves nothing behind',
    (sql) => expect(parse(sql)).toMatchObject({ kind: 'command', sql, leavesState: false }),
  );

  it.each(['SET max_threads = 1', 'USE other', 'CREATE TEMPORARY TABLE t (a UInt8)', 'EXECUTE AS someone'])(
    'knows that %j changes its session',
    (sql) => expect(parse(sql)).toMatchObject({ kind: 'command', leavesState: true }),
  );

  it.each([
    ['', 'SYNTAX_ERROR: Empty query'],
    [' -- nothing\n;', 'SYNTAX_ERROR: Empty query'],
    ['SELECT 1; DROP TABLE t', 'SYNTAX_ERROR: Multi-statements are not allowed'],
    ['SELECT 1; SELECT 2;', 'SYNTAX_ERROR: Multi-statements are not allowed'],
    ["SELECT 1 INTO OUTFILE '/tmp/x'", 'NOT_IMPLEMENTED: INTO OUTFILE is for clients'],
    ["INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 'NOT_IMPLEMENTED: FROM INFILE is for clients'],
    ["EXPLAIN SELECT 1 into /**/ outfile '/tmp/x'", 'NOT_IMPLEMENTED: INTO OUTFILE is for clients'],
    [
      "INSERT INTO t SELECT a FROM input('a UInt8') FORMAT CSV\n1",
      'NOT_IMPLEMENTED: INSERT … SELECT … FROM input(…) would insert nothing here: insert the rows with FORMAT instead',
    ],
  ])('refuses %j', (sql, refusal) => expect(refusalOf(sql)).toBe(refusal));
});
