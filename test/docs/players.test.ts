import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const page = await readFile(`${DOCS}players.md`, 'utf8');
const blocks = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);

test.each(['hls-js.js', 'shaka-player.js', 'dash-js.js', 'decodes.js'])(
  'what docs/players.md shows of %s is what is tested',
  async (file) => {
    expect(blocks).toContain(await readFile(`${DOCS}players/${file}`, 'utf8'));
  },
);

test('every configuration that players may be given is linked', async () => {
  for (const file of await readdir(`${DOCS}players`)) expect(page).toContain(`](players/${file})`);
});
