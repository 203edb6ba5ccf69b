import { Router } from 'express';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { UploadMeter } from '../upload-meter.ts';
import { answerAsTus, requireTus } from '../uploads/tus-protocol.ts';
import { createTusHandler, type TusPorts } from '../uploads/tus-server.ts';

export type UploadPorts = TusPorts & { checkKey: CheckKey };

const PATH = '/v1/uploads';

/**
 * tus 1.0 at `/v1/uploads`, streamed to disk. Raw uploads can never be read back: GET is not routed. An upload id is a
 * secret capability and differs from the asset id.
 */
export function uploadRoutes(ports: UploadPorts): Router {
  const handle = createTusHandler(PATH, ports, new UploadMeter());
  const guarded = [requireScope(ports.checkKey, 'upload'), requireTus, handle];
  const router = Router();
  router.use(PATH, answerAsTus);
  router.options([PATH, `${PATH}/*rest`], handle);
  router.post(PATH, guarded);
  router.head(`${PATH}/*rest`, guarded);
  router.patch(`${PATH}/*rest`, guarded);
  router.delete(`${PATH}/*rest`, guarded);
  return router;
}
