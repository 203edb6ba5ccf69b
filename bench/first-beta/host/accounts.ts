import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** Log-in as a careful small application has it: scrypt at its usual cost, then a random token. */
export type Accounts = {
  logIn(name: string, password: string): Promise<string | null>;
  /** The name behind a token. */
  nameOf(token: string | undefined): string | null;
};

const derive = promisify<string, Buffer, number, Buffer>(scrypt);
const KEY_BYTES = 32;

/** Accounts of these people, who all chose the same password. */
export async function createAccounts(names: readonly string[], password: string): Promise<Accounts> {
  const salt = randomBytes(16);
  const stored = await derive(password, salt, KEY_BYTES);
  const sessions = new Map<string, string>();
  return {
    async logIn(name, attempt) {
      const matches = timingSafeEqual(await derive(attempt, salt, KEY_BYTES), stored);
      if (!matches || !names.includes(name)) return null;
      const token = randomBytes(16).toString('hex');
      sessions.set(token, name);
      return token;
    },
    nameOf: (token) => (token === undefined ? null : (sessions.get(token) ?? null)),
  };
}
