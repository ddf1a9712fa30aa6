/** Whether every smtpd of Postfix asks the milter (`smtpd_milters`). Asks only postconf(1). */
import type { ListenAddress } from '../../base/listen-address.ts';
import { parseMilterAddress } from '../../base/listen-address.ts';
import type { MilterConfig } from '../../config/load.ts';
import { type Finding, ok, warning, wrong } from '../finding.ts';
import { ask, describeFailure } from '../programs.ts';
import { indented } from '../steps.ts';
import { postfixSettings } from './find.ts';
import { isBelow, isSameAddress, policyAddress, QUEUE_DIRECTORY } from './policy-recipe.ts';
import { splitWords } from './restriction-list.ts';
import { checkSignedRecipients } from './return-path.ts';
import { isReinjection, type SmtpdService, smtpdServices } from './services.ts';

const SETTINGS = ['smtpd_milters', 'queue_directory', 'content_filter', 'compatibility_level'];

export async function checkPostfixMilter(
  { listen, returnPath }: MilterConfig,
  postconf: readonly string[],
  postmap: readonly string[],
): Promise<Finding[]> {
  const version = await ask([...postconf, '-h', 'mail_version']);
  const failure = describeFailure(postconf, version);
  if (failure !== undefined)
    return [wrong('milter', failure, 'name the folder of main.cf: --postfix-config DIR')];
  const main = await postfixSettings(postconf, SETTINGS);
  const services = (await smtpdServices(postconf, main)).filter((one) => !isReinjection(one));
  const isUsed = services.some((service) => findFilter(service, listen) !== undefined);
  const signed =
    returnPath === undefined ? [] : await checkSignedRecipients(returnPath, postconf, postmap);
  return [...services.map((service) => checkService(service, listen, isUsed)), ...signed];
}

/** A service without the milter is a decision, if another one has it. */
function checkService(
  service: SmtpdService,
  listen: readonly ListenAddress[],
  isUsed: boolean,
): Finding {
  const { name, chroot } = service;
  const queue = service.setting('queue_directory') || QUEUE_DIRECTORY;
  const used = findFilter(service, listen);
  if (used !== undefined) return ok('milter', `${name} asks ${used}`);
  const address =
    listen.find((one) => !chroot || one.kind === 'inet' || isBelow(one.path, queue)) ?? listen[0];
  const first = address as ListenAddress;
  if (chroot && first.kind === 'unix' && !isBelow(first.path, queue)) {
    const text = `${name} is chrooted to ${queue} and cannot reach unix:${first.path}`;
    return wrong('milter', text, `milter.listen: unix:${queue}/postern-milter/milter`);
  }
  const text = `${name} does not ask the milter`;
  return (isUsed ? warning : wrong)('milter', text, describeFix(service, first, queue));
}

function describeFix(
  { name, setting, overrides }: SmtpdService,
  address: ListenAddress,
  queue: string,
): string {
  const value = milterValue(address, queue, setting('smtpd_milters'));
  if (overrides('smtpd_milters'))
    return `in master.cf, for ${name}: -o smtpd_milters=${value.replaceAll(' ', '')}`;
  return `set this in main.cf, then run postfix reload:\nsmtpd_milters = ${value}`;
}

/** `smtpd_milters` with ours in front of what it has `now`. */
function milterValue(address: ListenAddress, queue: string, now: string): string {
  const entry = `{ ${policyAddress(address, queue)}, command_timeout=30s, default_action=tempfail }`;
  return [entry, ...(now.trim() === '' ? [] : [now.trim()])].join(', ');
}

/** What `postern init --milter` prints; `settings`: of main.cf, as they are now. */
export function postfixMilterSteps(
  { listen }: MilterConfig,
  settings: ReadonlyMap<string, string>,
): string[] {
  const queue = settings.get('queue_directory') ?? QUEUE_DIRECTORY;
  const address = listen[0] as ListenAddress;
  const now = settings.get('smtpd_milters') ?? '';
  const isNamed = splitWords(now).some((word) => isOurs(firstWord(word), address, queue, false));
  const value = isNamed ? now : milterValue(address, queue, now);
  return [
    `Make the account of the milter, the folder of its socket and its unit, and start it (docs/milter.md):\n\n${indented(INSTALL)}\n`,
    `When it runs, set this in main.cf, and make Postfix read it. While milter.recipients and milter.returnPath are\n   missing in the configuration, the milter accepts everything and counts it:\n\n    smtpd_milters = ${value}\n`,
  ];
}

const INSTALL = `cd "$(npm root -g)"/postern/systemd
cp postern-milter.service /etc/systemd/system/
cp postern-milter.sysusers.conf /etc/sysusers.d/postern-milter.conf
cp postern-milter.tmpfiles.conf /etc/tmpfiles.d/postern-milter.conf
systemd-sysusers && systemd-tmpfiles --create
systemctl daemon-reload
systemctl enable --now postern-milter`;

/** The entry of `smtpd_milters` that is ours. */
function findFilter(service: SmtpdService, listen: readonly ListenAddress[]): string | undefined {
  const queue = service.setting('queue_directory') || QUEUE_DIRECTORY;
  return splitWords(service.setting('smtpd_milters'))
    .map((word) => firstWord(word).replace(/^local:/, 'unix:'))
    .find((word) => listen.some((address) => isOurs(word, address, queue, service.chroot)));
}

/** The address of an entry with settings of its own, `{ inet:127.0.0.1:8900, default_action=accept }`. */
function firstWord(entry: string): string {
  return splitWords(entry.replace(/^\{(.*)\}$/s, '$1'))[0] ?? '';
}

function isOurs(word: string, address: ListenAddress, queue: string, chroot: boolean): boolean {
  if (address.kind === 'unix') return isSameAddress(word, address, queue, chroot);
  const other = parseMilterAddress(word);
  return (
    other?.kind === 'inet' &&
    other.port === address.port &&
    plainHost(other.host) === plainHost(address.host)
  );
}

function plainHost(host: string): string {
  return host === 'localhost' ? '127.0.0.1' : host;
}
