import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderDashboards } from './render.ts';

// Run by `npm run dashboards`: writes what is generated, which is committed.
for (const [name, text] of Object.entries(renderDashboards())) {
  const path = fileURLToPath(new URL(name, import.meta.url));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
