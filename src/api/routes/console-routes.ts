import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Router } from 'express';

const web = (name: string): string => fileURLToPath(new URL(`../../web/${name}`, import.meta.url));
const require = createRequire(import.meta.url);

const KEY_PLACEHOLDER = '{{BROWSER_KEY}}';

/**
 * One page at `/`: upload, watch it become playable, play it. `browserKey` is written into it, which is only done on a
 * loopback bind; elsewhere the page asks for a key.
 */
export function consoleRoutes(browserKey: string | null): Router {
  const page = readFileSync(web('index.html'), 'utf8').replace(KEY_PLACEHOLDER, browserKey ?? '');
  const files = {
    '/console/page.js': web('page.js'),
    '/console/hls.js': require.resolve('hls.js/dist/hls.min.js'),
    '/console/tus.js': require.resolve('tus-js-client/dist/tus.min.js'),
  };
  const router = Router();
  router.get('/', (_request, response) => {
    response.setHeader('Cache-Control', 'no-store').type('html').send(page);
  });
  for (const [route, path] of Object.entries(files)) {
    router.get(route, (_request, response) => {
      response.sendFile(path, { dotfiles: 'allow' });
    });
  }
  return router;
}
