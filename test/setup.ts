import fc from 'fast-check';

/** The same cases on every machine; FAST_CHECK_SEED tries others, and a failure prints the seed that shows it. */
fc.configureGlobal({ seed: Number(process.env.FAST_CHECK_SEED ?? 20_260_301) });
