/**
 * Whether every smtpd asks the policy service, if the configuration has one, and lets mail pass while the service is
 * down; and whether none asks it, if not. Judges what postconf(1) printed; does not ask the service.
 */
import { join, resolve } from 'node:path';
import type { Config } from '../../config/load.ts';
import { type ListenAddress, parseListenAddress } from '../../policy/address.ts';
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
import { LIST_ENDS } from './recipe.ts';
import { isReinjection, LISTS, listEntries, type SmtpdService } from './services.ts';

/** Settings that `checkPostfixPolicy` reads from a service, beside the restriction lists. */
export const POLICY_SETTINGS = [
  'queue_directory',
  'smtpd_policy_service_default_action',
  'smtpd_policy_service_try_limit',
  'smtpd_policy_service_retry_delay',
];

/** Everything else refuses all mail while the service is down: Postfix's own default, and what is not an action. */
const PASSES = /^dunno$/i;

type Classes = ReadonlyMap<string, string>;

/** If the configuration has no policy service, reports only questions to it. */
export function checkPostfixPolicy(
  config: Config,
  services: readonly SmtpdService[],
  classes: Classes,
): Finding[] {
  const { policy, mode } = config;
  if (policy === undefined)
    return services.flatMap((service) => checkUnanswered(service, classes, config));
  const front = services.filter((service) => !isReinjection(service));
  if (front.length === 0) return [];
  const findings = front.flatMap((service) => checkService(service, policy.listen, classes, mode));
  if (findings.length > 0) return findings;
  const address = policyAddress(policy.listen, findQueueDirectory(front[0] as SmtpdService));
  return [ok('mta', `check_policy_service ${address} is in use`)];
}

function findQueueDirectory({ setting }: SmtpdService): string {
  return setting('queue_directory') || QUEUE_DIRECTORY;
}

function checkService(
  service: SmtpdService,
  listen: ListenAddress,
  classes: Classes,
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
  const place = findService(service, listen, classes);
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
function findService(service: SmtpdService, listen: ListenAddress, classes: Classes): Place {
  const queue = findQueueDirectory(service);
  const asks = (entry: string) => {
    const [check, address] = entry.split(' ');
    return (
      check === 'check_policy_service' &&
      isSameAddress(address ?? '', listen, queue, service.chroot)
    );
  };
  let why = '';
  for (const list of LISTS) {
    const entries = listEntries(service.setting(list), classes);
    const index = entries.findIndex(asks);
    if (index < 0) continue;
    const before = entries.slice(0, index).find((entry) => LIST_ENDS.includes(entry));
    if (before === undefined)
      return { kind: 'used', defaultAction: findDefaultAction(service, entries.slice(index + 1)) };
    why = `: in ${list} it comes after ${before}`;
  }
  return { kind: 'missing', why };
}

function findDefaultAction({ setting }: SmtpdService, after: readonly string[]): string {
  return (
    readAttributes(after).get('default_action') ?? setting('smtpd_policy_service_default_action')
  );
}

/** In the form with braces they follow the address, `name=value`; `{ name = value }` gives three entries. */
function readAttributes(after: readonly string[]): Map<string, string> {
  const attributes = new Map<string, string>();
  for (let at = 0; at < after.length; at++) {
    const entry = after[at] as string;
    const match = /^([a-z_]+)=(.*)$/.exec(entry);
    if (match !== null) attributes.set(match[1] as string, match[2] as string);
    else if (after[at + 1] === '=') {
      attributes.set(entry, after[at + 2] ?? '');
      at += 2;
    } else break;
  }
  return attributes;
}

/** The end of a list for everybody: an entry behind it is never evaluated. */
const ENDS_FOR_ALL: readonly string[] = ['permit', 'reject', 'defer'];

/** One finding for each list in which a service asks Postern although the configuration has no policy service. */
function checkUnanswered(service: SmtpdService, classes: Classes, config: Config): Finding[] {
  return LISTS.flatMap((list) => {
    const entries = listEntries(service.setting(list), classes);
    const index = entries.findIndex(asksPostern);
    if (index < 0 || entries.slice(0, index).some((entry) => ENDS_FOR_ALL.includes(entry)))
      return [];
    const entry = entries[index] as string;
    const place = service.overrides(list)
      ? `master.cf (-o ${list} of ${service.name})`
      : `main.cf (${list})`;
    return unansweredFinding(
      {
        question: `${service.name} uses ${entry} in ${list}`,
        outcome: judgeOutcome(service, readAttributes(entries.slice(index + 1))),
        listen: listenAddress(entry.slice(entry.indexOf(' ') + 1), service),
        removal: `remove ${entry} from ${place}, then run postfix reload`,
      },
      config,
    );
  });
}

function asksPostern(entry: string): boolean {
  const [check, address] = entry.split(' ');
  return check === 'check_policy_service' && isPosterns(address ?? '');
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
