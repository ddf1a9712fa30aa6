/**
 * Whether every smtpd asks the policy service where the configuration has one, and lets mail pass when the service is
 * down; and whether none asks where it has none. Judges what postconf(1) said; does not ask the service.
 */
import { join, resolve } from 'node:path';
import type { Config } from '../../config/load.ts';
import { type ListenAddress, parseListenAddress } from '../../policy/address.ts';
import { ENFORCE_FIRST, type Finding, ok, warning, wrong } from '../finding.ts';
import {
  isBelow,
  isSameAddress,
  policyAddress,
  policyEntries,
  policyLines,
  QUEUE_DIRECTORY,
} from '../policy-recipe.ts';
import { LIST_ENDS, masterValue } from '../recipe.ts';
import { isPosterns, unansweredFinding } from '../unanswered.ts';
import { isReinjection, LISTS, listEntries, type SmtpdService } from './services.ts';

/** Settings of main.cf that `checkPostfixPolicy` asks a service for, beside the restriction lists. */
export const POLICY_SETTINGS = [
  'queue_directory',
  'smtpd_policy_service_default_action',
  'smtpd_policy_service_try_limit',
  'smtpd_policy_service_retry_delay',
];

/** Postfix's own default of default_action refuses all mail for the time; so does what is no action at all. */
const PASSES = /^dunno$/i;

/** Without such a service only questions to it are found. */
export function checkPostfixPolicy(
  config: Config,
  services: readonly SmtpdService[],
  classes: ReadonlyMap<string, string>,
): Finding[] {
  const { policy, mode } = config;
  if (policy === undefined)
    return services.flatMap((service) => checkUnanswered(service, classes, config));
  const front = services.filter((service) => !isReinjection(service));
  if (front.length === 0) return [];
  const findings = front.flatMap((service) => checkService(service, policy.listen, classes, mode));
  if (findings.length > 0) return findings;
  const address = policyAddress(policy.listen, listQuestions(front[0] as SmtpdService));
  return [ok('mta', `check_policy_service ${address} is in effect`)];
}

function listQuestions({ setting }: SmtpdService): string {
  return setting('queue_directory') || QUEUE_DIRECTORY;
}

function checkService(
  service: SmtpdService,
  listen: ListenAddress,
  classes: ReadonlyMap<string, string>,
  mode: Config['mode'],
): Finding[] {
  const { name, chroot } = service;
  const level = mode === 'observe' ? warning : wrong;
  const queue = listQuestions(service);
  if (chroot && listen.kind === 'unix' && !isBelow(listen.path, queue))
    return [
      level(
        'mta',
        `${name} is chrooted to ${queue} and cannot reach ${listen.path}`,
        `policy.listen: unix:${queue}/postern/policy`,
      ),
    ];
  const address = policyAddress(listen, queue);
  const place = placeIn(service, listen, classes);
  const fix = fixFor(service, listen);
  if (place.kind === 'missing') {
    const first = mode === 'observe' ? `${ENFORCE_FIRST}; then ` : '';
    const text = `${name} does not ask check_policy_service ${address}${place.why}`;
    return [level('mta', text, `${first}${fix}`)];
  }
  if (PASSES.test(place.defaultAction)) return [];
  const answer = place.defaultAction || 'nothing';
  return [
    wrong(
      'mta',
      `${name} asks check_policy_service ${address} without default_action=DUNNO: when Postern is down, Postfix answers ${answer}`,
      fix,
    ),
  ];
}

type Place =
  | { readonly kind: 'asked'; readonly defaultAction: string }
  | { readonly kind: 'missing'; readonly why: string };

/** In the first list that holds the question with nothing before it that ends the list. */
function placeIn(
  service: SmtpdService,
  listen: ListenAddress,
  classes: ReadonlyMap<string, string>,
): Place {
  const queue = listQuestions(service);
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
      return { kind: 'asked', defaultAction: findDefaultAction(service, entries.slice(index + 1)) };
    why = `: in ${list} it stands behind ${before}`;
  }
  return { kind: 'missing', why };
}

function findDefaultAction({ setting }: SmtpdService, after: readonly string[]): string {
  return (
    attributesIn(after).get('default_action') ?? setting('smtpd_policy_service_default_action')
  );
}

/** In the form with braces they follow the address, `name=value`; `{ name = value }` comes as three entries. */
function attributesIn(after: readonly string[]): Map<string, string> {
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

/** master.cf wins over main.cf: a service with a list of its own needs the line there. */
function fixFor(service: SmtpdService, listen: ListenAddress): string {
  const now = service.setting('smtpd_end_of_data_restrictions');
  const queue = listQuestions(service);
  if (!service.overrides('smtpd_end_of_data_restrictions'))
    return `in main.cf, then postfix reload:\n${policyLines(listen, queue, now).trimEnd()}`;
  const value = masterValue(policyEntries(listen, queue, now).join(', '));
  return `postconf -P '${service.name}/smtpd_end_of_data_restrictions=${value}', then postfix reload`;
}

/** The end of a list for everybody: what stands behind it is never asked. */
const ENDS_FOR_ALL: readonly string[] = ['permit', 'reject', 'defer'];

/** One finding for each list in which a service asks Postern, though the configuration has nobody who answers. */
function checkUnanswered(
  service: SmtpdService,
  classes: ReadonlyMap<string, string>,
  config: Config,
): Finding[] {
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
        question: `${service.name} asks ${entry} in ${list}`,
        ...judgeOutcome(service, attributesIn(entries.slice(index + 1))),
        listen: listenFor(entry.slice(entry.indexOf(' ') + 1), service),
        removal: `take ${entry} out of ${place}, then postfix reload`,
      },
      config,
    );
  });
}

function asksPostern(entry: string): boolean {
  const [check, address] = entry.split(' ');
  return check === 'check_policy_service' && isPosterns(address ?? '');
}

/** What smtpd does with mail when it cannot connect: attr_clnt.c tries, waits and warns; then the default action. */
function judgeOutcome(
  { setting }: SmtpdService,
  attributes: ReadonlyMap<string, string>,
): { readonly passes: boolean; readonly outcome: string } {
  const value = (name: string) => attributes.get(name) ?? setting(`smtpd_policy_service_${name}`);
  const action = value('default_action');
  if (!PASSES.test(action))
    return { passes: false, outcome: `and mail that comes so far gets ${action}` };
  const waits = Number(value('try_limit')) - 1;
  const delay = value('retry_delay');
  const wait = waits > 0 ? ` and a wait of ${waits === 1 ? '' : `${waits} times `}${delay}` : '';
  return {
    passes: true,
    outcome: `mail passes, but each question costs warnings in the log${wait}`,
  };
}

function listenFor(address: string, service: SmtpdService): ListenAddress | undefined {
  if (!address.startsWith('unix:')) return parseListenAddress(address);
  const path = address.slice('unix:'.length);
  const queue = listQuestions(service);
  return parseListenAddress(`unix:${service.chroot ? join(queue, path) : resolve(queue, path)}`);
}
