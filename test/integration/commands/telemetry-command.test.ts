import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const KEY = 'an-admin-token-of-the-service';
let dataDir: string;
let asked: { method: string; url: string; body: unknown }[];
let stopService = (): void => {};
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-telemetry-command-'));
  asked = [];
});
afterEach(async () => {
  stopService();
  await rm(dataDir, { recursive: true });
});

type Ended = { code: number; stdout: string; stderr: string };

function telemetry(...args: string[]): Promise<Ended> {
  const env = { ...process.env, NARA_DATA_DIR: dataDir, NARA_ADMIN_TOKEN: KEY };
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', MAIN, 'telemetry', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

type Answer = { status?: number; headers?: Record<string, string>; body: unknown };

/** Stands in for a running service that gives these answers, one after the other, the last one for ever. */
async function pretendService(...answers: Answer[]): Promise<void> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const { method = '', url = '' } = request;
    asked.push({ method, url, body: text === '' ? null : JSON.parse(text) });
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    response.writeHead(answer?.status ?? 200, answer?.headers).end(JSON.stringify(answer?.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await writeFile(join(dataDir, 'run.json'), JSON.stringify({ url: `http://127.0.0.1:${port}` }));
  stopService = () => {
    server.closeAllConnections();
    server.close();
  };
}

const queryOf = (url: string): Record<string, string> => Object.fromEntries(new URL(`http://x${url}`).searchParams);

describe('nara telemetry', () => {
  test('without knowing what, or asked for help, names every action', async () => {
    expect(await telemetry()).toMatchObject({ code: 2, stderr: expect.stringContaining('expected one of audit, ') });
    expect((await telemetry('toString')).code).toBe(2);
    const { code, stdout } = await telemetry('import-log', '--help');
    expect(code).toBe(0);
    for (const action of ['audit', 'dead-letters', 'import-log']) expect(stdout).toContain(`nara telemetry ${action} `);
  });
});

describe('nara telemetry audit', () => {
  const figures = {
    received: 10,
    stored: 8,
    duplicates: 1,
    deadLettered: 1,
    erased: 0,
    waiting: 0,
    unaccounted: 0,
    balanced: true,
  };
  const audit = (of: object) => ({ from: '…', to: '…', distinctEvents: 8, ...figures, ...of });
  const hour = '2026-03-01T12:00:00Z';

  test('shows every hour and the sum of them, and ends well when they add up', async () => {
    await pretendService({ body: audit({ hours: [{ hour, ...figures }] }) });
    const { code, stdout } = await telemetry('audit', '--from', hour);
    expect({ code, asked: queryOf(asked[0]?.url ?? '') }).toEqual({ code: 0, asked: { from: hour } });
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      'hour                  received  stored  duplicates  deadLettered  erased  waiting  unaccounted',
      `${hour}        10       8           1             1       0        0            0`,
      'all                         10       8           1             1       0        0            0',
    ]);
  });

  test('ends with 1 when something is nowhere, as a table and as JSON', async () => {
    const lost = { ...figures, stored: 7, unaccounted: 1, balanced: false };
    await pretendService({ body: audit({ ...lost, hours: [{ hour, ...lost }] }) });
    const table = await telemetry('audit');
    expect(table).toMatchObject({ code: 1, stdout: expect.stringMatching(/ 1\n[\s\S]*is nowhere/) });
    const json = await telemetry('audit', '--json');
    expect({ code: json.code, balanced: JSON.parse(json.stdout).balanced }).toEqual({ code: 1, balanced: false });
  });
});

describe('nara telemetry dead-letters', () => {
  const letter = {
    at: '2026-03-01T12:00:00.000Z',
    source: 'cmcd1',
    code: 'report.anonymous',
    reason: 'expected a session id (sid)',
    sessionId: '',
    assetId: 'a_1',
    events: 3,
    body: 'br=1\u001b[31m',
  };

  test('passes on what was asked for, and shows letters with their reasons and nothing that moves a cursor', async () => {
    await pretendService({ body: { deadLetters: [letter] } });
    const asking = ['--since', letter.at, '--code', letter.code, '--limit', '5'];
    const { code, stdout } = await telemetry('dead-letters', ...asking);
    expect(code).toBe(0);
    expect(queryOf(asked[0]?.url ?? '')).toEqual({ from: letter.at, code: letter.code, limit: '5' });
    expect(stdout).toContain('report.anonymous: expected a session id (sid)\n  br=1 [31m\n');
    const json = await telemetry('dead-letters', '--json');
    expect(JSON.parse(json.stdout)).toEqual({ deadLetters: [letter] });
  });
});

describe('nara telemetry erase', () => {
  const rows = { events: 3, decisions: 1, outcomes: 1, deadLetters: 0, rollups: 0, deadRows: 0 };

  test.each([
    ['--session', 's-1', { sessionId: 's-1' }],
    ['--owner', 'ann', { owner: 'ann' }],
    ['--asset', 'a_1', { assetId: 'a_1' }],
  ])('%s says whose, who asked and why', async (option, id, subject) => {
    await pretendService({ body: { rows, hours: 2 } });
    const { code, stdout } = await telemetry('erase', option, id, '--actor', 'ann', '--reason', 'asked to');
    expect(code).toBe(0);
    const body = { ...subject, actor: 'ann', reason: 'asked to' };
    expect(asked).toEqual([{ method: 'POST', url: '/v1/telemetry/erasures', body }]);
    expect(stdout).toMatch(/^events +3$[\s\S]*2 hours were rolled up again/m);
  });

  test('asks for nothing when it is not clear whose, or nobody says who asked and why', async () => {
    for (const args of [['--session', 's', '--owner', 'o', '--actor', 'a', '--reason', 'r'], ['--session', 's'], []])
      expect((await telemetry('erase', ...args)).code).toBe(2);
  });
});

describe('nara telemetry ddl', () => {
  test('prints the schema for one server, or for a cluster, without asking anybody', async () => {
    const single = await telemetry('ddl');
    expect(single).toMatchObject({ code: 0, stdout: expect.stringContaining('CREATE TABLE IF NOT EXISTS events') });
    expect(single.stdout).not.toContain('Replicated');
    const cluster = await telemetry('ddl', '--cluster', 'north');
    expect(cluster.stdout).toMatch(/not executed[\s\S]*ON CLUSTER `?'?north[\s\S]*Replicated/);
    expect((await telemetry('ddl', '--cluster', "x'; DROP")).code).toBe(2);
  });
});

describe('nara telemetry import-log', () => {
  const line = (of: object = {}) => {
    const cmcd = encodeURIComponent('bl=4000,cid="a_1",d=2000,ot=v,sid="s-1"');
    const uri = `/v/a_1/r/low/seg-00001.m4s?CMCD=${cmcd}`;
    const common = { ended: 1_772_366_400, address: '192.0.2.7', method: 'GET', uri, status: 200, cache: 'HIT' };
    return JSON.stringify({ ...common, agent: 'Mozilla/5.0 (iPhone)', ...of });
  };
  const write = async (...lines: string[]): Promise<string> => {
    const path = join(dataDir, 'nara.log');
    await writeFile(path, `${lines.join('\n')}\n`);
    return path;
  };
  const taken = { status: 202, body: { accepted: 1, duplicates: 0, rejected: [] } };

  test('posts what the edge absorbed, with who sent it, and says what every line was', async () => {
    await pretendService({ ...taken, body: { accepted: 1, duplicates: 1, rejected: [] } });
    const anonymous = line({ uri: '/v/a_1/r/low/seg-00002.m4s?CMCD=bl%3D1' });
    const path = await write(line(), line({ address: '192.0.2.8' }), line({ cache: 'MISS' }), anonymous, 'rubbish');
    const { code, stdout } = await telemetry('import-log', path, '--json');
    expect(code).toBe(0);
    const events = [expect.objectContaining({ type: 'progress', sessionId: 's-1', assetId: 'a_1' })];
    const headers = { 'user-agent': 'Mozilla/5.0 (iPhone)' };
    expect(asked).toEqual([
      {
        method: 'POST',
        url: '/v1/telemetry/imports',
        body: {
          batches: ['192.0.2.7', '192.0.2.8'].map((address) => ({ source: 'cmcd1', address, headers, events })),
        },
      },
    ]);
    const of = { lines: 5, hits: 3, reports: 2, events: 2, imported: 1, duplicates: 1, passedOn: 1 };
    expect(JSON.parse(stdout)).toMatchObject({
      ...of,
      withoutSession: 1,
      unparsable: 1,
      examples: { anonymous: [{ at: `${path}:4` }], unparsable: [{ at: `${path}:5`, received: 'rubbish' }] },
    });
  });

  test('reads and counts without a service when it is only tried', async () => {
    const { code, stdout } = await telemetry('import-log', await write(line(), line()), '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(/answered by the edge +2\n/);
  });

  test('comes back when the service is full', async () => {
    await pretendService({ status: 503, headers: { 'retry-after': '1' }, body: { detail: 'full' } }, taken);
    const { code, stdout } = await telemetry('import-log', await write(line()), '--json');
    expect({ code, imported: JSON.parse(stdout).imported, asked: asked.length }).toEqual({
      code: 0,
      imported: 1,
      asked: 2,
    });
  });

  test('ends with 1 when no line was understood or a file is not there, and with 2 when nothing was asked for', async () => {
    expect((await telemetry('import-log', await write('rubbish'), '--dry-run')).code).toBe(1);
    const missing = await telemetry('import-log', join(dataDir, 'none.log'), '--dry-run');
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nara: .*none\.log cannot be read: ENOENT/),
    });
    expect((await telemetry('import-log', '--dry-run')).code).toBe(2);
    expect((await telemetry('import-log', 'x.log', '--format', 'apache', '--dry-run')).code).toBe(2);
  });
});
