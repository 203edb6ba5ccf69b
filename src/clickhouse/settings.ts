import { quoteString } from './sql-literal.ts';

/** Query settings of one request by name, as sent. */
export type Settings = ReadonlyMap<string, string>;

/**
 * URL parameters that speak to the HTTP server rather than to the engine. `async_insert` belongs here because every
 * insert is applied before it is answered, and `query_cache_tag` because it marks whose statement is running.
 */
const SERVER_ONLY = new Set([
  'async_insert',
  'buffer_size',
  'cancel_http_readonly_queries_on_client_close',
  'client_protocol_version',
  'close_session',
  'database',
  'default_format',
  'enable_http_compression',
  'password',
  'query',
  'query_cache_tag',
  'query_id',
  'quota_key',
  'send_progress_in_http_headers',
  'session_check',
  'session_timeout',
  'stacktrace',
  'user',
  'wait_end_of_query',
  'wait_for_async_insert',
]);
const SETTING_NAME = /^[A-Za-z_]\w*$/;

/** True when a URL parameter is a query setting to be handed to the engine. */
export function isEngineSetting(name: string): boolean {
  return !SERVER_ONLY.has(name) && !name.startsWith('http_') && !name.startsWith('param_');
}

export function isSettingName(name: string): boolean {
  return SETTING_NAME.test(name);
}

/** `readonly` > 0 cannot be taken back in a session. */
export function isReadonly(settings: Settings): boolean {
  const readonly = settings.get('readonly');
  return readonly !== undefined && readonly !== '0';
}

/** SET statements that put `settings` and `params` in force; `readonly` comes last, as it forbids the others. */
export function toSetStatements(settings: Settings, params: ReadonlyMap<string, string>): string[] {
  const assign = ([name, value]: [string, string]) => `${name} = ${quoteString(value)}`;
  const ordinary = [...settings].filter(([name]) => name !== 'readonly').map(assign);
  const readonly = [...settings].filter(([name]) => name === 'readonly').map(assign);
  const substitutions = [...params].map(([name, value]) => assign([`param_${name}`, value]));
  return [ordinary.concat(substitutions), readonly].flatMap((all) =>
    all.length === 0 ? [] : [`SET ${all.join(', ')}`],
  );
}

/** The SET statement that takes `settings` back to what the session was opened with (`own`), else to the engine's defaults. */
export function toResetStatement(settings: Settings, own: Settings): string | null {
  if (settings.size === 0) return null;
  const before = (name: string) => {
    const value = own.get(name);
    return value === undefined ? 'DEFAULT' : quoteString(value);
  };
  return `SET ${[...settings.keys()].map((name) => `${name} = ${before(name)}`).join(', ')}`;
}
