/**
 * Whether every smtpd asks the policy service, if the configuration has one, and lets mail pass while the service is
 * down; and whether none asks it, if not. Judges what postconf(1) printed; does not ask the service.
 */
import { join, resolve } from 'node:path';
import { type ListenAddress, parseListenAddress } from '../../base/listen-address.ts';
import type { Config } from '../../config/load.ts';
import { loadDeferring } from '../deferring.ts';
import { ENFORCE_FIRST, type Finding, ok, warning, wrong } from '../finding.ts';
import {
  isPosterns,
  mailGets,
  mailPasses,
  type Outcome,
  unansweredFinding,
} from '../unanswered.ts';
import { listFix } from './fix.ts';
import {
  isBelow,
  isSameAddress,
  policyAddress,
  policyLines,
  QUEUE_DIRECTORY,
} from './policy-recipe.ts';
import { refusesAll } from './restriction-effect.ts';
import { type Entry, parseService } from './restriction-list.ts';
import { isReinjection, LISTS, type List, type SmtpdService } from './services.ts';

/** Settings that `checkPostfixPolicy` reads from a service, beside the restriction lists. */
export const POLICY_SETTINGS = [
  'queue_directory',
  'smtpd_policy_service_default_action',
  'smtpd_policy_service_try_limit',
  'smtpd_policy_service_retry_delay',
  'smtpd_sasl_auth_enable',
];

/** Everything else refuses all mail while the service is down: Postfix's own default, and what is not an action. */
const PASSES = /^dunno$/i;

/** If the configuration has no policy service, reports only questions to it. */
export function checkPostfixPolicy(config: Config, services: readonly SmtpdService[]): Finding[] {
  const { policy, mode } = config;
  if (policy === undefined) return services.flatMap((service) => checkUnanswered(service, config));
  const front = services.filter((service) => !isReinjection(service));
  if (front.length === 0) return [];
  const findings = front.flatMap((service) => checkService(service, policy.listen, mode));
  findings.push(...checkDeferring(front, config));
  if (findings.length > 0) return findings;
  const address = policyAddress(policy.listen, findQueueDirectory(front[0] as SmtpdService));
  return [ok('mta', `check_policy_service ${address} is in use`)];
}

/** Lists that smtpd goes through before it takes a recipient. */
const BEFORE_RECIPIENT = LISTS.filter(
  (list) => list !== 'smtpd_data_restrictions' && list !== 'smtpd_end_of_data_restrictions',
);

/** Rules that defer need a question at RCPT from each service at which users log in. */
function checkDeferring(services: readonly SmtpdService[], config: Config): Finding[] {
  const { policy } = config;
  const asking = services.filter(({ setting }) => setting('smtpd_sasl_auth_enable') === 'yes');
  if (policy === undefined || asking.length === 0) return [];
  const silent = asking.filter(
    (service) => findService(service, policy.listen, BEFORE_RECIPIENT).kind === 'missing',
  );
  const rules = silent.length === 0 ? [] : loadDeferring(config);
  if (rules.length === 0) return [];
  return silent.map((service) => {
    const address = policyAddress(policy.listen, findQueueDirectory(service));
    const text = `${service.name} does not ask check_policy_service ${address} at RCPT, so ${rules.join(', ')} puts nobody off there`;
    return warning('mta', text, 'the lines of docs/mta/postfix-policy.md, "At RCPT"');
  });
}

function findQueueDirectory({ setting }: SmtpdService): string {
  return setting('queue_directory') || QUEUE_DIRECTORY;
}

function checkService(
  service: SmtpdService,
  listen: ListenAddress,
  mode: Config['mode'],
): Finding[] {
  const { name, chroot } = service;
  const level = mode === 'observe' ? warning : wrong;
  const queue = findQueueDirectory(service);
  if (chroot && listen.kind === 'unix' && !isBelow(listen.path, queue)) {
    const text = `${name} is chrooted to ${queue} and cannot reach ${listen.path}`;
    return [level('mta', text, `policy.listen: unix:${queue}/postern/policy`)];
  }
  const use = `check_policy_service ${policyAddress(listen, queue)}`;
  const place = findService(service, listen);
  const lines = (now: string) => policyLines(listen, queue, now);
  const fix = listFix(service, 'smtpd_end_of_data_restrictions', lines);
  if (place.kind === 'missing') {
    const first = mode === 'observe' ? `${ENFORCE_FIRST}; then ` : '';
    return [level('mta', `${name} does not use ${use}${place.why}`, first + fix)];
  }
  if (PASSES.test(place.defaultAction)) return [];
  const answer = place.defaultAction || 'nothing';
  const text = `${name} uses ${use} without default_action=DUNNO: while Postern is down, Postfix answers ${answer}`;
  return [wrong('mta', text, fix)];
}

type Place =
  | { readonly kind: 'used'; readonly defaultAction: string }
  | { readonly kind: 'missing'; readonly why: string };

/** In the first list that has the service with no entry before it that ends the list. */
function findService(
  service: SmtpdService,
  listen: ListenAddress,
  lists: readonly List[] = LISTS,
): Place {
  const queue = findQueueDirectory(service);
  const asks = (entry: Entry) =>
    isSameAddress(serviceOf(entry)?.address ?? '', listen, queue, service.chroot);
  let why = '';
  for (const list of lists) {
    const entries = service.entries(list);
    const index = entries.findIndex(asks);
    const found = entries[index];
    if (found === undefined) continue;
    const before = entries.slice(0, index).find((entry) => refusesAll(entry) || permits(entry));
    if (before === undefined)
      return { kind: 'used', defaultAction: findDefaultAction(service, found) };
    why = `: in ${list} it comes after ${before.text}`;
  }
  return { kind: 'missing', why };
}

function permits({ name }: Entry): boolean {
  return name.startsWith('permit');
}

/** The policy service that an entry asks; undefined for another entry. */
function serviceOf({ name, argument }: Entry): Service | undefined {
  if (name !== 'check_policy_service' || argument === undefined) return undefined;
  return parseService(argument);
}

function findDefaultAction({ setting }: SmtpdService, entry: Entry): string {
  const own = serviceOf(entry)?.attributes.get('default_action');
  return own ?? setting('smtpd_policy_service_default_action');
}

/** One finding for each list in which a service asks Postern although the configuration has no policy service. */
function checkUnanswered(service: SmtpdService, config: Config): Finding[] {
  return LISTS.flatMap((list) => {
    const entries = service.entries(list);
    const index = entries.findIndex(asksPostern);
    const ends = (entry: Entry) => refusesAll(entry) || entry.name === 'permit';
    if (index < 0 || entries.slice(0, index).some(ends)) return [];
    const { address, attributes } = serviceOf(entries[index] as Entry) as Service;
    const use = `check_policy_service ${address}`;
    const place = service.overrides(list)
      ? `${service.places.masterCf} (-o ${list} of ${service.name})`
      : `${service.places.mainCf} (${list})`;
    return unansweredFinding(
      {
        question: `${service.name} uses ${use} in ${list}`,
        outcome: judgeOutcome(service, attributes),
        listen: listenAddress(address, service),
        removal: `remove ${use} from ${place}, then run ${service.places.reload}`,
      },
      config,
    );
  });
}

type Service = ReturnType<typeof parseService>;

function asksPostern(entry: Entry): boolean {
  return isPosterns(serviceOf(entry)?.address ?? '');
}

/** When smtpd cannot connect, attr_clnt.c tries again, waits and warns; then the default action decides. */
function judgeOutcome({ setting }: SmtpdService, attributes: ReadonlyMap<string, string>): Outcome {
  const value = (name: string) => attributes.get(name) ?? setting(`smtpd_policy_service_${name}`);
  const action = value('default_action');
  if (!PASSES.test(action)) return mailGets(action);
  const waits = Number(value('try_limit')) - 1;
  const delay = value('retry_delay');
  const wait = waits > 0 ? ` and a wait of ${waits === 1 ? '' : `${waits} times `}${delay}` : '';
  return mailPasses(`warnings in the log${wait}`);
}

function listenAddress(address: string, service: SmtpdService): ListenAddress | undefined {
  if (!address.startsWith('unix:')) return parseListenAddress(address);
  const path = address.slice('unix:'.length);
  const queue = findQueueDirectory(service);
  return parseListenAddress(`unix:${service.chroot ? join(queue, path) : resolve(queue, path)}`);
}
