/**
 * Whether Postfix looks up the maps that Postern writes: main.cf, and what master.cf overrides for each smtpd.
 * Asks only postconf(1). Sees what is configured, not whether Postfix was reloaded since.
 */
import { existsSync } from 'node:fs';
import { counted } from '../../base/text.ts';
import type { Config } from '../../config/load.ts';
import { ENFORCE_FIRST, type Finding, type FixParts, ok, warning, wrong } from '../finding.ts';
import { ask, describeFailure, settingsIn } from '../programs.ts';
import { mapTypes, postfixSettings } from './find.ts';
import { listFix } from './fix.ts';
import { checkLogNames } from './log-names.ts';
import {
  checkMapFile,
  checkProxied,
  checkTypes,
  findMap,
  hasIndex,
  isProxied,
  listMaps,
  PROXYMAP,
  SENDMAIL,
  SMTPD,
} from './maps.ts';
import { findPlaces } from './places.ts';
import { checkPostfixPolicy, POLICY_SETTINGS } from './policy.ts';
import {
  dataLines,
  postfixRestrictions,
  type Restriction,
  submitLine,
  submitPattern,
} from './recipe.ts';
import { findRefusal, type Party } from './restriction-effect.ts';
import { splitWords } from './restriction-list.ts';
import {
  findPlace,
  isReinjection,
  LISTS,
  needs,
  offersAuth,
  type SmtpdService,
  smtpdServices,
} from './services.ts';

const SUBMIT = 'authorized_submit_users';

/** The settings of main.cf that are looked at. */
const SETTINGS = [
  ...LISTS,
  'smtpd_restriction_classes',
  SUBMIT,
  'smtpd_proxy_filter',
  'smtpd_sasl_auth_enable',
  'smtpd_delay_reject',
  'proxy_read_maps',
  'content_filter',
  'maillog_file',
  'compatibility_level',
  ...POLICY_SETTINGS,
];

/** All findings about main.cf and master.cf; one that says why when postconf gives no answer. */
export async function checkPostfixWiring(
  config: Config,
  postconf: readonly string[],
): Promise<Finding[]> {
  const version = await ask([...postconf, '-h', 'mail_version']);
  const failure = describeFailure(postconf, version);
  if (failure !== undefined)
    return [wrong('mta', failure, 'name the folder of main.cf: --postfix-config DIR')];
  const main = await postfixSettings(postconf, SETTINGS);
  const [services, types] = await Promise.all([smtpdServices(postconf, main), mapTypes(postconf)]);
  return [
    ok('mta', `Postfix ${version.stdout.trim()}, ${counted(services.length, 'SMTP service')}`),
    ...checkTypes(config, types),
    ...(await checkRestrictions(config, services)),
    ...checkPostfixPolicy(config, services),
    ...(await checkSubmit(config, postconf, main.get(SUBMIT) ?? '')),
    ...checkLog(config, main.get('maillog_file') ?? ''),
    ...(await checkLogNames(config, postconf)),
  ];
}

async function checkRestrictions(
  config: Config,
  services: readonly SmtpdService[],
): Promise<Finding[]> {
  const front = services.filter((service) => !isReinjection(service));
  if (front.length === 0)
    return [warning('mta', 'master.cf has no smtpd: no mail comes in by SMTP')];
  const restrictions = postfixRestrictions(config.targets.postfix);
  const used = new Set<Restriction>();
  const findings = front.flatMap((service) => {
    const missing = restrictions.flatMap((restriction) => {
      const place = findPlace(restriction, service, restrictions);
      if (place.kind === 'used') used.add(restriction);
      return place.kind === 'used' || !needs(restriction, service)
        ? []
        : [{ restriction, why: place.why }];
    });
    return [
      ...checkRefusal(service),
      ...missingIn(service, missing, config),
      ...checkBehind(service, restrictions, config),
      ...checkActions(service, config),
    ];
  });
  for (const restriction of used) {
    const proxied = isProxied(restriction, front);
    if (proxied) findings.push(...checkProxied(restriction, front));
    const reader = proxied ? PROXYMAP : SMTPD;
    findings.push(...(await checkMapFile(findMap(config, restriction.target), reader, config)));
  }
  return findings.length > 0
    ? findings
    : restrictions.map((restriction) => inOrder(restriction, used));
}

function inOrder(restriction: Restriction, used: ReadonlySet<Restriction>): Finding {
  const name = `${restriction.check} ${restriction.map}`;
  return used.has(restriction)
    ? ok('mta', `${name} is in use`)
    : ok('mta', `${name} is not used, and no service needs it`);
}

/** The first list of a service that refuses a party whatever the mail is. */
function findRefusing(service: SmtpdService, party: Party): string | undefined {
  for (const list of LISTS) {
    const entry = findRefusal(service.entries(list), party, offersAuth(service));
    if (entry !== undefined) return `${list} has ${entry.text}, and nothing before it permits them`;
  }
  return undefined;
}

/** A service that takes logins only to refuse their mail, or that refuses everybody. */
function checkRefusal(service: SmtpdService): Finding[] {
  const { name, places } = service;
  const auth = offersAuth(service);
  const why = findRefusing(service, auth ? 'user' : 'stranger');
  if (why === undefined) return [];
  const inside = findRefusing(service, 'client');
  if (!auth)
    return inside === undefined
      ? []
      : [
          warning(
            'mta',
            `${name} refuses all mail: ${inside}`,
            'remove that entry if you do not want this',
          ),
        ];
  const fix = `put permit_sasl_authenticated in front of it, then run ${places.reload}`;
  return inside === undefined
    ? [warning('mta', `${name} refuses users who authenticate outside mynetworks: ${why}`, fix)]
    : [wrong('mta', `${name} refuses the mail of users who have authenticated: ${why}`, fix)];
}

/** A table in front of ours may let somebody pass. Only a warning: the operator may want exactly that. */
function checkBehind(
  service: SmtpdService,
  restrictions: readonly Restriction[],
  config: Config,
): Finding[] {
  const level = (text: string, fix: string) => [warning('mta', text, fix)];
  return restrictions.flatMap((restriction) => {
    const place = findPlace(restriction, service, restrictions);
    if (place.kind !== 'used' || place.behind === undefined || !needs(restriction, service))
      return [];
    const { check, map } = restriction;
    return level(
      `${service.name} uses ${check} ${map} only after ${place.behind}: whom that lets pass is not blocked`,
      dataFix(service, config),
    );
  });
}

function dataFix(service: SmtpdService, config: Config): string {
  const lines = (now: string) => dataLines(config.targets.postfix, now, service.lookup);
  return beforehand(config) + listFix(service, 'smtpd_data_restrictions', lines);
}

interface Missing {
  readonly restriction: Restriction;
  readonly why: string;
}

/** Only warnings in observe mode, which needs no wiring, and for senders, which no shipped rule blocks. */
function missingIn(service: SmtpdService, missing: readonly Missing[], config: Config): Finding[] {
  const fix = dataFix(service, config);
  const report = (level: typeof wrong, some: readonly Missing[], parts: FixParts = {}) => {
    const names = some.map(({ restriction: { check, map }, why }) => `${check} ${map}${why}`);
    return some.length === 0
      ? []
      : [level('mta', `${service.name} does not use ${names.join(', ')}`, fix, parts)];
  };
  const senders = missing.filter(({ restriction }) => restriction.target === 'sender');
  const others = missing.filter(({ restriction }) => restriction.target !== 'sender');
  return [
    ...report(config.mode === 'observe' ? warning : wrong, others),
    ...report(warning, senders, {
      instead: 'if you do not want to block senders: targets.postfix.sender: false',
    }),
  ];
}

/**
 * What comes first in a fix for main.cf: Postfix answers 451 to everybody while a map that it looks up does not exist.
 * In observe mode Postern does not write the maps.
 */
function beforehand(config: Config): string {
  if (config.mode === 'observe') return `${ENFORCE_FIRST}, which writes the maps; then `;
  const isMissing = listMaps(config).some((map) => !(existsSync(map.file) && hasIndex(map)));
  return isMissing ? 'first start Postern, which writes the maps; then ' : '';
}

/** smtpd_proxy_filter leaves no queue file that could be held: Postfix warns and continues (smtpd_check.c). */
function checkActions({ name, setting }: SmtpdService, config: Config): Finding[] {
  if (setting('smtpd_proxy_filter') === '') return [];
  return postfixRestrictions(config.targets.postfix)
    .filter(({ target }) => findMap(config, target).action === 'HOLD')
    .map(({ target }) =>
      wrong(
        'mta',
        `${name} has an smtpd_proxy_filter, with which Postfix ignores the action HOLD of ${findMap(config, target).file}`,
        `targets.postfix.${target}.action: REJECT`,
      ),
    );
}

async function checkSubmit(
  config: Config,
  postconf: readonly string[],
  now: string,
): Promise<Finding[]> {
  const map = config.targets.postfix.uid;
  const pattern = submitPattern(config.targets.postfix);
  if (map === undefined || pattern === undefined) return [];
  const patterns = splitWords(now);
  const index = patterns.indexOf(pattern);
  const first = patterns.findIndex((word) => !word.startsWith('!'));
  if (index < 0 || (first >= 0 && first < index)) {
    const text =
      index < 0
        ? `authorized_submit_users does not have ${pattern}`
        : `authorized_submit_users has ${patterns[first]} before ${pattern}`;
    const written = settingsIn((await ask([...postconf, SUBMIT])).stdout).get(SUBMIT) ?? now;
    const line = submitLine(config.targets.postfix, written).trimEnd();
    const fix = `${beforehand(config)}set this in ${findPlaces(postconf).mainCf}:\n${line}\nin place of:\n${SUBMIT} = ${written}`;
    return [config.mode === 'observe' ? warning('mta', text, fix) : wrong('mta', text, fix)];
  }
  const problems = await checkMapFile(map, SENDMAIL, config);
  return problems.length > 0
    ? problems
    : [ok('mta', `authorized_submit_users ${pattern} is in use`)];
}

function checkLog(config: Config, maillogFile: string): Finding[] {
  if (!maillogFile.startsWith('/') || config.logs.includes(maillogFile)) return [];
  const text = `Postfix logs to ${maillogFile}, which is not one of logs`;
  return [wrong('mta', text, `logs: [${maillogFile}]`)];
}
