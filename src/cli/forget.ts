/** `postern forget`: what is stored of the past no longer names a person. Counts and blocks stay as they are. */
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { runCommand } from '../base/commands.ts';
import { randomHex } from '../base/digest.ts';
import { EXIT, type ExitStatus, getErrno, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { counted, lowerAscii } from '../base/text.ts';
import { MINUTE } from '../base/time.ts';
import { type Config, loadConfig, loadShared } from '../config/load.ts';
import { forgetAsAsked } from '../daemon/forget.ts';
import { findRunning } from '../daemon/instance.ts';
import { buildPseudonyms, readKey } from '../daemon/pseudonyms.ts';
import { canonicalLogin } from '../model/login.ts';
import type { Person } from '../store/erasure.ts';
import { Store } from '../store/store.ts';
import { blockedText } from './block-text.ts';
import { becomeDatabaseOwner } from './database.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { Progress } from './progress.ts';
import { parseTypedIdentity, stripBrackets } from './typed.ts';

/** How long to wait for the service to begin anew. */
const PATIENCE = MINUTE;
const PAUSE = 50;

/** Exit status 1 when a running block names the person, or the service does not begin anew. */
export async function runForget(
  typed: string,
  options: CommonOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  // The milter's database may be another account's, so root goes there first.
  const recipients = await forgetRecipient(typed, options, io);
  becomeDatabaseOwner(options.config);
  const person = describePerson(typed, config);
  const store = new Store(config.database);
  try {
    assertNotBlocked(person, store);
    while (store.commit(() => store.events.convert())) await wait(0);
    const first = await eraseEvents(store, person, io);
    const rest = store.erasure.countRest(person);
    // The service knows submitters by number, counts by name, and has open messages in memory: it begins anew, and
    // forgets the rest before it reads what is stored.
    store.commit(() =>
      store.state.write('forget', [...(store.state.read('forget') ?? []), person]),
    );
    await renewService(store);
    // What came in between; and all of it if no service runs.
    const again = await eraseEvents(store, person, io);
    const isRunning = isServed(store);
    if (!isRunning) forgetAsAsked(store);
    await overwrite(store);
    const done = {
      events: first + again,
      ...rest,
      recipients,
      open: isRunning ? store.erasure.countOpen(person) : 0,
    };
    io.stdout(options.format === 'json' ? jsonLine(done) : describe(typed, done));
    return EXIT.done;
  } finally {
    store.close();
  }
}

function describePerson(typed: string, config: Config): Person {
  const address = lowerAscii(stripBrackets(typed));
  const identity = parseTypedIdentity(address, config.logins);
  if (identity.type !== 'user') {
    throw new PosternError('usage', `${typed}: expected an address or a login`);
  }
  const key = readKey(config.database);
  const names = new Set([address, identity.id, canonicalLogin(config.logins, address)]);
  if (key !== undefined) names.add(buildPseudonyms(key)(address));
  const at = address.lastIndexOf('@');
  const replacement = `forgotten-${randomHex(6)}${at < 0 ? '' : address.slice(at)}`;
  return { names: [...names], replacement };
}

/** Throws a PosternError (exit status 1): a block is in force by its name. */
function assertNotBlocked({ names }: Person, store: Store): void {
  const block = names
    .flatMap((id) => [
      store.blocks.running({ type: 'user', id }),
      store.blocks.running({ type: 'sender', id }),
    ])
    .find((running) => running !== undefined);
  if (block === undefined) return;
  const who = blockedText(block);
  throw new PosternError(
    'environment',
    `${who} is blocked (block ${block.id}), and a block needs the name: when it has ended, or after postern unblock, run this again; no event was changed`,
    { code: 'blocked' },
  );
}

async function eraseEvents(store: Store, person: Person, io: Io): Promise<number> {
  let changed = 0;
  const progress = new Progress(io, 'event');
  const newest = store.events.newest();
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after;
    const step = store.commit(() => store.erasure.eraseEvents(from, person));
    changed += step.changed;
    after = step.next;
    progress.add((after ?? from) - from, (after ?? newest) / newest);
    await wait(0); // the service may write in between
  }
  progress.end();
  return changed;
}

/** Lets a running service reload, and waits until it has. */
async function renewService(store: Store): Promise<void> {
  const before = findRunning(store);
  if (before === undefined || before.pid === process.pid) return;
  try {
    process.kill(before.pid, 'SIGHUP');
  } catch (error) {
    if (getErrno(error) !== 'ESRCH') throw notRenewed(before.pid);
  }
  const start = performance.now();
  for (;;) {
    const now = findRunning(store);
    const isNew = now === undefined || now.started !== before.started;
    if (isNew && (now === undefined || !store.state.read('forget'))) return;
    if (performance.now() - start > PATIENCE) throw notRenewed(before.pid);
    await wait(PAUSE);
  }
}

function isServed(store: Store): boolean {
  const running = findRunning(store);
  return running !== undefined && running.pid !== process.pid;
}

/** Pages that are freed at once, and how often somebody may be reading the write-ahead log. */
const PAGES = 256;
const TRIES = 100;

/** What was freed leaves the file. */
async function overwrite(store: Store): Promise<void> {
  while (store.shrink(PAGES)) await wait(0);
  for (let tries = 0; !store.erasure.finish() && tries < TRIES; tries++) await wait(PAUSE);
}

/** What the milter knows of the address, by `postern recipients`; how many answers. */
async function forgetRecipient(typed: string, { config }: CommonOptions, io: Io): Promise<number> {
  const { milter, file } = loadShared(config);
  const address = stripBrackets(typed);
  if (milter?.recipients === undefined || !address.includes('@')) return 0;
  const program = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
  const argv = [...program, 'recipients', 'forget', '--config', file, '--format', 'json'];
  const forms = [...new Set([address, lowerAscii(address)])];
  const { status, stdout, stderr } = await runCommand([...argv, '--', ...forms], {
    timeout: PATIENCE,
  });
  if (status === 0) return Number(JSON.parse(stdout).forgotten);
  if (!existsSync(milter.recipients.database)) return 0;
  io.stderr(
    `postern: the milter may still know it: ${stderr.trim()}; run postern recipients forget\n`,
  );
  return 0;
}

function notRenewed(pid: number): PosternError {
  return new PosternError(
    'environment',
    `the events are changed, but the service (process ${pid}) still knows the name: run systemctl reload postern, then this command again`,
    { code: 'not-renewed' },
  );
}

interface Done {
  readonly events: number;
  readonly verdicts: number;
  readonly blocks: number;
  readonly mails: number;
  readonly messages: number;
  readonly recipients: number;
  readonly open: number;
}

function describe(typed: string, done: Done): string {
  if (Object.values(done).every((count) => count === 0))
    return `Nothing is stored of ${escapeControls(typed)}; is the name right? Nothing was changed.\n`;
  const { events, verdicts, blocks, mails, messages, recipients, open } = done;
  const changed = [
    counted(events, 'event'),
    counted(verdicts, 'verdict'),
    counted(blocks, 'ended block'),
    counted(mails, 'mail'),
    counted(messages, 'open message'),
    ...(recipients === 0 ? [] : [counted(recipients, 'cached answer')]),
  ];
  const waiting =
    open === 0
      ? ''
      : `${counted(open, 'message')} of the queue ${open === 1 ? 'names' : 'name'} it again: run this again when the mail has left.\n`;
  return `${typed} is forgotten in ${changed.join(', ')}.\n${waiting}Log files, backups and the configuration are not changed.\n`;
}
