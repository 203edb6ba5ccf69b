import { type ChildProcess, fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';

// Lifecycle: fork in a session of its own, as services have → one message in, one out → further questions → stop().

/** One process of the play: takes its order, answers it, takes questions. */
export type PlayProcess<Reply> = {
  reply: Reply;
  ask<Answer>(question: string): Promise<Answer>;
  stop(): Promise<void>;
};

/** Starts `script` and gives it its order. `first`: measures others, so it goes before them where that is allowed. */
export async function startProcess<Order extends object, Reply>(
  script: URL,
  order: Order,
  options: { first: boolean },
): Promise<PlayProcess<Reply>> {
  const child = fork(script, { execArgv: ['--import', 'tsx'], detached: true });
  if (options.first) await goFirst(child.pid ?? 0);
  const reply = await exchange<Reply>(child, order);
  return {
    reply,
    ask: (question) => exchange(child, question),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      await ended;
    },
  };
}

function exchange<Answer>(child: ChildProcess, message: object | string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error(`${child.spawnfile} ended`));
    child.once('exit', ended);
    child.once('message', (answer) => {
      child.off('exit', ended);
      resolve(answer as Answer);
    });
    child.send(message);
  });
}

const FIRST_NICENESS = -10;

/** Niceness counts within a session; the kernel may weigh sessions too, by a niceness of their own. */
async function goFirst(pid: number): Promise<void> {
  try {
    setPriority(pid, FIRST_NICENESS);
    await writeFile(`/proc/${pid}/autogroup`, String(FIRST_NICENESS));
  } catch {
    // Not allowed, or a kernel without autogroups: the same for every variant.
  }
}
