import type { AssetDocument } from '../domain/index.ts';

export type AssetIndexPorts = {
  listIds(): Promise<string[]>;
  read(assetId: string): Promise<AssetDocument | null>;
};

export type AssetPage = { assets: AssetDocument[]; next: string | null };

type Entry = { id: string; createdAt: string; owner: string };

/** The order of all assets, newest first. What never changes of an asset is kept; the rest is read when it is shown. */
export class AssetIndex {
  readonly #ports: AssetIndexPorts;
  readonly #entries = new Map<string, Entry>();

  constructor(ports: AssetIndexPorts) {
    this.#ports = ports;
  }

  async page(query: { limit: number; cursor: string | undefined; owner: string | undefined }): Promise<AssetPage> {
    await this.#refresh();
    const after = query.cursor;
    const matching = [...this.#entries.values()]
      .filter((entry) => query.owner === undefined || entry.owner === query.owner)
      .filter((entry) => after === undefined || positionOf(entry) < after)
      .sort((left, right) => (positionOf(left) < positionOf(right) ? 1 : -1));
    const shown = matching.slice(0, query.limit);
    const documents = await Promise.all(shown.map((entry) => this.#ports.read(entry.id)));
    const last = shown.at(-1);
    return {
      assets: documents.filter((document) => document !== null),
      next: matching.length > shown.length && last !== undefined ? positionOf(last) : null,
    };
  }

  /** Every asset of an owner. */
  async idsOf(owner: string): Promise<string[]> {
    await this.#refresh();
    return [...this.#entries.values()].filter((entry) => entry.owner === owner).map(({ id }) => id);
  }

  async #refresh(): Promise<void> {
    const ids = new Set(await this.#ports.listIds());
    for (const id of this.#entries.keys()) if (!ids.has(id)) this.#entries.delete(id);
    for (const id of ids) {
      if (this.#entries.has(id)) continue;
      const document = await this.#ports.read(id).catch(() => null);
      if (document !== null) this.#entries.set(id, { id, createdAt: document.createdAt, owner: document.owner });
    }
  }
}

/** Sorts like the creation time and tells assets of one millisecond apart. */
function positionOf({ createdAt, id }: Entry): string {
  return `${createdAt}_${id}`;
}
