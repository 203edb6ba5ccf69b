import { ASSET_OPERATIONS } from './asset-operations.ts';
import type { Operation } from './operation.ts';
import { PLAYBACK_OPERATIONS } from './playback-operations.ts';
import { POLICY_EFFECTS_OPERATION } from './policy-effects-operation.ts';
import { POLICY_OPERATIONS } from './policy-operations.ts';
import { POLICY_WRITE_OPERATIONS } from './policy-write-operations.ts';
import { PROMOTION_OPERATIONS } from './promotion-operations.ts';
import { SERVICE_OPERATIONS } from './service-operations.ts';
import { TELEMETRY_OPERATIONS } from './telemetry-operations.ts';
import { UPLOAD_OPERATIONS } from './upload-operations.ts';

/** Everything that can be asked over HTTP. */
export const OPERATIONS: readonly Operation[] = [
  ...UPLOAD_OPERATIONS,
  ...ASSET_OPERATIONS,
  ...PLAYBACK_OPERATIONS,
  ...TELEMETRY_OPERATIONS,
  ...POLICY_OPERATIONS,
  ...POLICY_WRITE_OPERATIONS,
  ...PROMOTION_OPERATIONS,
  POLICY_EFFECTS_OPERATION,
  ...SERVICE_OPERATIONS,
];
