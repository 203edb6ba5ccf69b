// Prints one line that counts the tests of several vitest runs: `Tests: N passed, N failed, N skipped`. Arguments: files
// written by vitest's json reporter. A missing file is a run that broke off, and counts as a failure.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const WORST_FIRST = ['failed', 'skipped', 'passed'];

/** Counts each test once, however many runs it was in, by its worst outcome; a file that could not be run is one failed test. */
export function tallyTests(reports) {
  const outcomes = new Map();
  const note = (key, outcome) => {
    const worse = (candidate) => WORST_FIRST.indexOf(candidate) < WORST_FIRST.indexOf(outcomes.get(key) ?? 'passed');
    if (!outcomes.has(key) || worse(outcome)) outcomes.set(key, outcome);
  };
  for (const { testResults } of reports) {
    for (const file of testResults) {
      const seen = new Map();
      for (const { fullName, status } of file.assertionResults) {
        const nth = seen.get(fullName) ?? 0;
        seen.set(fullName, nth + 1);
        note(`${file.name}\n${fullName}\n${nth}`, status === 'passed' || status === 'failed' ? status : 'skipped');
      }
      const someFailed = file.assertionResults.some(({ status }) => status === 'failed');
      if (file.status === 'failed' && !someFailed) note(file.name, 'failed');
    }
  }
  const count = (wanted) => [...outcomes.values()].filter((outcome) => outcome === wanted).length;
  return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
}

function main(paths) {
  const reports = [];
  let brokenOff = 0;
  for (const path of paths) {
    try {
      reports.push(JSON.parse(readFileSync(path, 'utf8')));
    } catch {
      brokenOff += 1;
    }
  }
  const { passed, failed, skipped } = tallyTests(reports);
  const allFailed = failed + brokenOff;
  process.stdout.write(`Tests: ${passed} passed, ${allFailed} failed, ${skipped} skipped\n`);
  process.exitCode = allFailed > 0 || passed === 0 ? 1 : 0;
}

if (pathToFileURL(process.argv[1] ?? '').href === import.meta.url) main(process.argv.slice(2));
