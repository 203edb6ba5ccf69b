import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteIdentifier, quoteString } from '../../src/clickhouse/sql-literal.ts';
import { tokenize } from '../../src/clickhouse/sql-tokens.ts';

const kinds = (sql: string) => [...tokenize(sql)].map(({ kind, text }) => [kind, text]);

describe('tokenize', () => {
  it('tells words, numbers, strings, quoted names and symbols apart', () => {
    expect(kinds('SELECT a.1, "x y", `z`, \'s\' FROM t')).toEqual([
      ['word', 'SELECT'],
      ['word', 'a'],
      ['symbol', '.'],
      ['number', '1'],
      ['symbol', ','],
      ['quoted', '"x y"'],
      ['symbol', ','],
      ['quoted', '`z`'],
      ['symbol', ','],
      ['string', "'s'"],
      ['word', 'FROM'],
      ['word', 't'],
    ]);
  });

  it('leaves out line comments, shell comments and nested block comments', () => {
    expect(kinds('a -- b\n#! c\n/* d /* e */ f */ g # h')).toEqual([
      ['word', 'a'],
      ['word', 'g'],
    ]);
  });

  it('takes a heredoc for one string', () => {
    expect(kinds("$tag$ it's; -- $x$ $tag$ b")).toEqual([
      ['string', "$tag$ it's; -- $x$ $tag$"],
      ['word', 'b'],
    ]);
  });

  it('counts the brackets around each token', () => {
    const depths = [...tokenize('a(b[c]{d})e')].map(({ text, depth }) => `${text}${depth}`);
    expect(depths).toEqual(['a0', '(0', 'b1', '[1', 'c2', ']1', '{1', 'd2', '}1', ')0', 'e0']);
  });

  it('takes any quoted text for exactly one token', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(kinds(quoteString(text))).toEqual([['string', quoteString(text)]]);
        expect(kinds(quoteIdentifier(text))).toEqual([['quoted', quoteIdentifier(text)]]);
      }),
    );
  });

  it('ends on any input, with tokens in order and inside it', () => {
    const sqlish = fc.string({ unit: fc.constantFrom(...'a1 \'"`\\$-#/*;({[)]}\n') });
    fc.assert(
      fc.property(sqlish, (sql) => {
        let at = 0;
        for (const token of tokenize(sql)) {
          expect(token.start).toBeGreaterThanOrEqual(at);
          expect(token.end).toBeGreaterThan(token.start);
          at = token.end;
        }
        expect(at).toBeLessThanOrEqual(sql.length);
      }),
    );
  });
});
