#!/usr/bin/env node
// The `nara` command: src/main.ts in this very process, so that signals and the exit code need no passing on.
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

const main = new URL('../src/main.ts', import.meta.url);
register();
process.argv[1] = fileURLToPath(main);
await import(main.href);
