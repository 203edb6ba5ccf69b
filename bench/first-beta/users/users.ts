// The people, as a process of its own, so that nothing else delays their clocks. Started by fork with the crowd as its one
// message; answers `ready` when all are logged in, and to `stop` with everything they saw.
import { setMaxListeners } from 'node:events';
import type { Sample } from '../samples.ts';
import { beUser, type Crowd } from './user.ts';

const samples: Sample[] = [];
const leaving = new AbortController();
// Everybody listens, for everything they do.
setMaxListeners(0, leaving.signal);

process.once('message', async (crowd: Crowd) => {
  const here = crowd.names.map((name) => beUser(crowd, name, leaving.signal, (sample) => samples.push(sample)));
  process.on('message', async () => {
    leaving.abort();
    await Promise.all(here);
    process.send?.({ samples });
  });
  process.send?.({ ready: true });
});
process.once('disconnect', () => process.exit(0));
