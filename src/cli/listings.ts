/** `postern listings`: our addresses and names on DNS blocklists, and what the log has of refusals because of them. */
import { existsSync } from 'node:fs';
import { becomeAccount } from '../base/account.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { lowerAscii } from '../base/text.ts';
import { DAY, formatTime, HOST_ZONE, systemClock } from '../base/time.ts';
import { readDqsKey } from '../config/listings.ts';
import { type Config, DEFAULT_CONFIG_FILE, loadConfig } from '../config/load.ts';
import { chooseLists } from '../daemon/listing-watch.ts';
import { findOwnAddresses, type OwnAddress } from '../daemon/own-addresses.ts';
import { isBelow } from '../model/event-query.ts';
import type { ListingResult } from '../model/listing.ts';
import { wrap } from '../notify/compose.ts';
import { ListingProbe, pairUp } from '../probe/listings.ts';
import { type Blocklist, findList, isDead, shippedLists } from '../probe/lists.ts';
import { parseSubject } from '../probe/query-name.ts';
import { namePublicResolvers, parseServer, Questions } from '../probe/resolver.ts';
import type { Period } from '../report/calendar.ts';
import {
  describeReputation,
  gatherReputation,
  type ReputationRefusal,
  reputationToJson,
} from '../report/reputation.ts';
import { SETUP_MTAS } from '../setup/mtas.ts';
import { Store } from '../store/store.ts';
import { csvRow } from './csv.ts';
import { databaseOwner } from './database.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { fitLines } from './screen-table.ts';
import { parsePeriod } from './typed.ts';

interface ListingsOptions extends Omit<CommonOptions, 'format'> {
  readonly format?: 'text' | 'json' | 'csv';
  readonly since?: string;
  readonly until?: string;
  readonly host?: string;
  /** of CSV */
  readonly table?: 'lists' | 'refusals';
  readonly address?: readonly string[];
  readonly list?: readonly string[];
  readonly resolver?: string;
}

/** How far back the log is searched for refusals, ms. */
const SEARCHED = 7 * DAY;

/** Exit status 1 when something is listed by a list that is not for information only. */
export async function runListings(options: ListingsOptions, io: Io): Promise<ExitStatus> {
  const lists = options.list?.map(parseList);
  const given = options.address?.map(parseAddress);
  if (options.table !== undefined && options.format !== 'csv')
    throw new PosternError('usage', '--table: needs --format csv');
  const server = options.resolver === undefined ? undefined : parseResolver(options.resolver);
  const config = findConfig(options);
  const owner = config === undefined ? undefined : databaseOwner(config.database);
  if (owner !== undefined) becomeAccount(owner);
  const dqsKey = readDqsKey(config?.listings);
  const store = config === undefined ? undefined : openStore(config, io);
  try {
    const now = systemClock.now();
    const period = readPeriod(options, config, now);
    const own = given ?? (config === undefined ? [] : await findOwn(config, store, now));
    if (own.length === 0) throw nothingToAsk();
    const questions = new Questions({ server: server ?? config?.listings?.resolver });
    const asked = lists ?? chooseLists(config?.listings?.lists);
    const pairs = pairUp(
      own.map(({ subject }) => subject),
      asked,
    );
    const results = await new ListingProbe().ask(pairs, questions, { now, dqsKey });
    questions.close();
    const reputation = gatherRefusals(store, period, options.host);
    const shown = { own, results, reputation, questions, isDefault: lists === undefined };
    if (options.format === 'json') io.stdout(toJson(results, reputation));
    else if (options.format === 'csv')
      io.stdout(options.table === 'refusals' ? refusalsCsv(reputation) : listsCsv(results));
    else io.stdout(fitLines(io, toText({ ...shown, period: describePeriod(options) })));
    const isListed = results.some(
      ({ state, cost }) => state === 'listed' && cost !== 'information',
    );
    return isListed ? EXIT.failed : EXIT.done;
  } finally {
    store?.close();
  }
}

/** Of the log, ms. Throws a PosternError (exit status 2). */
function readPeriod(options: ListingsOptions, config: Config | undefined, now: number): Period {
  const { until = now + 1, since = until - SEARCHED } = parsePeriod(
    options,
    config?.zone ?? HOST_ZONE,
  );
  return { since, until };
}

function describePeriod({ since, until }: ListingsOptions): string {
  if (since === undefined && until === undefined) return 'From the log of the last 7 days';
  return 'From the log of that period';
}

/** `host`: the provider, or a name above it. */
function gatherRefusals(
  store: Store | undefined,
  { since, until }: Period,
  host: string | undefined,
): ReputationRefusal[] {
  if (store === undefined) return [];
  const all = gatherReputation(store, since, until);
  return host === undefined ? all : all.filter((one) => isBelow(one.provider, lowerAscii(host)));
}

/** With `--address` there need not be a configuration. */
function findConfig({ config, address }: ListingsOptions): Config | undefined {
  const isOptional = address !== undefined && config === undefined;
  return isOptional && !existsSync(DEFAULT_CONFIG_FILE) ? undefined : loadConfig(config);
}

/** Without a database there is no evidence from the log, but the lists can be asked all the same. */
function openStore(config: Config, io: Io): Store | undefined {
  try {
    return new Store(config.database, { readonly: true });
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    io.stderr(`postern: what the log has is not shown: ${error.message}\n`);
    return undefined;
  }
}

async function findOwn(
  config: Config,
  store: Store | undefined,
  now: number,
): Promise<OwnAddress[]> {
  const sendsAs = await SETUP_MTAS[config.mta].findSendsAs(config);
  return findOwnAddresses({ config: config.listings, sendsAs, store, now });
}

function nothingToAsk(): PosternError {
  return new PosternError(
    'usage',
    'no public address of this server was found: name it with --address, or as listings.addresses in the configuration',
  );
}

function parseAddress(text: string): OwnAddress {
  const parsed = parseSubject(text);
  if (parsed !== undefined) return { subject: parsed.subject, from: '--address' };
  throw new PosternError(
    'usage',
    `--address ${text}: expected an IP address or a domain such as mail.example.net`,
  );
}

function parseList(text: string): Blocklist {
  const known = findList(text);
  if (known !== undefined) return known;
  const names = shippedLists().map(({ name }) => name);
  throw new PosternError(
    'usage',
    `--list ${text}: expected ${names.join(', ')}, or a zone of these`,
  );
}

function parseResolver(text: string): string {
  const server = parseServer(text);
  if (server !== undefined) return server;
  throw new PosternError(
    'usage',
    `--resolver ${text}: expected an IP address with or without a port, such as 127.0.0.1:5353`,
  );
}

function toJson(
  results: readonly ListingResult[],
  reputation: readonly ReputationRefusal[],
): string {
  return jsonLine({ results, reputation: reputation.map(reputationToJson) });
}

function listsCsv(results: readonly ListingResult[]): string {
  const rows = results.map(({ address, list, state, cost, codes, meaning, removal }) =>
    csvRow([address, list, state, cost, codes.join(' '), meaning, removal]),
  );
  const head = ['address', 'list', 'state', 'cost', 'codes', 'meaning', 'removal'];
  return csvRow(head) + rows.join('');
}

function refusalsCsv(reputation: readonly ReputationRefusal[]): string {
  const rows = reputation.map(({ provider, since, last, refusals, ended, ...rest }) =>
    csvRow([
      ...[provider, refusals, formatTime(since), formatTime(last)],
      ...[ended === undefined ? undefined : formatTime(ended), rest.named.join(' ')],
      ...[rest.addresses.join(' '), rest.queueIds.length, rest.reply],
    ]),
  );
  const head = ['provider', 'refusals', 'since', 'last', 'ended', 'named', 'addresses', 'queued'];
  return csvRow([...head, 'reply']) + rows.join('');
}

interface Shown {
  /** which period of the log was searched, the begin of a sentence */
  readonly period: string;
  readonly own: readonly OwnAddress[];
  readonly results: readonly ListingResult[];
  readonly reputation: readonly ReputationRefusal[];
  readonly questions: Questions;
  /** all lists that work were asked */
  readonly isDefault: boolean;
}

function toText(shown: Shown): string {
  const { own, results, reputation, questions, isDefault, period } = shown;
  const parts = [
    ...describeResolver(questions),
    ...own.map((one) => describeAddress(one, results)),
    ...(isDefault ? [describeDead()] : []),
    ...describeLog(reputation, period),
  ];
  return parts.join('\n');
}

function describeResolver({ servers }: Questions): string[] {
  const open = namePublicResolvers(servers);
  if (open.length === 0) return [];
  return [
    `The resolver ${open.join(', ')} is open to everybody, and many lists refuse such resolvers. Ask your own: --resolver.\n`,
  ];
}

/** The widest state, `unknown`. */
const STATE_WIDTH = 8;
const INDENT = ' '.repeat(2 + STATE_WIDTH);

function describeAddress({ subject, from }: OwnAddress, results: readonly ListingResult[]): string {
  const about = results.filter(({ address }) => address === subject);
  const lines = about.flatMap(describeResult);
  if (lines.length === 0) lines.push('  No list is about addresses of this kind.');
  return [escapeControls(`${subject} (${from})`), ...lines, ''].join('\n');
}

function describeResult({ list, state, codes, meaning, removal, cost }: ListingResult): string[] {
  const shown = codes.length === 0 ? '' : ` (${codes.join(', ')})`;
  const detail = state === 'clear' ? '' : `: ${meaning}${shown}`;
  const isInformation = state === 'listed' && cost === 'information';
  return [
    wrap(`  ${state.padEnd(STATE_WIDTH)}${list}${detail}`, INDENT),
    ...(isInformation ? [wrap(`${INDENT}For information only: ${aboutList(list)}`, INDENT)] : []),
    ...(removal === '' ? [] : [wrap(`${INDENT}Removal: ${removal}`, INDENT)]),
  ];
}

function aboutList(name: string): string {
  return findList(name)?.about ?? '';
}

function describeDead(): string {
  const names = shippedLists()
    .filter(isDead)
    .map(({ name }) => name);
  return wrap(`Not asked, because they no longer work: ${names.join(', ')}.\n`, '');
}

const MOST_IDS = 20;

function describeLog(reputation: readonly ReputationRefusal[], period: string): string[] {
  if (reputation.length === 0) return [];
  const lines = reputation.flatMap((refusal) => [
    `  ${escapeControls(describeReputation(refusal))}`,
    `    ${escapeControls(refusal.reply)}`,
    ...describeQueued(refusal).map(escapeControls),
  ]);
  const title = `${period}, refusals because of our reputation:`;
  return [[title, ...lines.map((line) => wrap(line, '    ')), ''].join('\n')];
}

function describeQueued({ queueIds }: ReputationRefusal): string[] {
  if (queueIds.length === 0) return [];
  const more = queueIds.length > MOST_IDS ? ` and ${queueIds.length - MOST_IDS} more` : '';
  return [
    `    Still queued, to send again once it is over: ${queueIds.slice(0, MOST_IDS).join(' ')}${more}`,
  ];
}
