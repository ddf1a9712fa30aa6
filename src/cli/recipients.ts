/** `postern recipients`: what is known of recipients, by the milter's database. Works while the milter runs. */
import { readFileSync, statSync } from 'node:fs';
import { becomeAccount } from '../base/account.ts';
import { EXIT, type ExitStatus, getCause, located, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { replaceFile } from '../base/files.ts';
import { silentLog } from '../base/log.ts';
import { counted } from '../base/text.ts';
import { formatDuration, formatTime, SECOND, systemClock } from '../base/time.ts';
import { loadShared } from '../config/load.ts';
import { DEFAULT_RECIPIENTS_DATABASE, type RecipientsConfig } from '../config/milter-recipients.ts';
import { mergeBackList } from '../daemon/recipients.ts';
import { parseRecipient } from '../recipients/address.ts';
import { formatBackListLine, parseBackList } from '../recipients/back-list.ts';
import { DEFAULTS, findHeloName } from '../recipients/defaults.ts';
import type { Verdict } from '../recipients/verdict.ts';
import { Verifier } from '../recipients/verifier.ts';
import { openRecipientStore, type RecipientStore, type StoredAnswer } from '../store/recipients.ts';
import { csvRow } from './csv.ts';
import { databaseOwner } from './database.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { Progress } from './progress.ts';
import { parseCount, parsePeriod } from './typed.ts';

type Action = 'list' | 'lookup' | 'forget' | 'import' | 'export';

interface RecipientsOptions extends Omit<CommonOptions, 'format'> {
  readonly format?: 'text' | 'json' | 'csv';
  readonly since?: string;
  readonly until?: string;
  readonly recipient?: string;
  readonly database?: string;
  readonly domain?: string;
  readonly valid?: boolean;
  readonly invalid?: boolean;
  readonly limit?: string;
  readonly ask?: boolean;
  readonly all?: boolean;
  readonly output?: string;
}

interface Work {
  readonly config: RecipientsConfig;
  /** of times that do not name one */
  readonly zone: string;
  readonly words: readonly string[];
  readonly options: RecipientsOptions;
  readonly io: Io;
}

/** Runs one of the actions; `words` are the addresses, or the file of `import`. */
export async function runRecipients(
  action: Action,
  words: readonly string[],
  options: RecipientsOptions,
  io: Io,
): Promise<ExitStatus> {
  refuseSenseless(action, options);
  const work = { ...findConfig(options), words, options, io };
  return await ACTIONS[action](work);
}

/** Which actions an option is for. */
const OPTIONS: Readonly<Partial<Record<keyof RecipientsOptions, readonly Action[]>>> = {
  since: ['list', 'export'],
  until: ['list', 'export'],
  recipient: ['list', 'export'],
  domain: ['list', 'export'],
  valid: ['list', 'export'],
  invalid: ['list', 'export'],
  limit: ['list'],
  ask: ['lookup'],
  all: ['forget'],
  output: ['export'],
};

/** Throws a PosternError (exit status 2) for an option that the action would not look at. */
function refuseSenseless(action: Action, options: RecipientsOptions): void {
  for (const [name, actions] of Object.entries(OPTIONS)) {
    if (options[name as keyof RecipientsOptions] === undefined || actions.includes(action))
      continue;
    throw new PosternError('usage', `recipients ${action}: takes no --${name}`);
  }
}

const ACTIONS: Readonly<Record<Action, (work: Work) => Promise<ExitStatus> | ExitStatus>> = {
  list: runList,
  lookup: runLookup,
  forget: runForget,
  import: runImport,
  export: runExport,
};

/** With --database, no configuration is needed: a milter may run from scam.conf alone. */
function findConfig({ config, database }: RecipientsOptions): Pick<Work, 'config' | 'zone'> {
  const otherwise: RecipientsConfig = {
    database: database ?? DEFAULT_RECIPIENTS_DATABASE,
    options: { ...DEFAULTS, callout: { ...DEFAULTS.callout, helo: findHeloName() } },
  };
  if (database !== undefined && config === undefined) {
    return { config: otherwise, zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
  }
  const { milter, zone } = loadShared(config);
  const found = milter?.recipients ?? otherwise;
  return { config: database === undefined ? found : { ...found, database }, zone };
}

/** As the account of the milter, so that no file becomes root's. */
function withRecipients<T>(
  { database, options }: RecipientsConfig,
  mustExist: boolean,
  work: (store: RecipientStore) => T,
): T {
  const owner = databaseOwner(database);
  if (owner !== undefined) becomeAccount(owner);
  const { store } = openRecipientStore(database, options.cache.most, { mustExist });
  try {
    return work(store);
  } finally {
    store.close();
  }
}

function runList(work: Work): ExitStatus {
  const { config, words, options, io } = work;
  expectNone(words);
  const filter = readFilter(work);
  return withRecipients(config, true, (store) => {
    let count = 0;
    if (options.format === 'csv') io.stdout(csvRow(COLUMNS));
    for (const answer of store.list(filter)) {
      count++;
      io.stdout(FORMS[options.format ?? 'text'](answer));
    }
    if (count === 0 && isText(options)) io.stdout('No recipients are known.\n');
    return EXIT.done;
  });
}

const COLUMNS = ['recipient', 'valid', 'time'];

function toCsv({ address, isValid, time }: StoredAnswer): string {
  return csvRow([toText(address), isValid, formatTime(time)]);
}

const FORMS = {
  text: listLine,
  json: (answer: StoredAnswer) => jsonLine(toJson(answer)),
  csv: toCsv,
} as const;

function isText({ format = 'text' }: RecipientsOptions): boolean {
  return format === 'text';
}

function readFilter({ options, zone }: Work) {
  const { domain, valid, invalid, limit, recipient } = options;
  if (valid === true && invalid === true)
    throw new PosternError('usage', 'recipients: name one of --valid and --invalid');
  return {
    ...(domain === undefined ? {} : { domain: toBytes(domain.replace(/^@/, '')).toLowerCase() }),
    ...(valid === true ? { isValid: true } : {}),
    ...(invalid === true ? { isValid: false } : {}),
    ...(limit === undefined ? {} : { limit: parseCount('--limit', limit) }),
    ...(recipient === undefined ? {} : { address: readAddresses([recipient])[0] as string }),
    ...parsePeriod(options, zone),
  };
}

/** What the database knows, or with --ask what the back end says now. Exit status 1 if one is not known. */
async function runLookup(work: Work): Promise<ExitStatus> {
  const addresses = readAddresses(work.words);
  return work.options.ask === true
    ? await askNow(addresses, work)
    : withRecipients(work.config, true, (store) => lookUp(addresses, store, work));
}

function lookUp(
  addresses: readonly string[],
  store: RecipientStore,
  { config, options, io }: Work,
): ExitStatus {
  const answers = addresses.map((address) => ({ address, answer: store.read(address) }));
  if (options.format === 'csv') io.stdout(csvRow(COLUMNS));
  for (const { address, answer } of answers) {
    if (options.format === 'json')
      io.stdout(jsonLine(answer === undefined ? { address: toText(address) } : toJson(answer)));
    else if (options.format === 'csv')
      io.stdout(
        answer === undefined ? csvRow([toText(address), undefined, undefined]) : toCsv(answer),
      );
    else io.stdout(`${shown(address)}: ${describe(answer, config)}\n`);
  }
  return answers.every(({ answer }) => answer !== undefined) ? EXIT.done : EXIT.failed;
}

function describe(answer: StoredAnswer | undefined, { options }: RecipientsConfig): string {
  if (answer === undefined) return 'not known';
  const { isValid, time } = answer;
  const until = time + (isValid ? options.cache.valid : options.cache.invalid);
  const age = Math.round((systemClock.now() - time) / SECOND) * SECOND;
  const state = systemClock.now() < until ? 'holds until' : 'expired at';
  return `${isValid ? 'valid' : 'invalid'}, known for ${formatDuration(age)}, ${state} ${formatTime(until)}`;
}

/** Asks past the cache, and leaves the database as it is. */
async function askNow(
  addresses: readonly string[],
  { config, options, io }: Work,
): Promise<ExitStatus> {
  const store = { read: () => undefined, write: () => undefined, version: () => 0 };
  const verifier = new Verifier(config.options, { clock: systemClock, log: silentLog, store });
  let status: ExitStatus = EXIT.done;
  for (const address of addresses) {
    const verdict = await verifier.verify(address, { authenticated: false, local: false });
    if (verdict.kind === 'unknown') status = EXIT.failed;
    if (options.format === 'json') io.stdout(jsonLine({ address: toText(address), ...verdict }));
    else io.stdout(`${shown(address)}: ${describeVerdict(verdict)}\n`);
  }
  verifier.close();
  return status;
}

function describeVerdict(verdict: Verdict): string {
  if (verdict.kind === 'not-ours') return 'not verified: no back end is named for its domain';
  if (verdict.kind === 'skipped') return `not verified: skipped for ${verdict.why}`;
  if (verdict.kind === 'unknown') return `unknown, failed at ${verdict.step}: ${verdict.reason}`;
  return `${verdict.kind}, by ${verdict.from}`;
}

function runForget({ config, words, options, io }: Work): ExitStatus {
  if (options.all === true) expectNone(words);
  const domains = words.filter((word) => word.startsWith('@')).map((word) => word.slice(1));
  const others = words.filter((word) => !word.startsWith('@'));
  const addresses = options.all === true ? [] : others.length > 0 ? readAddresses(others) : [];
  if (options.all !== true && words.length === 0)
    throw new PosternError('usage', 'recipients forget: name addresses, @domains, or --all');
  return withRecipients(config, true, (store) => {
    const ofDomains = domains.map((name) => store.forgetAll(toBytes(name).toLowerCase()));
    const count =
      options.all === true
        ? store.forgetAll()
        : store.forget(addresses) + ofDomains.reduce((sum, one) => sum + one, 0);
    if (options.format === 'json') io.stdout(jsonLine({ forgotten: count }));
    else io.stdout(`${counted(count, 'recipient')} forgotten.\n`);
    return EXIT.done;
  });
}

/** Takes lines of a BackList and those of `export --format json`. Broken lines are named and passed over. */
function runImport({ config, words, options, io }: Work): ExitStatus {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0)
    throw new PosternError('usage', 'recipients import: name one file, or - for standard input');
  const { text, written } = readImport(file);
  const { answers, listed, problems } = parseImport(text);
  for (const { line, text: problem } of problems)
    io.stderr(`${escapeControls(located({ file, line }, `passed over: ${problem}`))}\n`);
  return withRecipients(config, false, (store) => {
    const progress = new Progress(io, 'line');
    const whole = answers.length + listed.length;
    inParts(answers, (part, at) => {
      const failure = store.write(part);
      if (failure !== undefined) throw new PosternError('environment', failure);
      progress.add(part.length, (at + part.length) / whole);
    });
    inParts(listed, (part, at) => {
      mergeBackList(store, part, written);
      progress.add(part.length, (answers.length + at + part.length) / whole);
    });
    progress.end();
    const [count, passed] = [answers.length + listed.length, problems.length];
    if (options.format === 'json') io.stdout(jsonLine({ imported: count, passedOver: passed }));
    else
      io.stdout(
        `${counted(count, 'recipient')} imported, ${counted(passed, 'line')} passed over.\n`,
      );
    return EXIT.done;
  });
}

/** Lines of an import that are one transaction. */
const PART = 10_000;

function inParts<T>(all: readonly T[], work: (part: readonly T[], at: number) => void): void {
  for (let at = 0; at < all.length; at += PART) work(all.slice(at, at + PART), at);
}

/** Before root becomes another account: the file may be root's. */
function readImport(file: string): { readonly text: string; readonly written: number } {
  try {
    if (file === '-') return { text: readFileSync(0, 'latin1'), written: systemClock.now() };
    return { text: readFileSync(file, 'latin1'), written: statSync(file).mtimeMs };
  } catch (error) {
    throw new PosternError('environment', `${file}: cannot be read: ${getCause(error)}`, {
      place: { file },
      cause: error,
    });
  }
}

/** JSON lines have times; the others keep their line numbers. */
function parseImport(text: string) {
  const answers: StoredAnswer[] = [];
  const lines = text.split('\n').map((line) => {
    const answer = line.startsWith('{') ? parseJsonAnswer(line) : undefined;
    if (answer === undefined) return line;
    answers.push(answer);
    return '';
  });
  const { value: listed, problems } = parseBackList(lines.join('\n'));
  return { answers, listed, problems };
}

function parseJsonAnswer(line: string): StoredAnswer | undefined {
  try {
    const value = JSON.parse(Buffer.from(line, 'latin1').toString('utf8'));
    const recipient = parseRecipient(toBytes(String(value.address)));
    const time = Date.parse(String(value.time));
    if (recipient === undefined || typeof value.valid !== 'boolean' || Number.isNaN(time))
      return undefined;
    return { address: recipient.address, isValid: value.valid, time };
  } catch {
    return undefined;
  }
}

/** As text, the lines of a BackList. */
function runExport(work: Work): ExitStatus {
  const { config, words, options, io } = work;
  expectNone(words);
  const filter = readFilter(work);
  return withRecipients(config, true, (store) => {
    const forms = { ...FORMS, text: formatBackListLine };
    const lines = function* () {
      if (options.format === 'csv') yield csvRow(COLUMNS);
      for (const answer of store.list(filter)) yield forms[options.format ?? 'text'](answer);
    };
    const isBytes = isText(options);
    if (options.output === undefined)
      for (const line of lines()) io.stdout(isBytes ? toText(line) : line);
    else
      replaceFile(options.output, Buffer.from([...lines()].join(''), isBytes ? 'latin1' : 'utf8'));
    return EXIT.done;
  });
}

function listLine(answer: StoredAnswer): string {
  const word = answer.isValid ? 'valid  ' : 'invalid';
  return `${word}  ${formatTime(answer.time).slice(0, 19)}Z  ${shown(answer.address)}\n`;
}

function toJson({ address, isValid, time }: StoredAnswer) {
  return { address: toText(address), valid: isValid, time: formatTime(time) };
}

function readAddresses(words: readonly string[]): string[] {
  if (words.length === 0) throw new PosternError('usage', 'recipients: name at least one address');
  return words.map((word) => {
    const recipient = parseRecipient(toBytes(word));
    if (recipient !== undefined) return recipient.address;
    throw new PosternError('usage', `not an address: ${JSON.stringify(word)}`);
  });
}

function expectNone(words: readonly string[]): void {
  if (words.length > 0)
    throw new PosternError('usage', `recipients: unexpected argument ${JSON.stringify(words[0])}`);
}

/** Addresses are bytes in the database, and UTF-8 outside. */
function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function shown(address: string): string {
  return escapeControls(toText(address));
}
