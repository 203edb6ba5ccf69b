import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { renderDashboards } from './render.ts';

// Run by `npm run dashboards`: writes generated/*.json, which is committed.
const directory = fileURLToPath(new URL('./generated/', import.meta.url));
await mkdir(directory, { recursive: true });
for (const [name, json] of Object.entries(renderDashboards())) await writeFile(`${directory}${name}`, json);
