/**
 * The milter in a real Postfix: messages without a milter, with the bare one (bare-milter.ts), and with Postern; and what
 * is refused before DATA of a mixture.
 */
import type { ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startBackEnd } from '../test/support/back-end.ts';
import { scratchFolder } from '../test/support/folder.ts';
import { hasPostfix, type PostfixServer, startPostfix } from '../test/support/postfix.ts';
import { freePorts, idOf } from '../test/support/server.ts';
import { SmtpClient } from '../test/support/smtp-client.ts';
import { LONG } from './contestants.ts';
import { median, sleep, spread } from './measure.ts';
import { known, startCompiled, startPostern, startServer } from './milter-process.ts';

const ROUNDS = LONG ? 15 : 9;
const SESSIONS = 10;
const MESSAGES = LONG ? 3000 : 1000;
const RECIPIENT = 'a@in.example';

/** A milter that runs: how its row is called, and its socket. */
interface Contestant {
  readonly name: string;
  readonly socket: string;
  readonly child: ChildProcess;
}

/** Needs the program built. */
export async function milterPostfix(): Promise<void> {
  if (!hasPostfix()) return;
  // One that Postfix may enter.
  const { path: folder, remove } = scratchFolder('postern-bench-');
  const milters = await startMilters(folder);
  try {
    await through('discard:', 'accepted and thrown away', milters);
    await through('virtual:', 'delivered to a mailbox', milters);
  } finally {
    for (const { child } of milters) child.kill();
    remove();
  }
  await mixture();
}

async function startMilters(folder: string): Promise<readonly Contestant[]> {
  const started = {
    'bare Node, a reply to every command': (socket: string) =>
      startServer([resolve('bench/bare-milter.ts'), socket], socket),
    'bare Node, replies as Postern': (socket: string) =>
      startServer([resolve('bench/bare-milter.ts'), socket, 'lean'], socket),
    'bare C, replies as Postern': (socket: string) =>
      startCompiled(resolve('bench/bare-milter.c'), socket),
    'postern milter without jobs': (socket: string) => startPostern(folder, socket),
    'postern milter, recipients known': (socket: string) =>
      startPostern(folder, socket, known(folder, [RECIPIENT])),
  };
  const milters: Contestant[] = [];
  for (const [name, start] of Object.entries(started)) {
    const socket = join(folder, `milter${milters.length}`);
    const child = await start(socket);
    if (child === undefined) continue;
    chmodSync(socket, 0o666);
    milters.push({ name, socket, child });
  }
  return milters;
}

/** A Postfix with this transport, its first place without milter, one place for each of the others. */
async function through(transport: string, what: string, milters: readonly Contestant[]) {
  const ports = await freePorts(milters.length);
  const { path: folder, remove } = scratchFolder('postern-bench-');
  const server = await startServerWith(transport, ports, milters, folder);
  const names = ['no milter', ...milters.map(({ name }) => name)];
  const places = [server.smtpPort, ...ports];
  const take = transport === 'virtual:' ? deliverMessages : sendMessages;
  try {
    await compare(what, names, (at) => take(places[at] as number, folder));
  } finally {
    await server.stop();
    remove();
  }
}

/** One port a milter; virtual(8) delivers to one mailbox in the folder `mail`. */
function startServerWith(
  transport: string,
  ports: readonly number[],
  milters: readonly Contestant[],
  mail: string,
): Promise<PostfixServer> {
  const owner = idOf('/etc/passwd', 'www-data') as number;
  chownSync(mail, owner, owner);
  return startPostfix({
    sinkPort: 1,
    mainCf: `default_transport = ${transport}
relay_transport = ${transport}
virtual_mailbox_base = ${mail}
virtual_mailbox_maps = static:box/
virtual_minimum_uid = 1
virtual_uid_maps = static:${owner}
virtual_gid_maps = static:${owner}
`,
    masterCf: `virtual unix - n n - - virtual
${ports
  .map(
    (port, at) =>
      `127.0.0.1:${port} inet n - n - - smtpd -o smtpd_milters=unix:${milters[at]?.socket}`,
  )
  .join('\n')}`,
  });
}

/** Each of them in turn, so many rounds and one to warm up; prints times over that of the first. */
async function compare(
  what: string,
  names: readonly string[],
  take: (at: number) => Promise<number>,
): Promise<void> {
  const times: number[][] = names.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const at of names.keys()) {
      const time = await take(at);
      if (round > 0) times[at]?.push(time);
    }
  }
  const [without = []] = times;
  console.log(
    `\n| ${MESSAGES} messages, ${SESSIONS} sessions, ${what} | a second | time / without |\n|---|---:|---:|`,
  );
  for (const [at, list] of times.entries()) {
    const ratios = list.map((time, round) => time / (without[round] as number));
    console.log(`| ${names[at]} | ${(MESSAGES / median(list)).toFixed(0)} | ${spread(ratios)} |`);
  }
}

/** Seconds that Postfix takes to accept these messages, over sessions side by side. */
async function sendMessages(port: number): Promise<number> {
  const began = performance.now();
  const each = MESSAGES / SESSIONS;
  await Promise.all(
    Array.from({ length: SESSIONS }, async () => {
      const client = await SmtpClient.open({ port, localAddress: '127.0.0.2' });
      for (let count = 0; count < each; count++) {
        const { data } = await client.send({ sender: 'x@example.net', recipients: [RECIPIENT] });
        if (data?.code !== 250) throw new Error(`Postfix says ${data?.code} ${data?.text}`);
      }
      await client.quit();
    }),
  );
  return (performance.now() - began) / 1000;
}

/** The same until all of them lie in the mailbox. */
async function deliverMessages(port: number, mail: string): Promise<number> {
  const began = performance.now();
  await sendMessages(port);
  const inbox = join(mail, 'box/new');
  while (readdirSync(inbox).length < MESSAGES) await sleep(5);
  const seconds = (performance.now() - began) / 1000;
  for (const name of readdirSync(inbox)) rmSync(join(inbox, name));
  return seconds;
}

/** Messages with five recipients, four of whom do not exist, through Postfix; the back end is asked about each. */
async function mixture(): Promise<void> {
  if (!hasPostfix()) return;
  const { path: folder, remove } = scratchFolder('postern-bench-');
  const backEnd = await startBackEnd();
  const socket = join(folder, 'milter');
  const section = `{ database: ${join(folder, 'a.db')}, attack: { perConnection: 0, perClient: 0 }, domains: [{ domain: in.example, servers: "[127.0.0.1]:${backEnd.port}" }] }`;
  const milter = await startPostern(folder, socket, section);
  const server = await startPostfix({
    sinkPort: 1,
    mainCf: `default_transport = discard:\nrelay_transport = discard:\nsmtpd_milters = unix:${socket}\n`,
  });
  const counts = { invalid: 0, refused: 0, valid: 0, accepted: 0 };
  for (let at = 0; at < MIXED; at++) {
    const client = await SmtpClient.open({ port: server.smtpPort, localAddress: '127.0.0.2' });
    await client.command('MAIL FROM:<x@example.net>');
    for (const name of ['bad1', 'good', 'bad2', 'bad3', 'bad4']) {
      const { code } = await client.command(`RCPT TO:<${name}-${at}@in.example>`);
      const isValid = name === 'good';
      counts[isValid ? 'valid' : 'invalid']++;
      if (isValid && code === 250) counts.accepted++;
      if (!isValid && code === 550) counts.refused++;
    }
    await client.quit();
  }
  const { invalid, refused, valid, accepted } = counts;
  console.log(
    `\nRefused before DATA: ${refused} of ${invalid} invalid recipients; accepted: ${accepted} of ${valid} valid ones.`,
  );
  milter.kill();
  await server.stop();
  await backEnd.stop();
  remove();
}

/** Messages of the mixture. */
const MIXED = 200;
