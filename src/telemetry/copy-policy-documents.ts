import type { Allocation, PolicyConfig } from '../domain/index.ts';
import type { Database } from './database.ts';
import { toClickHouseTime } from './event-line.ts';

/** The numbered documents as their registry gives them; null where one cannot be read. */
export type PolicyDocuments = {
  listVersions(kind: 'config' | 'allocation'): Promise<number[]>;
  readConfig(version: number): Promise<PolicyConfig | null>;
  readAllocation(version: number): Promise<Allocation | null>;
};

/**
 * Copies the documents that ClickHouse does not have yet, so that dashboards can say what was in force when. The media store
 * stays the truth; copying one twice changes nothing. Throws DatabaseError.
 */
export async function copyPolicyDocuments(
  database: Pick<Database, 'query' | 'insertRows'>,
  documents: PolicyDocuments,
): Promise<void> {
  const rows = await database.query<{ kind: string; version: number }>('SELECT kind, version FROM policy_documents');
  const there = new Set(rows.map(({ kind, version }) => `${kind} ${version}`));
  const readers = { config: documents.readConfig, allocation: documents.readAllocation };
  for (const kind of ['config', 'allocation'] as const) {
    for (const version of await documents.listVersions(kind)) {
      const document = there.has(`${kind} ${version}`) ? null : await readers[kind](version);
      if (document === null) continue;
      const created_at = toClickHouseTime(Date.parse(document.createdAt));
      const row = { kind, version, created_at, document: JSON.stringify(document) };
      await database.insertRows('policy_documents', [row]);
    }
  }
}
