/**
 * A process of its own that is flooded with made-up lines and tells what it weighs; see flood.test.ts.
 *
 *     node --expose-gc flood.mjs SOURCES KIND LINES [FOLDER]
 *
 * SOURCES is src/. With FOLDER the lines go through the whole service's pipeline into a database there,
 * else through interpreter and judge as in a replay. Prints one line of JSON.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [sources, kind, lineCount, folder] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(sources, path)).href);
const { Interpreter } = await load('interpret/interpreter.ts');
const { Judge } = await load('judge/judge.ts');
const { loadRules } = await load('judge/rule.ts');
const { LineSplitter } = await load('follow/lines.ts');

const START = Date.UTC(2026, 10, 1);
/** Lines in a second of the log's own time: fast enough that no window forgets before it is full. */
const RATE = 2000;
const BATCH = 2000;

/** `width` letters and digits that are different for each `n`. */
function name(n, width) {
  return (Math.imul(n + 1, 2654435761) >>> 0).toString(36) + n.toString(36).padStart(width, 'x');
}

function queueId(n) {
  return n.toString(16).toUpperCase().padStart(10, '0');
}

function address(n) {
  return `2001:db8:${((n >>> 16) & 0xffff).toString(16)}:${(n & 0xffff).toString(16)}::1`;
}

function postfix(time, tag, text, host = 'mx1.example.net') {
  return `${new Date(time).toISOString()} ${host} postfix/${tag}: ${text}`;
}

const TAIL = 'proto=ESMTP helo=<[192.0.2.7]>';

function refusal(n, recipient, more = '') {
  return `NOQUEUE: reject: RCPT from unknown[${address(n)}]: 550 5.1.1 <${recipient}>: Recipient address rejected: User unknown in relay recipient table; from=<${name(n, 8)}@example.com> to=<${recipient}> ${TAIL}${more}`;
}

function bounced(id, recipient, reply = '550 5.1.1 User unknown') {
  return `${id}: to=<${recipient}>, relay=mx.example.org[198.51.100.9]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[198.51.100.9] said: ${reply} (in reply to RCPT TO command))`;
}

/** What is made up anew on every line. Each takes the number of the line and its time. */
const KINDS = {
  'queue-ids': (n, time) =>
    postfix(
      time,
      'qmgr[700]',
      `${queueId(n)}: from=<newsletter@example.net>, size=1000, nrcpt=1 (queue active)`,
    ),
  transactions: (n, time) =>
    postfix(
      time,
      `smtpd[${n}]`,
      `${queueId(n)}: client=host${n}.example.com[${address(n)}], sasl_method=PLAIN, sasl_username=${name(n, 10)}@example.net`,
    ),
  deliveries: (n, time) =>
    postfix(
      time,
      'smtp[822]',
      bounced(queueId(n), `${name(n, 20)}@example.org`, `550 5.1.1 <${name(n, 40)}> unknown`),
    ),
  recipients: (n, time) =>
    n === 0
      ? postfix(
          time,
          'smtpd[811]',
          `ABCDEF0123: client=pc.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=alice@example.net`,
        )
      : postfix(time, 'smtp[822]', bounced('ABCDEF0123', `${name(n, 20)}@example.org`)),
  sessions: (n, time) =>
    postfix(time, `submission/smtpd[${n}]`, refusal(n % 1000, `${name(n, 20)}@example.org`)),
  unclaimed: (n, time) =>
    postfix(
      time,
      `submission/smtpd[${Math.floor(n / 250)}]`,
      refusal(n % 1000, `${name(n, 20)}@example.org`),
    ),
  clients: (n, time) =>
    postfix(
      time,
      'smtpd[811]',
      `warning: unknown[${address(n)}]: SASL LOGIN authentication failed: authentication failure, sasl_username=${name(n, 9)}`,
    ),
  'rejected-users': (n, time) =>
    postfix(
      time,
      'smtpd[811]',
      refusal(n, `${name(n, 20)}@example.org`, ` sasl_method=PLAIN sasl_username=${name(n, 10)}`),
    ),
  'message-ids': (n, time) => {
    const id = queueId(n >> 2);
    if (n % 4 === 0) return postfix(time, 'smtpd[811]', `${id}: client=pc.example.net[192.0.2.7]`);
    if (n % 4 === 1)
      return postfix(time, 'cleanup[815]', `${id}: message-id=<${name(n, 200)}@example.com>`);
    if (n % 4 === 2)
      return postfix(
        time,
        'qmgr[700]',
        `${id}: from=<${name(n, 30)}@example.com>, size=1000, nrcpt=1 (queue active)`,
      );
    return postfix(time, 'qmgr[700]', `${id}: removed`);
  },
  hosts: (n, time) =>
    postfix(
      time,
      'qmgr[700]',
      `${queueId(n)}: from=<a@example.net>, size=1000, nrcpt=1 (queue active)`,
      `relay-${name(n, 12)}.example.net`,
    ),
  mixed: (n, time) => {
    const kinds = [
      'queue-ids',
      'transactions',
      'deliveries',
      'sessions',
      'clients',
      'rejected-users',
    ];
    return KINDS[kinds[n % kinds.length]](n, time);
  },
  'long-fields': (n, time) =>
    postfix(time, `smtpd[${n}]`, refusal(n, `${name(n, 20_000)}@example.org`)),
  'long-replies': (n, time) =>
    postfix(
      time,
      'smtp[822]',
      bounced(
        queueId(n),
        `${name(n, 9)}@example.org`,
        `450 4.2.0 ü${'word '.repeat(4000)}${name(n, 9)}`,
      ).replace('bounced', 'deferred'),
    ),
  'long-ids': (n, time) =>
    postfix(time, 'cleanup[815]', `${queueId(n)}: message-id=<${name(n, 20_000)}@example.com>`),
  'half-lines': (n, time) => `${new Date(time).toISOString()} stdout P ${name(n, 20_000)}`,
  'exim-parts': (n, time) =>
    `${new Date(time).toISOString()} mx${n}.example.net exim[${n}]: [1/3] ${name(n, 20_000)}`,
  'exim-rejections': (n, time) =>
    `${new Date(time).toISOString().replace('T', ' ').slice(0, 19)} H=(x) [${address(n)}] F=<${name(n, 20)}@example.com> A=login:${name(n, 8)} rejected RCPT <${name(n, 20)}@example.org>: Unrouteable address`,
  'exim-arrivals': (n, time) =>
    `${new Date(time).toISOString().replace('T', ' ').slice(0, 19)} ${eximId(n)} <= ${name(n, 20)}@example.com H=(x) [${address(n)}] P=esmtpsa A=login:${name(n, 8)} S=1000 id=${name(n, 20)}@example.com`,
};

function eximId(n) {
  const digits = n.toString(36).padStart(6, '0').slice(-6);
  return `1xUirY-00000${digits}-3c4D`;
}

function* batches(lines) {
  const splitter = new LineSplitter('mail.log');
  for (let from = 0; from < lines; from += BATCH) {
    let text = '';
    for (let n = from; n < Math.min(lines, from + BATCH); n++) {
      text += `${KINDS[kind](n, START + Math.floor((n * 1000) / RATE))}\n`;
    }
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 1 << 20) {
      yield splitter.push(bytes.subarray(at, at + (1 << 20)));
    }
  }
}

/** Event loop turns between batches as in the service, so that what is only queued is freed. */
function turn() {
  return new Promise((resolve) => setImmediate(resolve));
}

let highest = 0;
function weigh() {
  highest = Math.max(highest, process.memoryUsage.rss());
}

async function replay(lines) {
  const interpreter = new Interpreter({ zone: '+00:00' });
  const judge = new Judge(loadRules(join(sources, '../rules')));
  const log = interpreter.openSource(START);
  let events = 0;
  for (const batch of batches(lines)) {
    const found = [];
    interpreter.feed(log, batch, found);
    for (const event of found) judge.feed(event);
    events += found.length;
    weigh();
  }
  return { events, keep: [interpreter, judge] };
}

async function serve(lines) {
  const { Store } = await load('store/store.ts');
  const { openDatabase } = await load('store/database.ts');
  const { Pipeline } = await load('daemon/pipeline.ts');
  const { silentLog } = await load('base/log.ts');
  const { makeAllowList } = await load('enforce/allow-list.ts');
  const path = join(folder, 'postern.db');
  const db = openDatabase(path);
  const store = new Store(path, { db });
  db.pragma('synchronous = OFF'); // the disk is not what is measured
  const judge = new Judge(loadRules(join(sources, '../rules')));
  let now = START;
  let events = 0;
  const pipeline = new Pipeline({
    store,
    judge,
    policy: { mode: 'enforce', allow: makeAllowList({}), blocksPerHour: 10 },
    interpreter: { zone: '+00:00' },
    clock: { now: () => now },
    log: silentLog,
    notifyRules: new Set(),
    onEvents: (found) => {
      events += found.length;
    },
  });
  for (const batch of batches(lines)) {
    now += Math.floor((batch.length * 1000) / RATE);
    pipeline.take({ path: 'mail.log', lines: batch, position: {} });
    await pipeline.commit();
    await turn();
    weigh();
  }
  return { events, keep: [store, pipeline, judge] };
}

const began = performance.now();
const { events, keep } = await (folder === undefined ? replay : serve)(Number(lineCount));
const seconds = (performance.now() - began) / 1000;
globalThis.gc?.();
await turn();
globalThis.gc?.();
const { heapUsed, rss, external, arrayBuffers } = process.memoryUsage();
const MB = (bytes) => Math.round(bytes / 1e5) / 10;
const answer = JSON.stringify({
  kind,
  lines: Number(lineCount),
  events,
  seconds: Math.round(seconds * 10) / 10,
  highestRss: MB(highest),
  rss: MB(rss),
  heap: MB(heapUsed),
  external: MB(external + arrayBuffers),
  kept: keep.length,
});
if (!process.stdout.write(`${answer}\n`)) await once(process.stdout, 'drain');
