/** Whether every rung that a multivariant playlist offers has a playlist, and all of its files are there. */
export async function playsFrom(masterUrl: string): Promise<boolean> {
  const master = await fetch(masterUrl);
  if (!master.ok) return false;
  const rungs = linesOf(await master.text()).map((path) => new URL(path, master.url));
  for (const rung of rungs) {
    const playlist = await fetch(rung);
    if (!playlist.ok) return false;
    const text = await playlist.text();
    const segments = linesOf(text).map((path) => new URL(path, rung));
    if (segments.length === 0 || !text.includes('#EXT-X-ENDLIST')) return false;
    for (const segment of segments) {
      const answer = await fetch(segment, { method: 'HEAD' });
      if (!answer.ok || answer.headers.get('content-length') === '0') return false;
    }
  }
  return rungs.length > 0;
}

const linesOf = (playlist: string): string[] =>
  playlist.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
