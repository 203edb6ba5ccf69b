/** JSON of a value that was parsed from JSON; empty where it nests too deeply for the writer, which recurses and the parser does not. */
export function toJsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}
