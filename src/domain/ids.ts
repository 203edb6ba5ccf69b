import { z } from 'zod';

/** An asset's public id. The server mints `a_` + 22 url-safe characters; externally encoded assets bring their own. */
export const assetIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
  error: 'expected 1 to 64 characters of A-Z a-z 0-9 . _ -, starting with a letter or digit',
});

/** One player instance, minted by the client (CMCD `sid`). */
export const sessionIdSchema = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, {
  error: 'expected 1 to 64 characters of A-Z a-z 0-9 . _ -',
});

/** One session playing one asset: `v_` + 22 url-safe characters, derived by the server. */
export const viewIdSchema = z
  .string()
  .regex(/^v_[A-Za-z0-9_-]{22}$/, { error: 'expected v_ + 22 url-safe characters' });

/** Immutable per bytes, unique within its asset. */
export const renditionIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
  error: 'expected 1 to 64 characters of A-Z a-z 0-9 . _ -, starting with a letter or digit',
});

/** A ladder family's stable slug. */
export const armIdSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,47}$/, {
  error: 'expected a slug of 1 to 48 characters of a-z 0-9 -',
});

/** A number that only rises: config version, allocation version, revision. */
export const versionSchema = z.int().min(0);

/** Whoever uploads: an opaque name of the host platform. */
export const ownerSchema = z.string().min(1).max(128);
