// Any player that plays through Media Source Extensions: hls.js, shaka-player, dash.js.

/** What goes on a manifest's address after `?sid=…`: `&decodes=av1` where this device plays AV1 smoothly, else nothing. Never throws. */
export async function askWhatDecodes() {
  const largest = {
    contentType: 'video/mp4; codecs="av01.0.09M.08"',
    width: 1920,
    height: 1080,
    bitrate: 5e6,
    framerate: 60,
  };
  const question = { type: 'media-source', video: largest };
  const answer = await navigator.mediaCapabilities?.decodingInfo(question).catch(() => null);
  return answer?.smooth ? '&decodes=av1' : '';
}
