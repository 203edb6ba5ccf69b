/** Runs `work` now and `everyMs` after each run's end, never twice at once. Returns what ends it. */
export function repeatEvery(everyMs: number, work: () => Promise<void>, onError: (error: unknown) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const turn = async (): Promise<void> => {
    await work().catch((error: unknown) => {
      if (!stopped) onError(error);
    });
    if (!stopped) timer = setTimeout(() => void turn(), everyMs);
  };
  void turn();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
