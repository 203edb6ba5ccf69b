import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RENDITION_BYTES_PER_SOURCE_BYTE } from '../../media/disk-room.ts';
import { Problem } from '../problem.ts';
import { readDeclaredBytes } from './upload-files.ts';

// Lifecycle: made once; the first question reads which unfinished uploads an earlier process, or one beside it, has promised room to,
// and so does one a minute afterwards. Questions are answered one after the other, so that two cannot get the same room.

export type DiskBudgetOptions = {
  /** Where uploads are. */
  directory: string;
  /** Bytes that uploads leave free, whatever is declared. */
  reserveBytes: number;
  /** Bytes free on the file system. */
  freeBytes(): Promise<number>;
  /** A clock that never jumps. */
  monotonicMs(): number;
};

const REREAD_EVERY_MS = 60_000;
/** While bytes arrive, the disk is looked at this often: less than a fast line writes of the reserve in that time. */
const LOOK_EVERY_MS = 500;
/** What was promised may be received well into the reserve, which is for things that nobody promised. */
const HARD_SHARE_OF_RESERVE = 0.5;
/** Room is made by people, or by abandoned uploads that expire. */
const RETRY_AFTER_SECONDS = 600;

/** Refuses uploads that would not fit, before their first byte: declared, received and to be encoded. */
export class DiskBudget {
  readonly #options: DiskBudgetOptions;
  /** Declared bytes of uploads that are not whole. */
  readonly #promised = new Map<string, number>();
  readonly #whole = new Set<string>();
  #readAtMs = Number.NEGATIVE_INFINITY;
  #turn: Promise<unknown> = Promise.resolve();
  #looked: { atMs: number; freeBytes: Promise<number> } | null = null;

  constructor(options: DiskBudgetOptions) {
    this.#options = options;
  }

  /** Promises room to an upload; throws 507 when there is none. */
  async promise(uploadId: string, declaredBytes: number): Promise<void> {
    const answer = this.#turn.then(() => this.#promiseNow(uploadId, declaredBytes));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  /** The upload is whole, or gone. */
  settle(uploadId: string): void {
    if (this.#promised.delete(uploadId)) this.#whole.add(uploadId);
  }

  /** Throws 507 when so little is left that not even promised bytes may be written any more. Cheap enough for every read. */
  async requireRoom(): Promise<void> {
    const nowMs = this.#options.monotonicMs();
    if (this.#looked === null || nowMs - this.#looked.atMs >= LOOK_EVERY_MS) {
      this.#looked = { atMs: nowMs, freeBytes: this.#options.freeBytes() };
    }
    const freeBytes = await this.#looked.freeBytes;
    if (freeBytes < this.#options.reserveBytes * HARD_SHARE_OF_RESERVE) throw diskFull(freeBytes);
  }

  async #promiseNow(uploadId: string, declaredBytes: number): Promise<void> {
    await this.#reread();
    const [freeBytes, promisedBytes] = await Promise.all([this.#options.freeBytes(), this.#outstandingBytes(uploadId)]);
    const neededBytes = declaredBytes * (1 + RENDITION_BYTES_PER_SOURCE_BYTE);
    const roomBytes = freeBytes - this.#options.reserveBytes - promisedBytes;
    if (neededBytes > roomBytes) throw noRoom({ declaredBytes, roomBytes, promisedBytes });
    this.#promised.set(uploadId, declaredBytes);
  }

  /** What others were promised and have not written yet, with what encoding will add. */
  async #outstandingBytes(uploadId: string): Promise<number> {
    const others = [...this.#promised].filter(([id]) => id !== uploadId);
    const bytes = await Promise.all(
      others.map(async ([id, declaredBytes]) => {
        const file = await stat(join(this.#options.directory, id)).catch(() => null);
        return Math.max(0, declaredBytes - (file?.size ?? 0)) + declaredBytes * RENDITION_BYTES_PER_SOURCE_BYTE;
      }),
    );
    return bytes.reduce((sum, each) => sum + each, 0);
  }

  async #reread(): Promise<void> {
    const { directory, monotonicMs } = this.#options;
    if (monotonicMs() - this.#readAtMs < REREAD_EVERY_MS) return;
    this.#readAtMs = monotonicMs();
    const names = new Set(await readdir(directory).catch(() => []));
    for (const id of [...this.#promised.keys(), ...this.#whole]) if (!names.has(`${id}.json`)) this.#forget(id);
    for (const name of names) {
      const id = name.replace(/\.json$/, '');
      if (id === name || this.#whole.has(id) || this.#promised.has(id)) continue;
      const declaredBytes = readDeclaredBytes(await readFile(join(directory, name), 'utf8').catch(() => ''));
      const file = await stat(join(directory, id)).catch(() => null);
      if (declaredBytes === null || file === null || file.size >= declaredBytes) this.#whole.add(id);
      else this.#promised.set(id, declaredBytes);
    }
  }

  #forget(id: string): void {
    this.#promised.delete(id);
    this.#whole.delete(id);
  }
}

type Room = { declaredBytes: number; roomBytes: number; promisedBytes: number };

function noRoom({ declaredBytes, roomBytes, promisedBytes }: Room): Problem {
  const largestBytes = Math.max(0, Math.floor(roomBytes / (1 + RENDITION_BYTES_PER_SOURCE_BYTE)));
  const others = promisedBytes > 0 ? ` besides what other unfinished uploads were promised` : '';
  return new Problem(
    507,
    'upload.no-room',
    `The server has no room for this video and its renditions${others}. Send at most ${inWords(largestBytes)}, or ask the operator to make room.`,
    {
      errors: [{ path: 'Upload-Length', expected: `at most ${largestBytes} bytes`, received: String(declaredBytes) }],
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    },
  );
}

/** The disk is as good as full: nothing more is written, what is there stays and can be resumed. */
export function diskFull(freeBytes: number | null): Problem {
  const left = freeBytes === null ? 'nothing' : inWords(freeBytes);
  return new Problem(
    507,
    'upload.disk-full',
    `The server’s disk is nearly full (${left} left). What was received is kept: resume later, or ask the operator to make room.`,
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}

function inWords(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.floor(bytes / 1e6)} MB`;
}
