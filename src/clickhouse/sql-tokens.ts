/** One lexical token of ClickHouse SQL; spaces and comments are left out. `depth` counts the brackets around it. */
export type SqlToken = {
  kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol';
  text: string;
  start: number;
  end: number;
  depth: number;
};

const SPACE = /\s*/y;
const LINE_COMMENT = /(?:--|#[ !])[^\n]*/y;
const HEREDOC_TAG = /\$\w*\$/y;
/** Bytes above 0x7f are parts of UTF-8 letters: callers hand in one character per byte. */
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const NUMBER = /\d[\w.]*/y;
const OPENING = '([{';
const CLOSING = ')]}';

/** Tokens of a statement, lazily: what follows the last token taken (an insert's data) is never looked at. */
export function* tokenize(sql: string): Generator<SqlToken> {
  let depth = 0;
  let at = skipBlank(sql, 0);
  while (at < sql.length) {
    const { kind, end } = readToken(sql, at);
    const text = sql.slice(at, end);
    if (kind === 'symbol' && CLOSING.includes(text)) depth -= 1;
    yield { kind, text, start: at, end, depth };
    if (kind === 'symbol' && OPENING.includes(text)) depth += 1;
    at = skipBlank(sql, end);
  }
}

function readToken(sql: string, at: number): { kind: SqlToken['kind']; end: number } {
  const first = sql.charAt(at);
  if (first === "'") return { kind: 'string', end: endOfQuoted(sql, at, first) };
  if (first === '`' || first === '"') return { kind: 'quoted', end: endOfQuoted(sql, at, first) };
  const tagEnd = endOf(HEREDOC_TAG, sql, at);
  if (tagEnd > at) return { kind: 'string', end: endAfter(sql, sql.slice(at, tagEnd), tagEnd) };
  const wordEnd = endOf(WORD, sql, at);
  if (wordEnd > at) return { kind: 'word', end: wordEnd };
  const numberEnd = endOf(NUMBER, sql, at);
  if (numberEnd > at) return { kind: 'number', end: numberEnd };
  return { kind: 'symbol', end: at + 1 };
}

function skipBlank(sql: string, from: number): number {
  let at = from;
  for (;;) {
    let end = Math.max(endOf(SPACE, sql, at), endOf(LINE_COMMENT, sql, at));
    if (sql.startsWith('/*', at)) end = endOfBlockComment(sql, at);
    if (end === at) return at;
    at = end;
  }
}

/** ClickHouse nests block comments. */
function endOfBlockComment(sql: string, from: number): number {
  let open = 0;
  for (let at = from; at < sql.length; at += 1) {
    const pair = sql.slice(at, at + 2);
    if (pair === '/*' || pair === '*/') {
      open += pair === '/*' ? 1 : -1;
      at += 1;
    }
    if (open === 0) return at + 1;
  }
  return sql.length;
}

function endOfQuoted(sql: string, from: number, quote: string): number {
  for (let at = from + 1; at < sql.length; at += 1) {
    if (sql[at] === '\\') at += 1;
    else if (sql[at] === quote) return at + 1;
  }
  return sql.length;
}

function endOf(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : at;
}

function endAfter(sql: string, needle: string, from: number): number {
  const at = sql.indexOf(needle, from);
  return at === -1 ? sql.length : at + needle.length;
}
