import { type ClickHouseException, notImplemented, syntaxError } from './clickhouse-exception.ts';
import { type SqlToken, tokenize } from './sql-tokens.ts';

type Common = {
  /** Names of the `{name:Type}` substitutions in the text. */
  placeholders: ReadonlySet<string>;
  /** True unless the statement is known to leave nothing behind in its session (settings, database, temporary tables). */
  leavesState: boolean;
};

/** `head` + where to write + `FORMAT` + `tail`: the parts between which an answer's target goes. */
export type RowsStatement = Common & { kind: 'rows'; head: string; format: string | null; tail: string };
/** An insert whose data begins at byte `dataStart` of what was sent. */
export type InsertStatement = Common & {
  kind: 'insert';
  target: string;
  settings: string;
  format: string;
  dataStart: number;
};
export type CommandStatement = Common & { kind: 'command'; sql: string; format: string | null };
export type Statement = RowsStatement | InsertStatement | CommandStatement;
export type ParsedStatement = Statement | { kind: 'refused'; exception: ClickHouseException };

const SELECT_WORDS = new Set(['SELECT', 'WITH', 'FROM', '(']);
const STATELESS_WORDS = new Set(
  'SELECT WITH FROM ( INSERT CREATE ALTER DROP TRUNCATE OPTIMIZE RENAME DELETE SHOW DESCRIBE DESC EXPLAIN EXISTS CHECK KILL SYSTEM'.split(
    ' ',
  ),
);

/** Classifies one statement by its words; `sent` may end in an insert's raw data. The engine does the real parsing. */
export function parseStatement(sent: Buffer): ParsedStatement {
  // One character per byte, so that offsets are byte offsets even when binary data follows.
  const text = sent.toString('latin1');
  const tokens: SqlToken[] = [];
  for (const token of tokenize(text)) {
    tokens.push(token);
    if (isWord(tokens[0], 'INSERT') && token.depth === 0) {
      const insert = insertWithData(sent, text, tokens);
      if (insert !== null) return insert;
    }
  }
  while (tokens.at(-1)?.text === ';') tokens.pop();
  return refusal(tokens) ?? withoutData(sent, tokens);
}

function withoutData(sent: Buffer, tokens: readonly SqlToken[]): ParsedStatement {
  const first = tokens[0];
  const last = tokens.at(-1);
  if (first === undefined || last === undefined) return refused(syntaxError('Empty query'));
  const common = commonOf(tokens);
  const format = findFormat(tokens);
  const withInsert = isWord(first, 'WITH') && tokens.some((token) => token.depth === 0 && isWord(token, 'INSERT'));
  if (withInsert || !SELECT_WORDS.has(first.text.toUpperCase())) {
    const sql = sent.toString('utf8', first.start, last.end);
    return { kind: 'command', sql, format: format?.name.text ?? null, ...common };
  }
  return {
    kind: 'rows',
    head: sent.toString('utf8', first.start, format?.keyword.start ?? last.end).trimEnd(),
    format: format?.name.text ?? null,
    tail: format === null ? '' : sent.toString('utf8', format.name.end, last.end),
    ...common,
  };
}

/** The statement, once its last token is the one after which an insert's data begins; null until then. */
function insertWithData(sent: Buffer, text: string, tokens: readonly SqlToken[]): ParsedStatement | null {
  const last = tokens.at(-1);
  const beforeLast = tokens.at(-2);
  const isValues = isWord(last, 'VALUES') && !isWord(beforeLast, 'FORMAT') && tokens.length > 3;
  const isFormat = isWord(beforeLast, 'FORMAT') && tokens.length > 4 && last?.kind === 'word';
  if (last === undefined || beforeLast === undefined || !(isValues || isFormat)) return null;
  // INSERT … SELECT … FORMAT carries data only for input(), which refusal() turns away.
  if (tokens.some((token) => token.depth === 0 && isWord(token, 'SELECT'))) return null;
  const clause = isValues ? last : beforeLast;
  const settings = tokens.find((token, index) => index > 2 && token.depth === 0 && isWord(token, 'SETTINGS'));
  return (
    refusal(tokens) ?? {
      kind: 'insert',
      target: sent.toString('utf8', tokens[0]?.start, (settings ?? clause).start).trimEnd(),
      settings: settings === undefined ? '' : sent.toString('utf8', settings.start, clause.start).trimEnd(),
      format: isValues ? 'Values' : last.text,
      dataStart: startOfData(text, last.end),
      ...commonOf(tokens),
    }
  );
}

/** "Data starts after the first newline, if there was one, or after all the whitespace": ParserInsertQuery. */
function startOfData(text: string, from: number): number {
  const blank = /;?[ \t\f]*\r?\n?/y;
  blank.lastIndex = from;
  blank.test(text);
  return blank.lastIndex;
}

function refusal(tokens: readonly SqlToken[]): ParsedStatement | null {
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1];
    if (token.text === ';') return refused(syntaxError('Multi-statements are not allowed'));
    if (isWord(token, 'INTO') && isWord(next, 'OUTFILE')) return refused(notImplemented('INTO OUTFILE is for clients'));
    if (isWord(token, 'FROM') && isWord(next, 'INFILE')) return refused(notImplemented('FROM INFILE is for clients'));
    if (isWord(tokens[0], 'INSERT') && isWord(token, 'INPUT') && next?.text === '(') {
      const message = 'INSERT … SELECT … FROM input(…) would insert nothing here: insert the rows with FORMAT instead';
      return refused(notImplemented(message));
    }
  }
  return null;
}

function commonOf(tokens: readonly SqlToken[]): Common {
  const placeholders = tokens
    .filter(
      (token, index) => token.kind === 'word' && tokens[index - 1]?.text === '{' && tokens[index + 1]?.text === ':',
    )
    .map((token) => token.text);
  const stateless = STATELESS_WORDS.has(tokens[0]?.text.toUpperCase() ?? '');
  const temporary = tokens.some((token) => isWord(token, 'TEMPORARY'));
  return { placeholders: new Set(placeholders), leavesState: !stateless || temporary };
}

function findFormat(tokens: readonly SqlToken[]): { keyword: SqlToken; name: SqlToken } | null {
  for (const [index, keyword] of tokens.entries()) {
    const name = tokens[index + 1];
    const after = tokens[index + 2];
    if (!isWord(keyword, 'FORMAT') || keyword.depth !== 0 || name?.kind !== 'word') continue;
    if (after === undefined || isWord(after, 'SETTINGS')) return { keyword, name };
  }
  return null;
}

function isWord(token: SqlToken | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === word;
}

function refused(exception: ClickHouseException): ParsedStatement {
  return { kind: 'refused', exception };
}
