import { type Request, Router } from 'express';
import { z } from 'zod';
import { type Context, deviceSchema, regionSchema } from '../../domain/index.ts';
import { adviseUpload, type KnownUplinks, type MeasuredUplink } from '../../policy/upload-advice.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { parseOr400 } from '../problem.ts';

export type UploadAdvicePorts = {
  checkKey: CheckKey;
  observe(request: Request): { context: Context };
  /** What is known of lines like this; never waits long and never fails. */
  knownUplinks(where: Pick<Context, 'region' | 'device'>): Promise<KnownUplinks>;
  /** What an upload that has begun shows of its own line; null before it shows anything. */
  measuredUplink(uploadId: string): Promise<MeasuredUplink | null>;
};

export const adviceQuerySchema = z.object({
  region: regionSchema.optional(),
  device: deviceSchema.optional(),
  uploadId: z.string().min(1).max(256).optional(),
});

/** `GET /v1/uploads/advice`: how to send a file from here, and what is worth sending. */
export function uploadAdviceRoutes(ports: UploadAdvicePorts): Router {
  const router = Router();
  router.get('/v1/uploads/advice', requireScope(ports.checkKey, 'upload'), async (request, response) => {
    const { uploadId, ...stated } = parseOr400(adviceQuerySchema, request.query);
    const { context } = ports.observe(request);
    const [known, measured] = await Promise.all([
      ports.knownUplinks({ region: stated.region ?? context.region, device: stated.device ?? context.device }),
      uploadId === undefined ? null : ports.measuredUplink(uploadId),
    ]);
    const basis = { ...known, measuredKbps: measured === null ? null : Math.round(measured.kbps) };
    // A place changes with seasons, an upload with every byte of it.
    const kept = uploadId === undefined ? 'private, max-age=60' : 'no-store';
    response.set('Cache-Control', kept).json({ ...adviseUpload(known, measured), basis });
  });
  return router;
}
