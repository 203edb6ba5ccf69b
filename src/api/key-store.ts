import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';

export const SCOPES = ['telemetry', 'upload', 'read', 'decide', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** May be used from the page's own origin, whatever host and port that is. */
export const OWN_ORIGIN = 'self';

const storedKeySchema = z.object({
  id: z.string(),
  name: z.string(),
  /** SHA-256 of the whole key, hex. Keys are 192 random bits, so no stretching is needed. */
  hash: z.string(),
  scopes: z.array(z.enum(SCOPES)).min(1),
  /** Browser origins the key may come from; empty: any, or none. */
  origins: z.array(z.string()),
  createdAt: z.iso.datetime(),
});
const fileSchema = z.object({ keys: z.array(storedKeySchema) });
export type StoredKey = z.infer<typeof storedKeySchema>;

/** Who a request comes from. */
export type Principal = { keyId: string; scopes: readonly Scope[]; origins: readonly string[] };

/** Access keys, hashed, in `keys.json` (mode 0600). Every process re-reads the file when it changes. */
export class KeyStore {
  readonly #path: string;
  readonly #adminToken: string | null;
  #keys: StoredKey[] = [];
  #readAtMtimeMs = -1;

  constructor(options: { path: string; adminToken: string | null }) {
    this.#path = options.path;
    this.#adminToken = options.adminToken;
  }

  async list(): Promise<StoredKey[]> {
    await this.#refresh();
    return this.#keys;
  }

  /** Makes a key; the text is shown this once and never stored. */
  async create(request: {
    name: string;
    scopes: readonly Scope[];
    origins: readonly string[];
  }): Promise<{ text: string; key: StoredKey }> {
    await this.#refresh();
    const id = randomBytes(6).toString('hex');
    const text = `nk_${id}_${randomBytes(24).toString('base64url')}`;
    const key: StoredKey = {
      id,
      name: request.name,
      hash: hashOf(text).toString('hex'),
      scopes: [...request.scopes],
      origins: [...request.origins],
      createdAt: new Date().toISOString(),
    };
    await this.#write([...this.#keys, key]);
    return { text, key };
  }

  /** False when there was no such key. */
  async revoke(id: string): Promise<boolean> {
    await this.#refresh();
    const kept = this.#keys.filter((key) => key.id !== id);
    if (kept.length === this.#keys.length) return false;
    await this.#write(kept);
    return true;
  }

  /** The key's owner, or null. */
  async check(text: string): Promise<Principal | null> {
    const hash = hashOf(text);
    if (this.#adminToken !== null && timingSafeEqual(hash, hashOf(this.#adminToken))) {
      return { keyId: 'admin-token', scopes: ['admin'], origins: [] };
    }
    await this.#refresh();
    const key = this.#keys.find((candidate) => timingSafeEqual(Buffer.from(candidate.hash, 'hex'), hash));
    return key === undefined ? null : { keyId: key.id, scopes: key.scopes, origins: key.origins };
  }

  async #refresh(): Promise<void> {
    const mtimeMs = await stat(this.#path).then(
      (file) => file.mtimeMs,
      () => 0,
    );
    if (mtimeMs === this.#readAtMtimeMs) return;
    this.#keys = mtimeMs === 0 ? [] : fileSchema.parse(JSON.parse(await readFile(this.#path, 'utf8'))).keys;
    this.#readAtMtimeMs = mtimeMs;
  }

  async #write(keys: StoredKey[]): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    const temporary = `${this.#path}.${process.pid}.tmp`;
    await writeFile(temporary, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600, flush: true });
    await rename(temporary, this.#path);
    this.#readAtMtimeMs = -1;
    await this.#refresh();
  }
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
