import type { z } from 'zod';
import {
  armAllocationSchema,
  armFeaturesSchema,
  armSchema,
  assetErrorSchema,
  assetSchema,
  audienceSchema,
  contextAllocationSchema,
  contextSchema,
  decisionRequestSchema,
  eligibleArmSchema,
  eventSchema,
  externalAssetSchema,
  ladderRungSchema,
  offeredRungSchema,
  qualitySchema,
  renditionSchema,
  rewardWeightsSchema,
  sourceSchema,
} from '../../domain/index.ts';
import { issueSchema, problemSchema } from './operation.ts';
import { metricSchema } from './qoe-operation.ts';
import { decidedViewSchema, undecidedSessionSchema } from './telemetry-operations.ts';

/** `view_start` → `ViewStartEvent`. */
const eventName = (type: string): string =>
  `${type.replace(/(?:^|_)([a-z])/g, (_all, letter: string) => letter.toUpperCase())}Event`;

/** Schemas that clients will want to know by name; wherever one of them is used, the document refers to it. */
export const NAMED_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Arm: armSchema,
  ArmAllocation: armAllocationSchema,
  ArmFeatures: armFeaturesSchema,
  Asset: assetSchema,
  AssetError: assetErrorSchema,
  Audience: audienceSchema,
  Context: contextSchema,
  ContextAllocation: contextAllocationSchema,
  DecidedView: decidedViewSchema,
  DecisionRequest: decisionRequestSchema,
  EligibleArm: eligibleArmSchema,
  ExternalAsset: externalAssetSchema,
  Issue: issueSchema,
  LadderRung: ladderRungSchema,
  Metric: metricSchema,
  OfferedRung: offeredRungSchema,
  Problem: problemSchema,
  Quality: qualitySchema,
  Rendition: renditionSchema,
  RewardWeights: rewardWeightsSchema,
  Source: sourceSchema,
  TelemetryEvent: eventSchema,
  UndecidedSession: undecidedSessionSchema,
  ...Object.fromEntries(eventSchema.options.map((option) => [eventName(option.shape.type.value), option])),
};
