/**
 * Whether recipients can be verified: the back ends answer, maps can be looked up and lists be read by the account of the
 * milter, and no back end accepts everything. Asks each back end about one address that nobody has.
 */

import { Resolver } from 'node:dns/promises';
import { constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Account, ownerToBecome } from '../base/account.ts';
import { runCommand } from '../base/commands.ts';
import { silentLog } from '../base/silent-log.ts';
import { counted } from '../base/text.ts';
import { SECOND, systemClock } from '../base/time.ts';
import { WatchedFile } from '../base/watched-file.ts';
import type { Config } from '../config/load.ts';
import type { RecipientsConfig } from '../config/milter-recipients.ts';
import { canonicalIp, isLoopbackAddress, networkSet, parseNetwork } from '../model/address.ts';
import { makeUpAddress } from '../recipients/accepts-all.ts';
import { parseRecipient, type Recipient } from '../recipients/address.ts';
import { parseAddressList } from '../recipients/address-list.ts';
import { Callouts } from '../recipients/callouts.ts';
import type { Source } from '../recipients/options.ts';
import { queryMap } from '../recipients/postfix-map.ts';
import { Routes } from '../recipients/routes.ts';
import { formatServer, type Server } from '../recipients/server.ts';
import type { Answer } from '../recipients/verdict.ts';
import { denied, nameOf } from './access.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import { readUnit } from './units.ts';

/** Back ends that are asked; a transport file can name thousands. */
const MOST_ASKED = 50;
/** Broken lines of one file that are named. */
const MOST_LINES = 5;
/** ms for a map; longer than in service, because this is about whether it works at all */
const MAP_TIMEOUT = 10 * SECOND;

const PARTS = { clock: systemClock, log: silentLog };

/** Nothing, if recipients are not verified. `folders`: where units are, default those of systemd. */
export async function checkRecipients(
  { milter }: Config,
  folders?: readonly string[],
): Promise<Finding[]> {
  const recipients = milter?.recipients;
  if (recipients === undefined) return [];
  const runner = findRunner(recipients);
  const routes = new Routes(recipients.options, PARTS);
  const sources = routes.listSources();
  const callouts = sources.filter(({ source }) => source.kind === 'callout');
  const [tables, others, asked] = await Promise.all([
    Promise.all(routes.tables.map((file) => checkFile(file, 'tables', runner))),
    Promise.all(sources.map((one) => checkSource(one.source, recipients, runner))),
    askAll(callouts, recipients),
  ]);
  return [
    ...checkMode(recipients),
    ...(sources.length === 0 ? [checkNothing(recipients)] : []),
    checkDatabase(recipients),
    ...tables.flat(),
    ...others.flat(),
    ...asked,
    ...checkUnit(sources, folders),
  ];
}

const UNIT = 'postern-milter.service';

/** The unit lets the milter connect to this host alone, unless a drop-in names others. */
function checkUnit(sources: readonly Asked[], folders?: readonly string[]): Finding[] {
  const unit = readUnit(UNIT, folders);
  const words = (key: string) => (unit?.get(key) ?? []).flatMap((value) => value.split(/\s+/));
  const allowed = words('IPAddressAllow');
  if (!words('IPAddressDeny').includes('any') || allowed.includes('any')) return [];
  const open = networkSet(allowed.filter((word) => parseNetwork(word) !== undefined));
  const isOpen = (host: string) =>
    host === 'localhost' || (isIp(host) && (isLoopbackAddress(host) || open.has(host)));
  const hosts = sources.flatMap(({ source }) =>
    source.kind === 'callout' ? source.servers.map(({ host }) => host) : [],
  );
  const [first, ...others] = [...new Set(hosts)].filter((host) => !isOpen(host));
  if (first === undefined) return [];
  const more = others.length === 0 ? '' : ` and ${counted(others.length, 'other back end')}`;
  const what = isIp(first) ? first : `the addresses of ${first}, and of your DNS server`;
  const fix = `systemctl edit ${UNIT}, and add under [Service]: IPAddressAllow= with ${what}`;
  return [warning('milter', `${UNIT} lets the milter not connect to ${first}${more}`, fix)];
}

/** The account of the milter: the owner of its database's folder, if this is root. */
function findRunner({ database }: RecipientsConfig): Account | undefined {
  const folder = dirname(database);
  return existsSync(folder) ? ownerToBecome(folder) : undefined;
}

function checkMode({ options }: RecipientsConfig): Finding[] {
  if (options.mode === 'enforce') return [];
  const fix = 'milter.recipients.mode: enforce, when the figures are as you expect';
  return [warning('milter', 'milter.recipients.mode is observe: no recipient is refused', fix)];
}

function checkNothing({ options }: RecipientsConfig): Finding {
  return options.domains.length > 0
    ? ok('milter', 'all domains are catch-alls: nobody is asked')
    : warning('milter', 'milter.recipients protects no domain', 'name domains or tables');
}

function checkDatabase({ database }: RecipientsConfig): Finding {
  const folder = dirname(database);
  const reason = denied(folder, constants.W_OK | constants.X_OK);
  if (reason === undefined)
    return ok('milter', `milter.recipients.database: the folder ${folder} is writable`);
  const fix = `make the folder ${folder}, and give it to the account of the milter`;
  return wrong('milter', `milter.recipients.database: the folder ${folder} ${reason}`, fix);
}

async function checkSource(
  source: Source,
  { options }: RecipientsConfig,
  runner: Account | undefined,
): Promise<Finding[]> {
  if (source.kind === 'list')
    return checkFile(new WatchedFile(source.file, parseAddressList, PARTS), 'list', runner);
  if (source.kind === 'callout') return [];
  const made = parseRecipient(makeUpAddress('example.invalid')) as Recipient;
  const { postmap, extension } = options;
  const asked = { postmap, extension, map: source.map, timeout: MAP_TIMEOUT };
  const found = await queryMap(runner === undefined ? asked : { ...asked, account: runner }, [
    made,
  ]);
  if (typeof found !== 'string') return [ok('milter', `${source.map} can be looked up`)];
  const who = runner === undefined ? nameOf(undefined) : `uid ${runner.uid}`;
  const fix = `try it as that account: ${postmap.join(' ')} -q postmaster@example.net ${source.map}`;
  return [wrong('milter', `${source.map} cannot be looked up by ${who}: ${found}`, fix)];
}

async function checkFile(
  file: WatchedFile<unknown>,
  what: string,
  runner: Account | undefined,
): Promise<Finding[]> {
  const { failure, problems } = file;
  const name = `milter.recipients, ${what}: ${file.file}`;
  if (failure !== undefined)
    return [wrong('milter', `${name} cannot be read: ${failure}`, 'name a file that exists')];
  if (runner !== undefined && !(await isReadableBy(file.file, runner))) {
    const fix = `let uid ${runner.uid} read it`;
    return [wrong('milter', `${name} cannot be read by uid ${runner.uid}`, fix)];
  }
  const lines = problems.slice(0, MOST_LINES).map(({ line, text }) => `line ${line}: ${text}`);
  if (problems.length > MOST_LINES) lines.push(`and ${problems.length - MOST_LINES} more`);
  return problems.length === 0
    ? [ok('milter', `${name} is readable`)]
    : lines.map((line) => warning('milter', `${name}, ${line}`, 'correct it; it is passed over'));
}

async function isReadableBy(file: string, runner: Account): Promise<boolean> {
  const { status } = await runCommand(['test', '-r', file], { timeout: SECOND, account: runner });
  return status === 0;
}

const isIp = (host: string) => canonicalIp(host) !== undefined;

interface Asked {
  readonly domain: string;
  readonly source: Source;
}

/** Each server once, with a domain of it. */
async function askAll(
  sources: readonly Asked[],
  { options }: RecipientsConfig,
): Promise<Finding[]> {
  const servers = new Map<string, { server: Server; domain: string }>();
  for (const { domain, source } of sources) {
    if (source.kind !== 'callout') continue;
    for (const server of source.servers)
      if (!servers.has(formatServer(server))) servers.set(formatServer(server), { server, domain });
  }
  const resolver = new Resolver({ timeout: SECOND, tries: 2 });
  const callouts = new Callouts(options.callout, { ...PARTS, resolver });
  const chosen = [...servers.values()].slice(0, MOST_ASKED);
  const findings = await Promise.all(
    chosen.map(async ({ server, domain }) => {
      const isNamed = /^[^*.]/.test(domain);
      const address = makeUpAddress(isNamed ? domain : 'example.invalid');
      const answer = await callouts.ask([server], address, options.budget);
      return describeBackEnd(formatServer(server), domain, isNamed, answer);
    }),
  );
  callouts.close();
  const left = servers.size - chosen.length;
  return left > 0
    ? [...findings, ok('milter', `${counted(left, 'more back end')} not asked`)]
    : findings;
}

function describeBackEnd(
  server: string,
  domain: string,
  isNamed: boolean,
  answer: Answer,
): Finding {
  if (answer.kind === 'unknown' && answer.isAnswer !== true) {
    const text = `back end ${server} of ${domain} does not answer: ${answer.step}: ${answer.reason}`;
    return warning('milter', text, 'start it, or correct its name; until then nothing is verified');
  }
  if (!isNamed) return ok('milter', `back end ${server} of ${domain} answers`);
  if (answer.kind === 'invalid')
    return ok('milter', `back end ${server} knows the recipients of ${domain}`);
  if (answer.kind === 'unknown') {
    const text = `back end ${server} of ${domain} does not say whether a recipient exists: ${answer.reason}`;
    return warning('milter', text, 'let it accept questions from this host, without greylisting');
  }
  const text = `back end ${server} accepts every recipient of ${domain}, so nothing can be verified there`;
  return warning(
    'milter',
    text,
    'let it refuse unknown recipients at RCPT, or use role: catch-all',
  );
}
