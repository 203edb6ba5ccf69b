import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import fluentFfmpeg from 'fluent-ffmpeg';
import type { Logger } from 'pino';
import { LAUNCHER, stderrTail } from './ffmpeg-child.ts';
import { FfmpegError, type FfmpegErrorCode } from './ffmpeg-error.ts';
import { type Admission, LIGHT_LOAD, type PacedChild, type Pacer, unpaced } from './pacer.ts';
import { type FfmpegJob, type JobLoad, PIPE } from './plan/ffmpeg-job.ts';
import type { FfmpegCapabilities } from './plan/normalise-graph.ts';
import { runFfprobe } from './run-ffprobe.ts';

// Lifecycle: nothing runs until `run`, `probe` or `warmUp`; every child waits for the pacer's leave, is niced, dies with this
// process and is killed when its signal aborts or its running time is up. `warmUp` once at start: fluent-ffmpeg's first call asks ffmpeg what it can do.

type RunOptions = {
  signal: AbortSignal;
  /** Relative paths of the job are in here; folders of its outputs are made. */
  directory: string;
  /** Seconds of media written so far, about twice a second. */
  onProgress?: (seconds: number) => void;
  /** Resolves when nobody waits for this job any more, though it goes on. */
  served?: Promise<void>;
  /** What an input named `PIPE` reads. */
  stdin?: Readable;
};

/** The one way to ffmpeg: jobs are data, children are confined. */
export type Ffmpeg = {
  /** Resolves when ffmpeg succeeded; throws `FfmpegError` otherwise. */
  run(job: FfmpegJob, options: RunOptions): Promise<void>;
  /** ffprobe's JSON for an untrusted file, `args` before it; throws `FfmpegError` with what it said. */
  probe(path: string, args: readonly string[], signal: AbortSignal): Promise<{ json: unknown; stderr: string }>;
  /** What this ffmpeg can do; asked once. */
  warmUp(): Promise<FfmpegCapabilities>;
};

// The module is the class; its types say otherwise.
const FfmpegCommand = fluentFfmpeg as unknown as typeof fluentFfmpeg.FfmpegCommand;
type SpawnFfmpeg = (args: string[], ...rest: unknown[]) => void;
const inherited = FfmpegCommand.prototype as unknown as { _spawnFfmpeg: SpawnFfmpeg };

/** fluent-ffmpeg knows one executable per process: that is the launcher, and the real one becomes its first argument. */
class ConfinedCommand extends FfmpegCommand {
  readonly #launch: readonly string[];
  /** There from `start` to the end. */
  declare readonly ffmpegProc: PacedChild | undefined;

  constructor(launch: readonly string[], cwd?: string) {
    super(cwd === undefined ? {} : { cwd });
    this.#launch = launch;
    this.setFfmpegPath(LAUNCHER);
  }

  _spawnFfmpeg(args: string[], ...rest: unknown[]): void {
    inherited._spawnFfmpeg.call(this, [...this.#launch, ...args], ...rest);
  }
}

type FfmpegConfig = { ffmpegPath: string; ffprobePath: string; log: Logger; pacer?: Pacer };

const ADDRESS_SPACE_KIB = 6 * 1024 ** 2;

/** Jobs and probes through the executables given; without a pacer, jobs run when they are asked for. */
export function createFfmpeg(config: FfmpegConfig): Ffmpeg {
  let capabilities: Promise<FfmpegCapabilities> | undefined;
  return {
    run: (job, options) => runWhenAdmitted(config, job, options),
    probe: (path, args, signal) => runFfprobe(config.ffprobePath, path, args, signal),
    warmUp() {
      capabilities ??= readCapabilities(config.ffmpegPath).catch((error: unknown) => {
        capabilities = undefined;
        throw error;
      });
      return capabilities;
    },
  };
}

async function runWhenAdmitted(config: FfmpegConfig, job: FfmpegJob, options: RunOptions): Promise<void> {
  await Promise.all(job.outputs.map(({ path }) => mkdir(dirname(join(options.directory, path)), { recursive: true })));
  const { jobClass = 'encode', load = LIGHT_LOAD } = job;
  const admission = await (config.pacer ?? unpaced())
    .admit({ jobClass, load }, options.signal)
    .catch((cause: unknown) => {
      throw options.signal.aborted ? new FfmpegError('aborted', job.name, '', { cause }) : cause;
    });
  try {
    if (options.signal.aborted) throw new FfmpegError('aborted', job.name, '');
    const launch = [...niceties(admission), ...memoryLimit(load), config.ffmpegPath];
    const command = new ConfinedCommand(launch, options.directory);
    describe(command, job, admission.threads, options.stdin);
    await run(command, job, options, admission, config.log);
  } finally {
    admission.ended();
  }
}

async function run(
  command: ConfinedCommand,
  job: FfmpegJob,
  options: RunOptions,
  admission: Admission,
  log: Logger,
): Promise<void> {
  const startedMs = performance.now();
  const outcome = await new Promise<{ error?: unknown; code: FfmpegErrorCode; stderr: string }>((resolve) => {
    let code: FfmpegErrorCode = 'exit';
    const stop = (reason: FfmpegErrorCode): void => {
      code = reason;
      command.kill('SIGKILL');
    };
    const onAbort = (): void => stop('aborted');
    const cancelLimit = afterRunning(job.timeLimitSeconds * 1000, admission.pausedMs, () => stop('timeout'));
    const settle = (stderr: string, error?: unknown): void => {
      cancelLimit();
      options.signal.removeEventListener('abort', onAbort);
      resolve({ code, stderr, error });
    };
    options.signal.addEventListener('abort', onAbort);
    command.on('start', () => {
      // Aborted or timed out while fluent-ffmpeg was still preparing: there was no process to kill then.
      if (code !== 'exit') command.kill('SIGKILL');
      else if (command.ffmpegProc) admission.started(command.ffmpegProc);
    });
    void options.served?.then(() => admission.served());
    command.on('stderr', (line: string) => reportProgress(line, options));
    command.on('error', (error: unknown, _stdout: unknown, stderr: unknown) => settle(String(stderr ?? ''), error));
    command.on('end', (_stdout: unknown, stderr: unknown) => settle(String(stderr ?? '')));
    command.run();
  });
  const seconds = Number(((performance.now() - startedMs) / 1000).toFixed(2));
  const pausedSeconds = Number((admission.pausedMs() / 1000).toFixed(2));
  if (outcome.code === 'exit' && outcome.error === undefined) {
    log.debug({ job: job.name, seconds, pausedSeconds }, 'ffmpeg job done');
    return;
  }
  const error = typedError(job.name, outcome);
  log.info(
    { job: job.name, seconds, pausedSeconds, code: error.code, stderr: error.stderrTail },
    'ffmpeg job ended early',
  );
  throw error;
}

/** Address space that no job of its weight comes near: libraries, stacks and heaps of many threads, and four times its estimate. */
function memoryLimit({ memoryBytes }: JobLoad): string[] {
  return ['--memory', String(Math.round(ADDRESS_SPACE_KIB + (4 * memoryBytes) / 1024))];
}

function niceties({ niceness, sessionNiceness }: Admission): string[] {
  const session = sessionNiceness === null ? [] : ['--session', String(sessionNiceness)];
  return ['--nice', String(niceness), ...session];
}

/** Calls back once `limitMs` have passed in which the job was not paused. Returns what cancels it. */
function afterRunning(limitMs: number, pausedMs: () => number, then: () => void): () => void {
  const startedMs = performance.now();
  let timer: NodeJS.Timeout;
  const look = (): void => {
    const leftMs = limitMs + pausedMs() - (performance.now() - startedMs);
    if (leftMs <= 0) then();
    else timer = setTimeout(look, Math.ceil(leftMs));
  };
  look();
  return () => clearTimeout(timer);
}

function describe(command: ConfinedCommand, job: FfmpegJob, threads: number | null, stdin?: Readable): void {
  const global = ['-nostdin', '-hide_banner', '-loglevel', 'warning', '-stats'];
  // First, so that a job that knows better has the last word.
  const capped = threads === null ? [] : ['-threads', String(threads)];
  if (threads !== null) global.push('-filter_threads', String(threads), '-filter_complex_threads', String(threads));
  job.inputs.forEach((input, index) => {
    const source = input.path === PIPE && stdin ? stdin : input.path;
    command.input(source).inputOptions(...(index === 0 ? global : []), ...capped, ...input.options);
  });
  if (job.filterGraph !== null) command.complexFilter(job.filterGraph);
  for (const output of job.outputs) command.output(output.path).outputOptions(...capped, ...output.options);
}

function reportProgress(line: string, options: RunOptions): void {
  const time = /\btime=(\d+):(\d+):([\d.]+)/.exec(line);
  if (time) options.onProgress?.(Number(time[1]) * 3600 + Number(time[2]) * 60 + Number(time[3]));
}

function typedError(job: string, outcome: { error?: unknown; code: FfmpegErrorCode; stderr: string }): FfmpegError {
  const message = outcome.error instanceof Error ? outcome.error.message : '';
  const code = outcome.code !== 'exit' ? outcome.code : classify(message);
  return new FfmpegError(code, job, stderrTail(outcome.stderr) || message, { cause: outcome.error });
}

/** fluent-ffmpeg tells these apart in words only. A decoder that crashed would crash again: that is the file's fault. */
function classify(message: string): FfmpegErrorCode {
  if (/was killed with signal SIG(SEGV|ABRT|BUS|FPE|ILL|XFSZ)/.test(message)) return 'exit';
  if (message.includes('was killed with signal')) return 'killed';
  return /exited with code (?!12[67])/.test(message) ? 'exit' : 'not-started';
}

/** Also fills fluent-ffmpeg's caches of formats and encoders, which its first job would otherwise wait for. */
function readCapabilities(executable: string): Promise<FfmpegCapabilities> {
  const command = new ConfinedCommand([executable]);
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(new FfmpegError('not-started', 'warm-up', String(cause), { cause }));
    command.getAvailableFormats((formatsError) => {
      if (formatsError) return fail(formatsError);
      command.getAvailableEncoders((encodersError, encoders) => {
        if (encodersError) return fail(encodersError);
        command.getAvailableFilters((error, filters) =>
          error
            ? fail(error)
            : resolve({
                zscale: 'zscale' in filters && 'tonemap' in filters,
                vmaf: 'libvmaf' in filters,
                av1: 'libsvtav1' in encoders,
              }),
        );
      });
    });
  });
}
