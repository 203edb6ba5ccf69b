// Lifecycle: constructed → check() and signer() look into memory, and at most once a second at the file's inode → a changed
// file is read again. A file that cannot be read leaves the last good keys in force and is reported once.
import { hash, randomBytes } from 'node:crypto';
import { type KeyFileError, keyFileMark, readKeyFile, type Scope, type StoredKey, writeKeyFile } from './key-file.ts';

export { SCOPES, type Scope, type StoredKey } from './key-file.ts';

/** May be used from the page's own origin, whatever host and port that is. */
export const OWN_ORIGIN = 'self';

/** How long a key that was revoked by another process may still be taken. */
const LOOK_EVERY_MS = 1_000;

/** Who a request comes from. */
export type Principal = { keyId: string; scopes: readonly Scope[]; origins: readonly string[] };

export type NewKey = { name: string; scopes: readonly Scope[]; origins: readonly string[] };

/** Access keys, hashed, in `keys.json`. Every process reads the file again within a second of its changing. */
export class KeyStore {
  readonly #path: string;
  readonly #nowMs: () => number;
  readonly #onUnreadable: (error: KeyFileError) => void;
  readonly #adminHash: string | null;
  #byHash: ReadonlyMap<string, Principal> = new Map();
  #signers: ReadonlyMap<string, Principal> = new Map();
  #mark: string | null = null;
  #isReported = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: {
    path: string;
    adminToken: string | null;
    /** Rises steadily. */
    nowMs(): number;
    onUnreadable?(error: KeyFileError): void;
  }) {
    this.#path = options.path;
    this.#nowMs = options.nowMs;
    this.#onUnreadable = options.onUnreadable ?? (() => {});
    this.#adminHash = options.adminToken === null ? null : hashOf(options.adminToken);
  }

  /** As the file has them now. Throws KeyFileError. */
  list(): StoredKey[] {
    return readKeyFile(this.#path);
  }

  /** Makes a key; the text is shown this once and never stored. Throws KeyFileError. */
  async create(request: NewKey): Promise<{ text: string; key: StoredKey }> {
    const id = mintId();
    const text = `nk_${id}_${randomBytes(24).toString('base64url')}`;
    return { text, key: await this.#add({ ...request, id, hash: hashOf(text), signed: false }) };
  }

  /** Makes a key whose requests are signed. Nothing secret is stored: the secret follows from the id. Throws KeyFileError. */
  async createSigned(request: NewKey): Promise<StoredKey> {
    return this.#add({ ...request, id: mintId(), hash: '', signed: true });
  }

  /** False when there was no such key. Throws KeyFileError. */
  async revoke(id: string): Promise<boolean> {
    const keys = this.list();
    const kept = keys.filter((key) => key.id !== id);
    if (kept.length === keys.length) return false;
    await this.#write(kept);
    return true;
  }

  /** The key's owner, or null. The key is compared by its hash alone, so that the time taken tells nothing about it. */
  check(text: string): Principal | null {
    this.#look();
    const hashed = hashOf(text);
    if (hashed === this.#adminHash) return ADMIN;
    return this.#byHash.get(hashed) ?? null;
  }

  /** The owner of a key whose requests are signed, or null. */
  signer(keyId: string): Principal | null {
    this.#look();
    return this.#signers.get(keyId) ?? null;
  }

  async #add(key: Omit<StoredKey, 'scopes' | 'origins' | 'createdAt'> & NewKey): Promise<StoredKey> {
    const stored: StoredKey = {
      ...key,
      scopes: [...key.scopes],
      origins: [...key.origins],
      createdAt: new Date().toISOString(),
    };
    await this.#write([...this.list(), stored]);
    return stored;
  }

  async #write(keys: readonly StoredKey[]): Promise<void> {
    await writeKeyFile(this.#path, keys);
    this.#lookedAtMs = Number.NEGATIVE_INFINITY;
  }

  #look(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return;
    this.#lookedAtMs = nowMs;
    try {
      const mark = keyFileMark(this.#path);
      if (mark === this.#mark) return;
      const keys = readKeyFile(this.#path);
      const owners = (signed: boolean) => keys.filter((key) => key.signed === signed);
      this.#byHash = new Map(owners(false).map((key) => [key.hash, ownerOf(key)]));
      this.#signers = new Map(owners(true).map((key) => [key.id, ownerOf(key)]));
      this.#mark = mark;
      this.#isReported = false;
    } catch (error) {
      if (!this.#isReported) this.#onUnreadable(error as KeyFileError);
      this.#isReported = true;
    }
  }
}

const ADMIN: Principal = { keyId: 'admin-token', scopes: ['admin'], origins: [] };

const mintId = (): string => randomBytes(6).toString('hex');

function ownerOf({ id, scopes, origins }: StoredKey): Principal {
  return { keyId: id, scopes, origins };
}

function hashOf(text: string): string {
  return hash('sha256', text, 'hex');
}
