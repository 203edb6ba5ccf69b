import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErasureSubject } from './erase.ts';

/** Removes a subject's rows from the files of rows that the database refused (`DATA_DIR/spool/dead`). Answers how many. */
export async function eraseDeadRows(directory: string, subject: ErasureSubject): Promise<number> {
  let erased = 0;
  for (const path of await filesBelow(directory)) {
    const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
    const kept = lines.filter((line) => !isAbout(line, subject));
    erased += lines.length - kept.length;
    if (kept.length === lines.length) continue;
    if (kept.length === 0) {
      await rm(path);
      continue;
    }
    await writeFile(`${path}.tmp`, `${kept.join('\n')}\n`, { flush: true });
    await rename(`${path}.tmp`, path);
  }
  return erased;
}

async function filesBelow(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory, { recursive: true });
    return names.filter((name) => name.endsWith('.ndjson')).map((name) => join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function isAbout(deadRow: string, subject: ErasureSubject): boolean {
  const row = rowOf(deadRow);
  // Of a row that cannot be read nobody knows more than what stands in it.
  if (row === null) return idsOf(subject).some((id) => deadRow.includes(id));
  if ('sessionId' in subject) return row.session_id === subject.sessionId;
  if ('assetId' in subject) return row.asset_id === subject.assetId;
  return row.owner === subject.owner || subject.assetIds.includes(String(row.asset_id));
}

function idsOf(subject: ErasureSubject): readonly string[] {
  if ('sessionId' in subject) return [subject.sessionId];
  return 'assetId' in subject ? [subject.assetId] : [subject.owner, ...subject.assetIds];
}

/** The row as it was to be stored. */
function rowOf(deadRow: string): Record<string, unknown> | null {
  try {
    const { line } = JSON.parse(deadRow) as { line: string };
    return JSON.parse(line) as Record<string, unknown> | null;
  } catch {
    return null;
  }
}
