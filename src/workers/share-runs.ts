/**
 * Runs of one name at a time: whoever asks while one is running gets that one's result. A job whose lock was lost with Redis
 * may be handed out again while it is still running in this very process.
 */
export function shareRuns(): <T>(name: string, run: () => Promise<T>) => Promise<T> {
  const running = new Map<string, Promise<unknown>>();
  return <T>(name: string, run: () => Promise<T>): Promise<T> => {
    const current = running.get(name) as Promise<T> | undefined;
    if (current !== undefined) return current;
    const started = run().finally(() => running.delete(name));
    running.set(name, started);
    return started;
  };
}
