/**
 * `npm run bench [-- --long]`: how fast Postern is, beside the peers that are installed and beside the floor, a bare
 * read-and-split in Node. Medians of five runs in turn; CPU seconds (user and system) of whole processes, since these
 * say the same on a busy machine. `--long` adds what takes minutes. Prints Markdown.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateLog, writeLog } from './generate.ts';
import { type Contestant, cpuOf, inTurn, median, memoryOf, quantile, sleep } from './measure.ts';
import { ingest, latencies, remove, scratchFolder, startService } from './service.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const PROGRAM = resolve('dist/cli/main.js');
const RULES = resolve('rules');
const LONG = process.argv.includes('--long');
const LINES = 1_000_000;
const ROUNDS = 5;

/** The first of these files that exists. */
function installed(...paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path));
}

function replay(name: string, log: string, rules = RULES): Contestant {
  return { name, argv: [process.execPath, PROGRAM, 'replay', '--rules', rules, log] };
}

function floor(log: string): Contestant {
  return { name: 'read and split in Node', argv: [process.execPath, join(HERE, 'floor.js'), log] };
}

function table(
  title: string,
  lines: number,
  contestants: readonly Contestant[],
  rounds: number,
): void {
  const results = inTurn(contestants, rounds);
  const own = results[0]?.cpu ?? Number.NaN;
  console.log(`\n### ${title}\n\n| | CPU s | wall s | lines a CPU second | its CPU / Postern's |`);
  console.log('|---|---:|---:|---:|---:|');
  results.forEach(({ cpu, wall }, index) => {
    const rate = Math.round(lines / cpu).toLocaleString('en');
    console.log(
      `| ${contestants[index]?.name} | ${cpu.toFixed(2)} | ${wall.toFixed(2)} | ${rate} | ${(cpu / own).toFixed(2)} |`,
    );
  });
}

function postfixPeers(log: string): Contestant[] {
  const peers: Contestant[] = [];
  const parser =
    process.env.SSHG_PARSER ??
    installed(
      '/usr/libexec/sshguard/sshg-parser',
      '/usr/lib/x86_64-linux-gnu/sshg-parser',
      '/usr/lib/sshguard/sshg-parser',
    );
  if (parser !== undefined) peers.push({ name: 'sshg-parser', argv: [parser], input: log });
  const summary = installed('/usr/sbin/pflogsumm', '/usr/bin/pflogsumm');
  if (summary !== undefined) peers.push({ name: 'pflogsumm', argv: [summary, log] });
  return peers;
}

function throughput(folder: string): void {
  const postfix = join(folder, 'postfix.log');
  const exim = join(folder, 'exim.log');
  writeLog(postfix, { mta: 'postfix', lines: LINES });
  writeLog(exim, { mta: 'exim', lines: LINES });
  const peers = postfixPeers(postfix);
  table(
    'Postfix, 1,000,000 lines',
    LINES,
    [replay('postern replay', postfix), floor(postfix), ...peers],
    ROUNDS,
  );
  const stats = process.env.EXIMSTATS ?? installed('/usr/sbin/eximstats');
  const eximPeers = stats === undefined ? [] : [{ name: 'eximstats', argv: ['perl', stats, exim] }];
  table(
    'Exim, 1,000,000 lines',
    LINES,
    [replay('postern replay', exim), floor(exim), ...eximPeers],
    ROUNDS,
  );
  const fail2ban = installed('/usr/bin/fail2ban-regex');
  if (fail2ban === undefined) return;
  const part = join(folder, 'part.log');
  writeLog(part, { mta: 'postfix', lines: LINES / 10 });
  table(
    'Postfix, 100,000 lines (fail2ban is too slow for more)',
    LINES / 10,
    [replay('postern replay', part), { name: 'fail2ban-regex', argv: [fail2ban, part, 'postfix'] }],
    1,
  );
}

/** The shipped rules so often that there are `count`, under other names. */
function manyRules(folder: string, count: number): string {
  const path = join(folder, `rules-${count}`);
  mkdirSync(path);
  const texts = readdirSync(RULES)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(join(RULES, name), 'utf8'));
  for (let index = 0; index < count; index++) {
    const text = texts[index % texts.length] as string;
    writeFileSync(join(path, `${index}.yaml`), text.replace(/^name: (.*)$/m, `name: $1-${index}`));
  }
  return path;
}

/** A log of messages that stay open, in front of `lines` ordinary ones. */
function withOpen(path: string, open: number, lines: number): void {
  const start = Date.UTC(2026, 9, 31);
  let text = '';
  writeFileSync(path, '');
  for (let number = 0; number < open; number++) {
    const id = `A${number.toString(16).toUpperCase().padStart(9, '0')}`;
    const at = `${new Date(start + number * 80).toISOString()} mx1 postfix`;
    text += `${at}/smtpd[811]: ${id}: client=mx.example.org[198.51.100.1]\n${at}/qmgr[700]: ${id}: from=<a${number}@example.org>, size=900, nrcpt=1 (queue active)\n`;
    if (number % 10_000 === 9999 || number === open - 1) {
      writeFileSync(path, text, { flag: 'a' });
      text = '';
    }
  }
  for (const chunk of generateLog({ mta: 'postfix', lines }))
    writeFileSync(path, chunk, { flag: 'a' });
}

function growth(folder: string): void {
  const log = join(folder, 'growth.log');
  writeLog(log, { mta: 'postfix', lines: LINES / 5 });
  const byRules = [10, 100].map((count) => replay(`${count} rules`, log, manyRules(folder, count)));
  table('Growth with rules, 200,000 lines', LINES / 5, byRules, 3);
  const counts = LONG ? [1000, 1_000_000] : [1000, 100_000];
  for (const count of counts) {
    const alone = join(folder, `open-${count}-alone.log`);
    const both = join(folder, `open-${count}.log`);
    withOpen(alone, count, 0);
    withOpen(both, count, LINES / 5);
    const [all, prelude] = inTurn([replay('both', both), replay('alone', alone)], 3);
    const cost = (((all?.cpu ?? 0) - (prelude?.cpu ?? 0)) / (LINES / 5)) * 1e6;
    console.log(`\n${count} messages open: ${cost.toFixed(2)} us CPU a line.`);
  }
}

async function overBacklog(lines: number, rounds: number): Promise<void> {
  const runs = [];
  for (let round = 0; round < rounds; round++) {
    const folder = scratchFolder(RULES);
    try {
      writeLog(join(folder, 'mail.log'), { mta: 'postfix', lines });
      runs.push(await ingest(PROGRAM, folder));
    } finally {
      remove(folder);
    }
  }
  const cpu = median(runs.map((run) => run.cpu));
  const wall = median(runs.map((run) => run.wall));
  const peak = median(runs.map((run) => run.peak));
  console.log(
    `\n\`postern run\` over ${lines} lines, all stored: ${cpu.toFixed(1)} s CPU, ${wall.toFixed(1)} s wall, ${Math.round(lines / cpu)} lines a CPU second, at most ${peak.toFixed(0)} MiB.`,
  );
}

/** Twenty lines of the usual mixture for each 20 ms: 1000 a second. */
function background(): () => string {
  const chunks = generateLog({
    mta: 'postfix',
    lines: LINES,
    seed: 7,
    start: Date.now(),
    rate: 1000,
  });
  let waiting: string[] = [];
  return () => {
    if (waiting.length < 20)
      waiting = waiting.concat((chunks.next().value ?? '').split('\n').filter(Boolean));
    return `${waiting.splice(0, 20).join('\n')}\n`;
  };
}

async function live(): Promise<void> {
  const service = await startService(PROGRAM, scratchFolder());
  try {
    await sleep(3000);
    const start = memoryOf(service.pid).now;
    const times = await latencies(service, LONG ? 200 : 50, background());
    console.log(
      `\nLine to block file at 1000 lines/s: median ${median(times).toFixed(0)} ms, p99 ${quantile(times, 0.99).toFixed(0)} ms (${times.length} blocks).`,
    );
    await sleep(2000);
    const before = cpuOf(service.pid);
    const seconds = LONG ? 120 : 20;
    await sleep(seconds * 1000);
    const used = cpuOf(service.pid) - before;
    console.log(
      `Idle: ${((used / seconds) * 3600).toFixed(0)} s CPU an hour. Memory at start: ${start.toFixed(0)} MiB.`,
    );
  } finally {
    await service.stop();
    remove(service.folder);
  }
}

async function main(): Promise<void> {
  const only = process.argv.find((word) => word.startsWith('--only='))?.slice(7);
  const wants = (name: string) => only === undefined || only.split(',').includes(name);
  const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'));
  const memory = Math.round(totalmem() / 2 ** 30);
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores, ${memory} GiB, Node ${process.version}`,
  );
  try {
    if (wants('throughput')) throughput(folder);
    if (wants('growth')) growth(folder);
    if (wants('ingest')) await overBacklog(LINES, LONG ? ROUNDS : 1);
    if (LONG && wants('ingest')) await overBacklog(10 * LINES, 1);
    if (wants('live')) await live();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
