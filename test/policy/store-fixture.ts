import type { DocumentStore } from '../../src/policy/registry.ts';

/** A document store in memory that can be away. */
export function memoryStore(): DocumentStore & { files: Map<string, Buffer>; away: boolean } {
  const files = new Map<string, Buffer>();
  const store = {
    files,
    away: false,
    async createExclusive(key: string, bytes: Buffer): Promise<boolean> {
      check();
      if (files.has(key)) return false;
      files.set(key, bytes);
      return true;
    },
    async read(key: string): Promise<Buffer | null> {
      check();
      return files.get(key) ?? null;
    },
    async list(prefix: string): Promise<string[]> {
      check();
      return [...files.keys()].filter((key) => key.startsWith(prefix));
    },
  };
  function check(): void {
    if (store.away) throw new Error('store is away');
  }
  return store;
}

type Line = { level: string; message: string };

/** A log that remembers what was said. */
export function memoryLog() {
  const lines: Line[] = [];
  const at = (level: string) => (_details: object, message: string) => {
    lines.push({ level, message });
  };
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
}
