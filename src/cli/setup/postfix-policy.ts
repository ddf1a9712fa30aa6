/**
 * Whether every smtpd asks the policy service where the configuration has one, and lets mail pass when the service is
 * down. Judges what postconf(1) said; does not ask the service.
 */
import type { Config } from '../../config.ts';
import type { ListenAddress } from '../../policy/address.ts';
import { ENFORCE_FIRST, type Finding, ok, warning, wrong } from './finding.ts';
import {
  isBelow,
  isSameAddress,
  policyAddress,
  policyEntries,
  policyLines,
  QUEUE_DIRECTORY,
} from './policy-recipe.ts';
import { entriesOf, isReinjection, LISTS, type SmtpdService } from './postfix-services.ts';
import { LIST_ENDS, masterValue } from './recipe.ts';

/** Settings of main.cf that `checkPostfixPolicy` asks a service for, beside the restriction lists. */
export const POLICY_SETTINGS = ['queue_directory', 'smtpd_policy_service_default_action'];

/** Postfix's own default of default_action refuses all mail for the time; so does what is no action at all. */
const PASSES = /^dunno$/i;

/** Nothing is found where there is no such service. */
export function checkPostfixPolicy(
  { policy, mode }: Config,
  services: readonly SmtpdService[],
  classes: ReadonlyMap<string, string>,
): Finding[] {
  const front = services.filter((service) => !isReinjection(service));
  if (policy === undefined || front.length === 0) return [];
  const findings = front.flatMap((service) => checkService(service, policy.listen, classes, mode));
  if (findings.length > 0) return findings;
  const address = policyAddress(policy.listen, queueOf(front[0] as SmtpdService));
  return [ok('mta', `check_policy_service ${address} is in effect`)];
}

function queueOf({ setting }: SmtpdService): string {
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
  const queue = queueOf(service);
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
  const queue = queueOf(service);
  const asks = (entry: string) => {
    const [check, address] = entry.split(' ');
    return (
      check === 'check_policy_service' &&
      isSameAddress(address ?? '', listen, queue, service.chroot)
    );
  };
  let why = '';
  for (const list of LISTS) {
    const entries = entriesOf(service.setting(list), classes);
    const index = entries.findIndex(asks);
    if (index < 0) continue;
    const before = entries.slice(0, index).find((entry) => LIST_ENDS.includes(entry));
    if (before === undefined)
      return { kind: 'asked', defaultAction: defaultActionOf(service, entries.slice(index + 1)) };
    why = `: in ${list} it stands behind ${before}`;
  }
  return { kind: 'missing', why };
}

/** The attributes of the form with braces follow the address, `name=value`. */
function defaultActionOf({ setting }: SmtpdService, after: readonly string[]): string {
  const end = after.findIndex((entry) => !/^[a-z_]+=/.test(entry));
  const attributes = end < 0 ? after : after.slice(0, end);
  const own = attributes.find((entry) => entry.startsWith('default_action='));
  return own?.slice('default_action='.length) ?? setting('smtpd_policy_service_default_action');
}

/** master.cf wins over main.cf: a service with a list of its own needs the line there. */
function fixFor(service: SmtpdService, listen: ListenAddress): string {
  const now = service.setting('smtpd_end_of_data_restrictions');
  const queue = queueOf(service);
  if (!service.overrides('smtpd_end_of_data_restrictions'))
    return `in main.cf, then postfix reload:\n${policyLines(listen, queue, now).trimEnd()}`;
  const value = masterValue(policyEntries(listen, queue, now).join(', '));
  return `postconf -P '${service.name}/smtpd_end_of_data_restrictions=${value}', then postfix reload`;
}
