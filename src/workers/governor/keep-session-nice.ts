import { readFile, writeFile } from 'node:fs/promises';

/**
 * Gives the sessions of children the niceness they should have. The launcher has tried that first; the kernel lets those who
 * are not root do it only ten times a second; call now and then.
 */
export async function keepSessionNice(children: readonly { pid: number; sessionNiceness: number }[]): Promise<void> {
  await Promise.all(
    children.map(async ({ pid, sessionNiceness }) => {
      const path = `/proc/${pid}/autogroup`;
      try {
        if ((await readFile(path, 'utf8')).trim().endsWith(`nice ${sessionNiceness}`)) return;
        // Before it has its own, this would be the worker's session.
        if (sessionOf(await readFile(`/proc/${pid}/stat`, 'utf8')) === pid) await writeFile(path, `${sessionNiceness}`);
      } catch {
        // No such thing here, or denied once more, or the child has ended.
      }
    }),
  );
}

/** Sixth field of /proc/PID/stat. */
function sessionOf(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
}
