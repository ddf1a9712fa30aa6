/** `postern allow` and `postern except`: exceptions that the running service reads at once, and that can be undone. */
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus, getMessage, PosternError } from '../base/errors.ts';
import { escapeControls, quoteForShell } from '../base/escape.ts';
import { formatTime, systemClock } from '../base/time.ts';
import {
  addException,
  canHold,
  type ExceptedKey,
  type Exception,
  formatExceptedKey,
  parseExceptedKey,
  readExceptions,
  removeException,
} from '../config/exceptions.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { loadRules } from '../judge/rule.ts';
import { canonicalLogin } from '../model/login.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { assertAccount, listForms } from './account-forms.ts';
import { BlockChange } from './block-change.ts';
import { blockedText } from './block-text.ts';
import { withStore } from './database.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { refuseIdentity } from './refused-identity.ts';

interface AllowOptions extends CommonOptions {
  readonly why?: string;
  readonly undo?: boolean;
}

/** Without an identity: lists them. Exit status 1 when there is nothing to undo, or a block is still in force. */
export async function runAllow(
  identity: string | undefined,
  options: AllowOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  if (identity === undefined) return list(config, options, io);
  const exception = { key: await parseKey(identity, config) };
  const status = change(exception, config, options, io);
  if (status !== EXIT.done || options.undo === true) return status;
  return await endBlock(exception.key, config, options, io);
}

/** The same for one rule, by its name. */
export async function runExcept(
  rule: string | undefined,
  identity: string | undefined,
  options: AllowOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  if (rule === undefined) return list(config, options, io);
  if (identity === undefined)
    throw new PosternError('usage', `except ${rule}: expected whom, such as alice@example.net`);
  // A rule may be gone when its exception is undone.
  if (options.undo !== true) assertRule(rule, config);
  const key = await parseKey(identity, config);
  if (!canHold(key, rule)) {
    throw new PosternError(
      'usage',
      `${identity}: a rule has no exceptions for local accounts; postern allow has`,
    );
  }
  return change({ rule, key }, config, options, io);
}

const WHOM =
  'alice@example.net, @example.net, 192.0.2.7, 192.0.2.0/24, uid:33 or sender:alice@example.net';

/** As the log names it: a local account by number or by name, a login in its one form. */
async function parseKey(text: string, config: Config): Promise<ExceptedKey> {
  const key = parseExceptedKey(text) ?? refuseIdentity(text, WHOM);
  if (key.type === 'domain') return key;
  if (/[\s#]/.test(key.id)) {
    throw new PosternError('usage', `${text}: with a space or a #, only allow.users can name it`);
  }
  const person = key.type === 'user' ? { ...key, id: canonicalLogin(config.logins, key.id) } : key;
  const forms = await listForms(person, config);
  assertAccount(text, forms);
  return forms[0];
}

function assertRule(name: string, { rules }: Config): void {
  const names = loadRules(rules).map((rule) => rule.name);
  if (names.includes(name)) return;
  throw new PosternError('usage', `except ${name}: expected a rule: ${names.join(', ')}`);
}

function change(
  exception: Exception,
  config: Config,
  { why, undo, format }: AllowOptions,
  io: Io,
): ExitStatus {
  const file = config.exceptions;
  const whom = formatExceptedKey(exception.key);
  const what = `${whom} is`;
  if (undo !== true && why === undefined) {
    throw new PosternError('usage', `${whom}: expected --why TEXT, for your colleagues`);
  }
  const full = why === undefined ? exception : { ...exception, note: writeNote(why) };
  const done =
    undo === true
      ? attempt(file, () => removeException(file, exception))
      : attempt(file, () => add(file, full));
  if (!done) {
    io.stderr(`${whom}: there is no such exception in ${file}\n`);
    return EXIT.failed;
  }
  if (format === 'json') io.stdout(jsonLine({ ...toJson(full), undone: undo === true, file }));
  else io.stdout(`${escapeControls(describe(what, exception, undo === true))} (${file}).\n`);
  return EXIT.done;
}

function add(file: string, exception: Exception): true {
  addException(file, exception);
  return true;
}

function describe(what: string, { rule }: Exception, undone: boolean): string {
  if (rule === undefined)
    return undone ? `${what} no longer allowed` : `${what} never blocked from now on`;
  return undone
    ? `${what} no longer excepted from ${rule}`
    : `${what} excepted from ${rule} from now on`;
}

function attempt<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PosternError) throw error;
    throw new PosternError('environment', `${file}: not written: ${getMessage(error)}`, {
      code: 'exceptions',
      cause: error,
    });
  }
}

/** On one line, with when and who. */
function writeNote(why: string): string {
  const { SUDO_USER, LOGNAME, USER } = process.env;
  const who = SUDO_USER ?? LOGNAME ?? USER ?? `uid ${process.getuid?.()}`;
  return escapeControls(`${formatTime(systemClock.now())} ${who}: ${why}`);
}

function list(config: Config, { format }: CommonOptions, io: Io): ExitStatus {
  const { entries, problems } = readExceptions(config.exceptions);
  for (const entry of entries) {
    if (format === 'json') io.stdout(jsonLine(toJson(entry)));
    else {
      const { rule, key, note } = entry;
      const words = rule === undefined ? 'allow' : `except ${rule}`;
      io.stdout(
        `${escapeControls(`${words} ${formatExceptedKey(key)}${note === undefined ? '' : `  # ${note}`}`)}\n`,
      );
    }
  }
  if (entries.length === 0 && format !== 'json')
    io.stdout('There are no exceptions but those of the configuration and the rules.\n');
  for (const problem of problems) io.stderr(`${escapeControls(problem)}\n`);
  return problems.length === 0 ? EXIT.done : EXIT.failed;
}

function toJson({ rule, key, note }: Exception): object {
  return dropUndefined({ rule, key, note });
}

/** A network is blocked with all that is in it. */
function reportWider(over: StoredBlock | undefined, key: ExceptedKey, io: Io): ExitStatus {
  if (over === undefined) return EXIT.done;
  const who = blockedText(over);
  io.stderr(
    `${formatExceptedKey(key)} is in ${who}, which is blocked as a whole (block ${over.id}): postern unblock ${quoteForShell(who)}\n`,
  );
  return EXIT.failed;
}

/** Who is allowed is not blocked either: ends the block of this very identity. */
async function endBlock(
  key: ExceptedKey,
  config: Config,
  options: CommonOptions,
  io: Io,
): Promise<ExitStatus> {
  if (key.type === 'domain') return EXIT.done;
  try {
    return await withStore(config, async (store) => {
      const block = store.blocks.running(key);
      if (block === undefined) return reportWider(store.blocks.runningOver(key), key, io);
      const now = systemClock.now();
      store.commit(() => store.blocks.release(block.id, now, 'operator', store.events.newest()));
      return await new BlockChange(store, config, options, io).end(block);
    });
  } catch (error) {
    // Before the first start there is no database, and no block.
    if (error instanceof PosternError && error.code === 'database-missing') return EXIT.done;
    throw error;
  }
}
