import { type Request, Router } from 'express';
import type { Context } from '../../domain/index.ts';
import { type CheckKey, mayDo, requireScope } from '../authenticate.ts';
import { answerAsTus, requireTus } from '../uploads/tus-protocol.ts';
import { createTusHandler, type TusPorts } from '../uploads/tus-server.ts';
import type { Uploader } from '../uploads/uploader.ts';

export type UploadPorts = TusPorts & {
  checkKey: CheckKey;
  /** What a request shows of its sender. */
  observe(request: Request): { context: Context; block: string };
};

const PATH = '/v1/uploads';

/**
 * tus 1.0 at `/v1/uploads`, streamed to disk. Raw uploads can never be read back: GET is not routed. An upload id is a
 * secret capability and differs from the asset id.
 */
export function uploadRoutes(ports: UploadPorts): Router {
  const handle = createTusHandler(PATH, ports, (request, response): Uploader => {
    const trusted = mayDo(response.locals.principal ?? null, 'decide');
    const { context, block } = ports.observe(request);
    // A server's block is not its uploader's.
    return { context, block: trusted ? '' : block, trusted };
  });
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
