/**
 * Who handed in a message of Postfix, by the envelope records of its queue file, as postcat(1) prints them.
 *
 * smtpd(8) writes the login before the sender and the client behind it (smtpd.c, mail_open_stream()). Local mail has
 * neither; the number of its account stands in the first header only, which pickup(8) writes together with the queue
 * ID (pickup.c). Records of local mail can be made up with postdrop(1), so these never name a login.
 */
import { statSync } from 'node:fs';
import type { Account } from '../../base/account.ts';
import { type CommandResult, runCommand } from '../../base/commands.ts';
import { dropUndefined } from '../../base/defined.ts';
import { SECOND } from '../../base/time.ts';
import { canonicalIp } from '../../model/address.ts';
import type { Submitter } from '../../model/event.ts';
import { findCommandFailure } from '../command.ts';
import type { Failure } from '../target.ts';

/** What a queue file says; empty: nothing about a submitter. */
export interface QueueFile {
  readonly submitter?: Submitter;
}

interface Commands {
  readonly postcat: readonly string[];
  readonly postconf: readonly string[];
}

interface ReadOptions {
  /** read the first header as well, which names a local account */
  readonly withHeader: boolean;
  /** when to stop, ms of performance.now() */
  readonly end: number;
}

interface SubmittersRead {
  readonly files: ReadonlyMap<string, QueueFile>;
  /** how many messages were not read: there was no time, or no permission */
  readonly unread: number;
  readonly failure?: Failure;
}

/** Queue files for one postcat. */
const BATCH = 500;
/** Where postcat stops, because the message has left the queue (postcat.c). */
const GONE = /: fatal: open queue file ([0-9A-Za-z]+): No such file or directory$/m;

/** Reads the queue files of these messages. What has left the queue is skipped. */
export async function readSubmitters(
  commands: Commands,
  ids: readonly string[],
  { withHeader, end }: ReadOptions,
): Promise<SubmittersRead> {
  const files = new Map<string, QueueFile>();
  const argv = [...commands.postcat, withHeader ? '-qeh' : '-qe'];
  let account: Account | undefined;
  let gone = 0;
  let failure: Failure | undefined;
  for (let next = 0; next < ids.length && failure === undefined; ) {
    const timeout = Math.ceil(end - performance.now());
    if (timeout <= 0) break;
    const batch = ids.slice(next, next + BATCH);
    const result = await readBatch(argv, batch, { timeout, account, files });
    const missing = batch.indexOf(GONE.exec(result.stderr)?.[1] ?? '');
    if (missing >= 0) {
      next += missing + 1;
      gone += 1;
      continue;
    }
    failure = result.timedOut ? undefined : findCommandFailure(argv, result, timeout);
    if (failure === undefined) next += batch.length;
    else if (account === undefined && result.stderr.includes('Permission denied')) {
      account = await findQueueOwner(commands.postconf);
      failure = account === undefined ? failure : undefined;
    }
  }
  return dropUndefined({ files, unread: ids.length - files.size - gone, failure });
}

async function readBatch(
  argv: readonly string[],
  batch: readonly string[],
  options: { timeout: number; account: Account | undefined; files: Map<string, QueueFile> },
): Promise<CommandResult> {
  const { timeout, account, files } = options;
  const parser = new PostcatParser(batch);
  const over = new AbortController();
  const given = {
    timeout,
    account,
    signal: over.signal,
    onLine: (line: string) => parser.add(line),
    // Before it ends for a message that is gone, it sleeps a second (msg.c).
    onError: (text: string) => GONE.test(text) && over.abort(),
  };
  const result = await runCommand([...argv, ...batch], dropUndefined(given));
  for (const [id, file] of parser.finish()) files.set(id, file);
  return result;
}

/**
 * The account that owns the queue. A service whose rights are limited by systemd may not read the files of others, even
 * as root, but it may become that account.
 */
async function findQueueOwner(postconf: readonly string[]): Promise<Account | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  const { stdout } = await runCommand([...postconf, '-h', 'queue_directory'], {
    timeout: 10 * SECOND,
  });
  const owner = statSync(`${stdout.trim()}/active`, { throwIfNoEntry: false });
  return owner === undefined || owner.uid === 0 ? undefined : { uid: owner.uid, gid: owner.gid };
}

const ENVELOPE = '*** ENVELOPE RECORDS ';
const CONTENTS = '*** MESSAGE CONTENTS ';

/** Attributes of one message, each the first of its name. */
interface Records {
  login?: string | undefined;
  client?: string | undefined;
  loggedClient?: string | undefined;
  uid?: string | undefined;
}

export class PostcatParser {
  readonly #files = new Map<string, QueueFile>();
  readonly #ids: readonly string[];
  /** place of the current message in the list of IDs */
  #at = -1;
  #records: Records = {};
  #place: 'login' | 'client' | 'header' | 'id' | 'over' = 'over';

  /** `ids`: in the order in which postcat prints them */
  constructor(ids: readonly string[]) {
    this.#ids = ids;
  }

  /** Takes the next line of the output. */
  add(line: string): void {
    if (line.startsWith(ENVELOPE)) this.#begin(line);
    else if (line.startsWith(CONTENTS))
      this.#place = this.#records.client === undefined ? 'header' : 'over';
    else if (this.#place === 'login') this.#readBeforeSender(line);
    else if (this.#place === 'client') this.#readBehindSender(line);
    else if (this.#place === 'header') this.#readReceived(line);
    else if (this.#place === 'id') this.#readReceivedId(line);
  }

  /** By queue ID. */
  finish(): ReadonlyMap<string, QueueFile> {
    this.#save();
    return this.#files;
  }

  /** Reads `*** ENVELOPE RECORDS deferred/4/4ABCDEF012 ***`. An ID out of order was made up. */
  #begin(line: string): void {
    const id = line.slice(line.lastIndexOf('/') + 1, -' ***'.length);
    const at = this.#ids.indexOf(id, Math.max(this.#at, 0));
    if (at < 0) return;
    if (at !== this.#at) this.#save();
    this.#at = at;
    this.#records = {};
    this.#place = 'login';
  }

  #save(): void {
    const id = this.#ids[this.#at];
    if (id !== undefined) this.#files.set(id, buildFile(this.#records));
  }

  #readBeforeSender(line: string): void {
    if (line.startsWith('sender: ')) this.#place = 'client';
    else if (line.startsWith('sender_fullname: '))
      this.#place = 'over'; // only local mail has it
    else this.#records.login ??= readAttribute(line, 'sasl_username');
  }

  #readBehindSender(line: string): void {
    if (line.startsWith('original_recipient: ') || line.startsWith('recipient: '))
      this.#place = 'over';
    this.#records.client ??= readAttribute(line, 'client_address');
    this.#records.loggedClient ??= readAttribute(line, 'log_client_address');
  }

  #readReceived(line: string): void {
    const [, uid] = /^Received: by \S+ \([^()]+, from userid (\d+)\)$/.exec(line) ?? [];
    this.#place = uid === undefined ? 'over' : 'id';
    if (uid !== undefined) this.#records.uid = uid;
  }

  /** Nobody knows the queue ID before Postfix has chosen it: a header with it is Postfix's own. */
  #readReceivedId(line: string): void {
    this.#place = 'over';
    if (!line.startsWith(`\tid ${this.#ids[this.#at]};`)) delete this.#records.uid;
  }
}

function readAttribute(line: string, name: string): string | undefined {
  const start = `named_attribute: ${name}=`;
  return line.startsWith(start) ? line.slice(start.length) : undefined;
}

function buildFile({ login, client, loggedClient, uid }: Records): QueueFile {
  if (login !== undefined) return { submitter: { type: 'user', id: login } };
  // Mail that a content filter hands back names the first client, too (XFORWARD), but not its login.
  if (client !== undefined && readAddress(client) === readAddress(loggedClient ?? client)) {
    const id = readAddress(client);
    return id === undefined ? {} : { submitter: { type: 'client', id } };
  }
  return client === undefined && uid !== undefined ? { submitter: { type: 'uid', id: uid } } : {};
}

/** The log form of an IPv6 address has a prefix (RFC 5321 4.1.3). */
function readAddress(text: string): string | undefined {
  return canonicalIp(text.replace(/^IPv6:/, ''));
}
