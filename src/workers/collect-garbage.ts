import type { AssetDocument } from '../domain/asset.ts';
import { VIEW_TOKEN_LIFE_MS } from '../domain/decision.ts';
import { type AssetStore, assetPrefix } from '../media/asset-store.ts';
import { trackPrefix } from '../media/finished-tracks.ts';
import type { MediaStore } from '../media/media-store.ts';
import { withRetired } from './next-revision.ts';

// Lifecycle: `createCollector` remembers between passes since when it has seen a file that nothing refers to; each `pass` removes
// what has been so for long enough. Passes of several workers may overlap: removing twice is removing once. Forgetting it all
// with the process only makes collection later.

export type CollectPorts = {
  assets: Pick<AssetStore, 'list' | 'read'>;
  store: Pick<MediaStore, 'list' | 'read' | 'remove'>;
  /** Whether a job of this asset waits or runs; a busy asset is left alone. */
  isBusy(assetId: string): Promise<boolean>;
  /** Writes the document as it is then, changed. */
  update(assetId: string, change: (asset: AssetDocument) => AssetDocument): Promise<unknown>;
  nowMs(): number;
};

export type CollectOptions = {
  /** What nothing refers to is kept this long: somebody may be about to. */
  orphanGraceMs?: number;
  /** Beyond the last moment at which a view of the revision can have got its manifest. */
  retiredGraceMs?: number;
};

export type Collector = {
  /** Resolves to the keys and prefixes that were removed. */
  pass(): Promise<string[]>;
};

const ORPHAN_GRACE_MS = 2 * 3_600_000;
/** A catalog that hears no announcements hands out the old revision a little longer. */
const RETIRED_GRACE_MS = 3_600_000;
/** Somebody who pauses takes longer than the video. */
const PLAYING_FACTOR = 2;
/** A worker that is paused this long and then writes for a deleted asset is beyond help. */
const TOMBSTONE_LIFE_MS = 7 * 24 * 3_600_000;

/** Removes what no asset refers to and what no view can be playing any more. */
export function createCollector(ports: CollectPorts, options: CollectOptions = {}): Collector {
  const { store, nowMs } = ports;
  const { orphanGraceMs = ORPHAN_GRACE_MS, retiredGraceMs = RETIRED_GRACE_MS } = options;
  const seenSinceMs = new Map<string, number>();

  return {
    async pass() {
      const seen = new Set<string>();
      const removed: string[] = [];
      const remove = async (key: string): Promise<void> => {
        await store.remove(key);
        removed.push(key);
      };
      /** Only what was there, unreferred to, a grace ago is an orphan. */
      const removeOrphan = async (key: string): Promise<void> => {
        seen.add(key);
        const sinceMs = seenSinceMs.get(key) ?? nowMs();
        seenSinceMs.set(key, sinceMs);
        if (nowMs() - sinceMs >= orphanGraceMs) await remove(key);
      };

      const uploads = new Set<string>();
      const known = new Set<string>();
      let allRead = true;
      for (const assetId of await ports.assets.list()) {
        const asset = await ports.assets.read(assetId).catch(() => undefined);
        if (asset === undefined) allRead = false;
        if (asset === null && (await store.read(`removed-assets/${assetId}`))) await remove(assetPrefix(assetId));
        if (!asset) continue;
        known.add(assetId);
        if (asset.uploadKey !== null) uploads.add(asset.uploadKey);
        if (!isSettled(asset)) continue;
        const due = dueRetired(asset, retiredGraceMs, nowMs());
        const orphans = await orphanedTracks(store, asset);
        if ((due.length === 0 && orphans.length === 0) || (await ports.isBusy(assetId))) continue;
        await dropRetired(ports, assetId, due);
        for (const id of due) await remove(trackPrefix(assetId, id));
        for (const key of orphans) await removeOrphan(key);
      }
      // A document that cannot be read may refer to anything.
      if (allRead) {
        for (const key of await store.list('uploads')) if (!uploads.has(uploadOf(key))) await removeOrphan(key);
        for (const key of await forgottenDuplicates(store, known)) await removeOrphan(key);
      }
      for (const key of await oldTombstones(store, nowMs())) await remove(key);
      for (const key of seenSinceMs.keys()) if (!seen.has(key) || removed.includes(key)) seenSinceMs.delete(key);
      return removed;
    },
  };
}

const isSettled = ({ availability, state }: AssetDocument): boolean =>
  availability === 'complete' || availability === 'upgraded' || state === 'failed';

/** Ids of retired renditions that no view can be playing any more. */
function dueRetired({ retired = [], durationMs }: AssetDocument, graceMs: number, nowMs: number): string[] {
  const keptForMs = VIEW_TOKEN_LIFE_MS + PLAYING_FACTOR * durationMs + graceMs;
  const due = retired.filter(({ retiredAt }) => nowMs - Date.parse(retiredAt) >= keptForMs);
  return due.map(({ rendition }) => rendition.id);
}

/** The document before the files: nobody is sent to what is no longer there. */
async function dropRetired(ports: CollectPorts, assetId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await ports.update(assetId, (asset) => {
    const kept = (asset.retired ?? []).filter(({ rendition }) => !ids.includes(rendition.id));
    return withRetired(asset, kept);
  });
}

async function orphanedTracks(store: CollectPorts['store'], asset: AssetDocument): Promise<string[]> {
  const tracks = [...asset.renditions, ...(asset.retired ?? []).map(({ rendition }) => rendition)];
  const referred = new Set([...tracks.map(({ id }) => id), ...(asset.audio ? [asset.audio.id] : [])]);
  const found = (await store.list(`${assetPrefix(asset.id)}/r`)).map(withoutSlash);
  return found.filter((key) => !referred.has(key.slice(key.lastIndexOf('/') + 1)));
}

/** An upload and what is kept beside it: `uploads/ID`, `uploads/ID.json`, … */
const uploadOf = (key: string): string => withoutSlash(key).replace(/\..*$/, '');

/** Entries of the index of duplicates whose asset is no more. */
async function forgottenDuplicates(store: CollectPorts['store'], known: ReadonlySet<string>): Promise<string[]> {
  const forgotten: string[] = [];
  for (const content of await store.list('duplicates')) {
    for (const key of await store.list(withoutSlash(content))) {
      if (!known.has(key.slice(key.lastIndexOf('/') + 1))) forgotten.push(key);
    }
  }
  return forgotten;
}

async function oldTombstones(store: CollectPorts['store'], nowMs: number): Promise<string[]> {
  const keys = await store.list('removed-assets');
  const writtenAtMs = async (key: string): Promise<number> => Date.parse((await store.read(key))?.toString() ?? '');
  const ages = await Promise.all(keys.map(async (key) => nowMs - (await writtenAtMs(key))));
  return keys.filter((_, index) => (ages[index] ?? 0) > TOMBSTONE_LIFE_MS);
}

const withoutSlash = (key: string): string => key.replace(/\/$/, '');
