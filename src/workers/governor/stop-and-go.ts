import type { PacedChild } from '../../media/pacer.ts';
import type { JobClass } from '../../media/plan/ffmpeg-job.ts';

// Lifecycle: `add` a child → while some duty is below 1, a timer stops and continues all children of a class together →
// `remove` continues what is stopped. Nothing ticks while all may run. A child that this process leaves behind stopped is
// killed by the kernel (the launcher's pdeathsig), which a stopped process cannot put off.

/** Stops and continues children so that each runs for its class' share of the time. */
export type StopAndGo = {
  add(child: PacedChild, jobClass: JobClass): { pausedMs(): number; remove(): void };
  /** Share of its time, 0..1, that a class may run, from now on. */
  setDuties(dutyOf: (jobClass: JobClass) => number): void;
  stop(): void;
};

/** Short against what people notice, long against what a stop costs. */
const TICK_MS = 50;
const CLASSES: readonly JobClass[] = ['fast-lane', 'encode', 'background'];

type Member = { child: PacedChild; jobClass: JobClass; stoppedAtMs: number | null; pausedMs: number };

/** `nowMs` never goes back. */
export function createStopAndGo(nowMs: () => number = () => performance.now()): StopAndGo {
  const members = new Set<Member>();
  let timer: NodeJS.Timeout | undefined;
  let duties: Record<JobClass, number> = { 'fast-lane': 1, encode: 1, background: 1 };
  /** Running time that a class has earned and not had, in ticks. */
  const credit: Record<JobClass, number> = { 'fast-lane': 0, encode: 0, background: 0 };
  let going: Record<JobClass, boolean> = { 'fast-lane': true, encode: true, background: true };

  function go(member: Member): void {
    if (member.stoppedAtMs === null) return;
    member.pausedMs += nowMs() - member.stoppedAtMs;
    member.stoppedAtMs = null;
    member.child.kill('SIGCONT');
  }

  function halt(member: Member): void {
    if (member.stoppedAtMs === null && member.child.kill('SIGSTOP')) member.stoppedAtMs = nowMs();
  }

  function tick(): void {
    for (const jobClass of CLASSES) {
      credit[jobClass] += duties[jobClass];
      going[jobClass] = credit[jobClass] >= 1 - 1e-9;
      if (going[jobClass]) credit[jobClass] -= 1;
    }
    for (const member of members) (going[member.jobClass] ? go : halt)(member);
  }

  function keepTicking(): void {
    const needed = [...members].some(({ jobClass }) => duties[jobClass] < 1);
    if (needed) timer ??= setInterval(tick, TICK_MS);
    else rest();
  }

  function rest(): void {
    clearInterval(timer);
    timer = undefined;
    going = { 'fast-lane': true, encode: true, background: true };
    for (const member of members) go(member);
  }

  return {
    add(child, jobClass) {
      const member: Member = { child, jobClass, stoppedAtMs: null, pausedMs: 0 };
      members.add(member);
      if (!going[jobClass]) halt(member);
      keepTicking();
      return {
        pausedMs: () => member.pausedMs + (member.stoppedAtMs === null ? 0 : nowMs() - member.stoppedAtMs),
        remove() {
          members.delete(member);
          go(member);
          keepTicking();
        },
      };
    },
    setDuties(dutyOf) {
      duties = { 'fast-lane': dutyOf('fast-lane'), encode: dutyOf('encode'), background: dutyOf('background') };
      keepTicking();
    },
    stop() {
      rest();
    },
  };
}
