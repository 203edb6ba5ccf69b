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

/**
 * Two clips that need about as many bits as ordinary footage, and show it when they get fewer: fine edges that move, soft
 * areas, a little grain.
 */
const RECIPES: readonly Recipe[] = [
  {
    name: 'fractal',
    title: 'a zoom into a fractal',
    video:
      `mandelbrot=size=640x360:rate=${FPS}:maxiter=120:start_scale=1.2:end_scale=0.2:end_pts=${FRAMES},` +
      'scale=1280:720:flags=bicubic,gblur=1.2,noise=alls=2:allf=t',
    audio: 'sine=frequency=220:sample_rate=48000,tremolo=f=3:d=0.6,volume=0.4',
  },
  {
    name: 'growth',
    title: 'cells that live and die',
    video:
      'life=size=96x54:rate=3:ratio=0.2:random_seed=7:mold=20:death_color=#205090:life_color=#ffe0a0:mold_color=#103050,' +
      `fps=${FPS},tmix=frames=16,scale=1280:720:flags=bicubic,hue=H=0.1*t,noise=alls=2:allf=t`,
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
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '16', '-pix_fmt', 'yuv420p'];
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
