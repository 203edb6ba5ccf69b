import { spawn } from 'node:child_process';
import { join } from 'node:path';

export const CLIP_SECONDS = 24;
const FPS = 24;
const FRAMES = CLIP_SECONDS * FPS;

/** ffmpeg is missing or refused; the message carries what it said. */
export class ClipError extends Error {
  readonly code = 'demo.clip';
  override readonly name = 'ClipError';
}

type Recipe = { name: string; title: string; video: string; audio: string };

const ZOOM = `size=640x360:rate=${FPS}:maxiter=80:end_pts=${FRAMES}`;
const FINISH = 'scale=1280:720:flags=bicubic,gblur=1,noise=alls=2:allf=t';

/**
 * A demanding clip and an easy one, within what ordinary footage needs, that look worse when they get fewer bits: fine
 * edges that move, soft areas, a little grain.
 */
const RECIPES: readonly Recipe[] = [
  {
    name: 'fractal-valley',
    title: 'a flight over a fractal (demanding)',
    video: `mandelbrot=${ZOOM}:start_scale=1.3:end_scale=0.9,${FINISH}`,
    audio: 'sine=frequency=220:sample_rate=48000,tremolo=f=3:d=0.6,volume=0.4',
  },
  {
    name: 'fractal-coast',
    title: 'a calm fractal coast (easy)',
    video: `mandelbrot=${ZOOM}:start_x=-0.16:start_y=1.035:start_scale=0.5:end_scale=0.25,hue=h=30*sin(t/3),${FINISH}`,
    audio: 'anoisesrc=color=brown:sample_rate=48000:seed=7,tremolo=f=0.5:d=0.7,volume=0.5',
  },
];

export type Clip = { path: string; title: string };

/** Makes two different clips of `CLIP_SECONDS` in 720p with sound. Throws ClipError. */
export async function makeClips(directory: string, ffmpegPath: string, signal: AbortSignal): Promise<[Clip, Clip]> {
  const [first, second] = await Promise.all(RECIPES.map((recipe) => makeClip(recipe, directory, ffmpegPath, signal)));
  if (!first || !second) throw new ClipError('expected two recipes');
  return [first, second];
}

async function makeClip(recipe: Recipe, directory: string, ffmpegPath: string, signal: AbortSignal): Promise<Clip> {
  const path = join(directory, `${recipe.name}.mp4`);
  const inputs = ['-f', 'lavfi', '-i', recipe.video, '-f', 'lavfi', '-i', recipe.audio];
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '18', '-pix_fmt', 'yuv420p'];
  const audio = ['-c:a', 'aac', '-b:a', '128k', '-ac', '2'];
  const output = ['-t', String(CLIP_SECONDS), '-movflags', '+faststart', path];
  await run(ffmpegPath, ['-nostdin', '-v', 'error', '-y', ...inputs, ...video, ...audio, ...output], signal);
  return { path, title: recipe.title };
}

function run(command: string, args: string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], signal });
    let said = '';
    child.stderr.on('data', (data: Buffer) => {
      said = `${said}${data}`.slice(-2000);
    });
    child.once('error', (cause) => {
      reject(
        signal.aborted ? signal.reason : new ClipError(`${command} could not be run: ${cause.message}`, { cause }),
      );
    });
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new ClipError(`${command} ended with code ${code}: ${said.trim()}`));
    });
  });
}
