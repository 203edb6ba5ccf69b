/** A failed statement in ClickHouse's own terms: number, name and text, e.g. 60, `UNKNOWN_TABLE`. */
export class ClickHouseException extends Error {
  readonly code: number;
  readonly type: string;

  constructor(code: number, type: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ClickHouseException';
    this.code = code;
    this.type = type;
  }
}

const WRAPPED = /^Code: (\d+)\. DB::\w+: (Code: \1\. DB::[\s\S]*) \(version [^)]*\)\. \([A-Z0-9_]+\)\s*$/;
const EXCEPTION = /^Code: (\d+)\. DB::\w+: ([\s\S]*?)\.?(?: \(([A-Z][A-Z0-9_]+)\))?(?: \(version [^)]*\))?\s*$/;

/** What the engine threw, as a ClickHouseException; anything unrecognised becomes 1001 STD_EXCEPTION, as on a server. */
export function toClickHouseException(error: unknown): ClickHouseException {
  if (error instanceof ClickHouseException) return error;
  const text = error instanceof Error ? error.message : String(error);
  // An exception from the insert pipeline arrives wrapped in a copy of itself.
  const found = EXCEPTION.exec(WRAPPED.exec(text)?.[2] ?? text);
  if (found === null) return new ClickHouseException(1001, 'STD_EXCEPTION', text, { cause: error });
  return new ClickHouseException(Number(found[1]), found[3] ?? 'UNKNOWN_EXCEPTION', found[2] ?? '', { cause: error });
}

/** The same exception, speaking of `known` where it spoke of `hidden`. */
export function renameInException(error: unknown, hidden: string, known: string): ClickHouseException {
  const { code, type, message } = toClickHouseException(error);
  return new ClickHouseException(code, type, message.replaceAll(hidden, known), { cause: error });
}

/** The text clients parse: `Code: N. DB::Exception: … (NAME) (version V)`. */
export function formatException(exception: ClickHouseException, engineVersion: string): string {
  const { code, message, type } = exception;
  return `Code: ${code}. DB::Exception: ${message}. (${type}) (version ${engineVersion})\n`;
}

/** Body tail that tells a client a started answer failed (ClickHouse >= 25.11, "HTTP response codes caveats"). */
export function formatExceptionTrailer(text: string, tag: string): string {
  return `\r\n__exception__\r\n${tag}\r\n${text}${Buffer.byteLength(text)} ${tag}\r\n__exception__\r\n`;
}

/** HTTP statuses of ClickHouse's `exceptionCodeToHTTPStatus`; everything else is 500. */
const STATUS_NAMES: readonly [status: number, types: string][] = [
  [401, 'REQUIRED_PASSWORD'],
  [403, 'UNKNOWN_USER WRONG_PASSWORD AUTHENTICATION_FAILED SET_NON_GRANTED_ROLE ACCESS_DENIED'],
  [
    400,
    'BAD_ARGUMENTS CANNOT_COMPILE_REGEXP CANNOT_PARSE_TEXT CANNOT_PARSE_ESCAPE_SEQUENCE CANNOT_PARSE_QUOTED_STRING ' +
      'CANNOT_PARSE_DATE CANNOT_PARSE_DATETIME CANNOT_PARSE_NUMBER CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING ' +
      'CANNOT_PARSE_IPV4 CANNOT_PARSE_IPV6 CANNOT_PARSE_INPUT_ASSERTION_FAILED CANNOT_PARSE_UUID DUPLICATE_COLUMN ' +
      'ILLEGAL_COLUMN UNKNOWN_ELEMENT_IN_AST UNKNOWN_TYPE_OF_AST_NODE THERE_IS_NO_COLUMN TOO_DEEP_AST TOO_BIG_AST ' +
      'UNEXPECTED_AST_STRUCTURE SYNTAX_ERROR INCORRECT_DATA TYPE_MISMATCH VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE',
  ],
  [
    404,
    'UNKNOWN_TABLE UNKNOWN_FUNCTION UNKNOWN_IDENTIFIER UNKNOWN_TYPE UNKNOWN_STORAGE UNKNOWN_DATABASE UNKNOWN_SETTING ' +
      'UNKNOWN_DIRECTION_OF_SORTING UNKNOWN_AGGREGATE_FUNCTION UNKNOWN_FORMAT UNKNOWN_DATABASE_ENGINE ' +
      'UNKNOWN_TYPE_OF_QUERY UNKNOWN_ROLE',
  ],
  [408, 'TIMEOUT_EXCEEDED'],
  [413, 'QUERY_IS_TOO_LARGE'],
  [501, 'NOT_IMPLEMENTED'],
  [503, 'SOCKET_TIMEOUT CANNOT_OPEN_FILE CANNOT_SCHEDULE_TASK'],
];
const STATUS_BY_TYPE = new Map(
  STATUS_NAMES.flatMap(([status, types]) => types.split(' ').map((type) => [type, status] as const)),
);

/** The HTTP status a ClickHouse server gives this exception. */
export function httpStatusOf(exception: ClickHouseException): number {
  return STATUS_BY_TYPE.get(exception.type) ?? 500;
}

/** What a server does and the embedded one cannot: 48, HTTP 501. */
export function notImplemented(message: string): ClickHouseException {
  return new ClickHouseException(48, 'NOT_IMPLEMENTED', message);
}

export function syntaxError(message: string): ClickHouseException {
  return new ClickHouseException(62, 'SYNTAX_ERROR', message);
}
