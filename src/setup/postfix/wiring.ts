/**
 * Whether Postfix asks the maps that Postern writes: main.cf, and what each smtpd in master.cf overrides.
 * Asks postconf(1) only. Sees what is configured, not whether Postfix was reloaded since.
 */
import { existsSync, statSync } from 'node:fs';
import type { Config, MapTarget } from '../../config/load.ts';
import { MAP_TYPES } from '../../config/schema.ts';
import { INDEXED, type IndexedType, isIndexed } from '../../enforce/postmap.ts';
import { ENFORCE_FIRST, type Finding, type FixParts, ok, warning, wrong } from '../finding.ts';
import { ask, describeFailure } from '../programs.ts';
import {
  dataLines,
  masterValue,
  type PostfixValues,
  postfixRestrictions,
  type Restriction,
  submitLine,
  submitPattern,
} from '../recipe.ts';
import { mapTypes, postfixSettings } from './find.ts';
import { checkPostfixPolicy, POLICY_SETTINGS } from './policy.ts';
import {
  describePlace,
  isReinjection,
  LISTS,
  needs,
  restrictionClasses,
  type SmtpdService,
  smtpdServices,
  words,
} from './services.ts';

export async function checkPostfixWiring(
  config: Config,
  postconf: readonly string[],
): Promise<Finding[]> {
  const version = await ask([...postconf, '-h', 'mail_version']);
  const failure = describeFailure(postconf, version);
  if (failure !== undefined)
    return [wrong('mta', failure, 'say where main.cf is: --postfix-config DIR')];
  const main = await postfixSettings(postconf, [
    ...LISTS,
    'smtpd_restriction_classes',
    'authorized_submit_users',
    'smtpd_proxy_filter',
    'smtpd_sasl_auth_enable',
    'content_filter',
    'maillog_file',
    'compatibility_level',
    ...POLICY_SETTINGS,
  ]);
  const [services, classes, types] = await Promise.all([
    smtpdServices(postconf, main),
    restrictionClasses(postconf, main),
    mapTypes(postconf),
  ]);
  const values = {
    data: main.get('smtpd_data_restrictions') ?? '',
    submit: main.get('authorized_submit_users') ?? '',
  };
  return [
    ok('mta', `Postfix ${version.stdout.trim()}, ${services.length} SMTP services`),
    ...checkTypes(config, types),
    ...checkRestrictions({ config, services, classes, values }),
    ...checkPostfixPolicy(config, services, classes),
    ...checkSubmit(config, values),
    ...checkLog(config, main.get('maillog_file') ?? ''),
  ];
}

interface Situation {
  readonly config: Config;
  readonly services: readonly SmtpdService[];
  readonly classes: ReadonlyMap<string, string>;
  readonly values: PostfixValues;
}

function checkRestrictions(situation: Situation): Finding[] {
  const { config, classes } = situation;
  const front = situation.services.filter((service) => !isReinjection(service));
  if (front.length === 0)
    return [warning('mta', 'master.cf has no smtpd: no mail is handed in by SMTP')];
  const restrictions = postfixRestrictions(config.targets.postfix);
  const asked = new Set<Restriction>();
  const findings = front.flatMap((service) => {
    const missing = restrictions.flatMap((restriction) => {
      const place = describePlace(restriction, service, classes);
      if (place.kind === 'asked') asked.add(restriction);
      return place.kind === 'asked' || !needs(restriction, service, classes)
        ? []
        : [{ restriction, why: place.why }];
    });
    return [...missingIn(service, missing, situation), ...checkActions(service, config)];
  });
  for (const { target } of asked) findings.push(...checkMapFile(findMap(config, target), config));
  return findings.length > 0
    ? findings
    : restrictions.map((restriction) => inOrder(restriction, asked));
}

function inOrder(restriction: Restriction, asked: ReadonlySet<Restriction>): Finding {
  const name = `${restriction.check} ${restriction.map}`;
  return asked.has(restriction)
    ? ok('mta', `${name} is in effect`)
    : ok('mta', `${name} is not asked, and no service needs it`);
}

interface Missing {
  readonly restriction: Restriction;
  readonly why: string;
}

/** Observing needs no wiring, and no shipped rule blocks senders: those are warnings. */
function missingIn(
  service: SmtpdService,
  missing: readonly Missing[],
  { config, values }: Situation,
): Finding[] {
  const fix = fixFor(service, config, values);
  const tell = (level: typeof wrong, some: readonly Missing[], parts: FixParts = {}) => {
    const names = some.map(({ restriction: { check, map }, why }) => `${check} ${map}${why}`);
    return some.length === 0
      ? []
      : [level('mta', `${service.name} does not ask ${names.join(', ')}`, fix, parts)];
  };
  const senders = missing.filter(({ restriction }) => restriction.target === 'sender');
  const others = missing.filter(({ restriction }) => restriction.target !== 'sender');
  return [
    ...tell(config.mode === 'observe' ? warning : wrong, others),
    ...tell(warning, senders, { instead: 'to block no senders: targets.postfix.sender: false' }),
  ];
}

/**
 * What has to be done before Postfix may be told of the maps: asked for one that is not there, it answers 451 to
 * everybody. In observe mode Postern writes none.
 */
function beforehand(config: Config): string {
  if (config.mode === 'observe') return `${ENFORCE_FIRST}, which writes the maps; then `;
  const { user, client, sender, uid } = config.targets.postfix;
  const isMissing = [user, client, sender, uid].some(
    (map) => map !== undefined && !(existsSync(map.file) && hasIndex(map)),
  );
  return isMissing ? 'first start Postern, which writes the maps; then ' : '';
}

/** master.cf wins over main.cf: a service with a list of its own needs the lines there. */
function fixFor(
  { name, setting, overrides }: SmtpdService,
  config: Config,
  values: PostfixValues,
): string {
  const first = beforehand(config);
  if (!overrides('smtpd_data_restrictions'))
    return `${first}in main.cf, then postfix reload:\n${dataLines(config.targets.postfix, values.data).trimEnd()}`;
  const value = dataLines(config.targets.postfix, setting('smtpd_data_restrictions')).replace(
    /^.*=\s*/,
    '',
  );
  return `${first}postconf -P '${name}/smtpd_data_restrictions=${masterValue(value)}', then postfix reload`;
}

function findMap(config: Config, target: Restriction['target']): MapTarget {
  return config.targets.postfix[target] as MapTarget;
}

/** smtpd_proxy_filter leaves no queue file that could be held: Postfix warns and goes on (smtpd_check.c). */
function checkActions({ name, setting }: SmtpdService, config: Config): Finding[] {
  if (setting('smtpd_proxy_filter') === '') return [];
  return postfixRestrictions(config.targets.postfix)
    .filter(({ target }) => findMap(config, target).action === 'HOLD')
    .map(({ target }) =>
      wrong(
        'mta',
        `${name} has an smtpd_proxy_filter: there Postfix ignores the action HOLD of ${findMap(config, target).file}`,
        `targets.postfix.${target}.action: REJECT`,
      ),
    );
}

function checkTypes(config: Config, types: readonly string[]): Finding[] {
  const { user, client, sender, uid } = config.targets.postfix;
  const used = [user, client, sender, uid].flatMap((map) => (map === undefined ? [] : [map.type]));
  return [...new Set(used)]
    .filter((type) => type !== 'list' && !types.includes(type))
    .map((type) =>
      wrong(
        'mta',
        `this Postfix has no map type ${type}`,
        `apt-get install postfix-${type}, or choose one of: ${types.filter((name) => USABLE.includes(name)).join(', ')}`,
      ),
    );
}

const USABLE: readonly string[] = MAP_TYPES;

/** A table that is asked but cannot be opened makes smtpd answer 451 to everybody. */
function checkMapFile(map: MapTarget, { mode }: Config): Finding[] {
  const fix =
    mode === 'observe'
      ? 'take the line out of main.cf again, or set mode: enforce and restart Postern: in observe mode it writes no maps'
      : 'start Postern: it writes the file, empty or not';
  if (!existsSync(map.file))
    return [wrong('mta', `Postfix asks ${map.file}, which does not exist`, fix)];
  return hasIndex(map)
    ? []
    : [
        wrong(
          'mta',
          `the index of ${map.file} is missing or out of date`,
          `postmap ${map.type}:${map.file}`,
        ),
      ];
}

/** Whether the index that Postfix reads is there and up to date; true for a type without one. */
function hasIndex({ type, file }: MapTarget): boolean {
  return !(type in INDEXED) || isIndexed({ type: type as IndexedType, file });
}

function checkSubmit(config: Config, { submit }: PostfixValues): Finding[] {
  const map = config.targets.postfix.uid;
  const pattern = submitPattern(config.targets.postfix);
  if (map === undefined || pattern === undefined) return [];
  const patterns = words(submit);
  const index = patterns.indexOf(pattern);
  const first = patterns.findIndex((word) => !word.startsWith('!'));
  if (index < 0 || (first >= 0 && first < index)) {
    const why = index < 0 ? 'does not name' : `has ${patterns[first]} in front of`;
    const text = `authorized_submit_users ${why} ${pattern}`;
    const fix = `${beforehand(config)}in main.cf: ${submitLine(config.targets.postfix, submit).trimEnd()}`;
    return [config.mode === 'observe' ? warning('mta', text, fix) : wrong('mta', text, fix)];
  }
  const stats = statSync(map.file, { throwIfNoEntry: false });
  if (stats === undefined) return checkMapFile(map, config);
  return (stats.mode & 0o004) === 0
    ? [
        wrong(
          'mta',
          `sendmail(1) runs as its caller and may not read ${map.file}`,
          `chmod o+r ${map.file}`,
        ),
      ]
    : [ok('mta', `authorized_submit_users ${pattern} is in effect`)];
}

function checkLog(config: Config, maillogFile: string): Finding[] {
  if (!maillogFile.startsWith('/') || config.logs.includes(maillogFile)) return [];
  return [
    wrong(
      'mta',
      `Postfix logs to ${maillogFile}, which is not among logs`,
      `logs: [${maillogFile}]`,
    ),
  ];
}
