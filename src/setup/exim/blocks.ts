/**
 * Whether the mail of blocked submitters is stopped, one finding for each way on which it comes in (ways.ts). What the
 * trial shows decides. The text of the ACLs says why, and decides only where nothing can be tried.
 */
import type { Config } from '../../config/load.ts';
import { canonicalIp } from '../../model/address.ts';
import { ENFORCE_FIRST, type Finding, ok, warning, wrong } from '../finding.ts';
import { type EximAnswers, findUse, mentions, reachable } from './acls.ts';
import { debianFix, findLayoutOf, hasRecipe } from './debian.ts';
import { listItems } from './list.ts';
import { findEximNetworks } from './networks.ts';
import { eximStatements, putFirst } from './recipe.ts';
import { withTrial } from './trial.ts';
import { type Result, tryWays } from './try-ways.ts';
import { LOCAL_ACLS, type Place, STRANGER, WAYS, type Way } from './ways.ts';

/** One finding for each way, and one that says why when nothing could be tried. */
export async function checkBlocks(
  config: Config,
  exim: readonly string[],
  answers: EximAnswers,
): Promise<Finding[]> {
  const targets = config.targets.exim;
  const place = await findPlace(exim, answers.settings);
  const results = await withTrial(
    {
      exim: exim[0] as string,
      printed: answers.printed,
      spool: answers.settings.get('spool_directory') ?? '',
      user: answers.settings.get('exim_user') ?? '',
      files: Object.values(targets),
    },
    (trial) => tryWays(trial, WAYS, targets, place),
  );
  if (typeof results !== 'string')
    return WAYS.map((way, index) => judgeWay(config, way, answers, results[index] as Result));
  return [
    warning(
      'mta',
      `the ACLs were read, but not tried: ${results}`,
      'run postern check as root, which can try them',
    ),
    ...WAYS.map((way) => judgeWay(config, way, answers, { untried: 'not tried' })),
  ];
}

async function findPlace(
  exim: readonly string[],
  settings: ReadonlyMap<string, string>,
): Promise<Place> {
  const answer = await findEximNetworks(exim);
  return {
    ports: findPorts(settings.get('daemon_smtp_ports') ?? ''),
    clients: pickClients('networks' in answer ? answer.networks : []),
    sender: `postmaster@${settings.get('qualify_domain') || 'localhost'}`,
  };
}

/** Ports of services(5) that Exim's documentation names. */
const PORTS: Readonly<Record<string, number>> = {
  smtp: 25,
  smtps: 465,
  ssmtp: 465,
  submissions: 465,
  submission: 587,
};

function findPorts(setting: string): number[] {
  const ports = listItems(setting).map((item) => PORTS[item] ?? Number(item));
  const known = ports.filter((port) => Number.isInteger(port));
  return known.length === 0 ? [25] : [...new Set(known)];
}

/** The first address of the first network, for each version of IP; the loopback only if there is nothing else. */
function pickClients(networks: readonly string[]): string[] {
  const addresses = networks.flatMap((network) => canonicalIp(network.replace(/\/.*/, '')) ?? []);
  const others = addresses.filter((address) => !/^(?:127\.|::1$)/.test(address));
  const candidates = [...others, ...addresses];
  const clients = [/\./, /:/].flatMap(
    (form) => candidates.find((address) => form.test(address)) ?? [],
  );
  return clients.length === 0 ? [STRANGER] : clients;
}

function judgeWay(config: Config, way: Way, answers: EximAnswers, result: Result): Finding {
  const { mail } = way;
  const file = way.file(config.targets.exim);
  const look = lookAtText(way, file, answers);
  if (result === 'stopped') return ok('mta', `${mail} is stopped (tried)`);
  if (result !== 'passes' && look.use === 'stops')
    return ok('mta', `${mail} is stopped, by the text of ${look.name} (${result.untried})`);
  const level = config.mode === 'observe' || !way.isNeeded ? warning : wrong;
  const text =
    result === 'passes'
      ? `${mail} passes (tried): ${look.why}`
      : `nothing stops ${mail}, by the text of the ACLs: ${look.why} (${result.untried})`;
  const first = config.mode === 'observe' ? `${ENFORCE_FIRST}; then ` : '';
  const { fix, lines } = describeFix(way, config, answers);
  return level('mta', text, first + fix, lines === undefined ? {} : { lines });
}

interface Look {
  /** how the text of the ACLs uses the file */
  readonly use: ReturnType<typeof findUse>;
  /** the ACL that does */
  readonly name: string;
  /** what is wrong with it, a clause */
  readonly why: string;
}

/** The best use among the ACLs that can stop this mail. */
function lookAtText(way: Way, file: string, { acls, settings }: EximAnswers): Look {
  const looks = way.settings.map((setting) => {
    const acl = settings.get(setting) ?? '';
    const statements = reachable(acls, acl);
    const isNamed = statements.some((statement) => mentions(statement, way.variable));
    const use = isNamed ? findUse(statements, (statement) => mentions(statement, file)) : 'unused';
    return { name: `${acl} (${setting})`, use };
  });
  const best = (['stops', 'late', 'mild'] as const)
    .map((use) => looks.find((look) => look.use === use))
    .find((look) => look !== undefined);
  if (best === undefined) {
    const why = `no ACL (${way.settings.join(', ')}) looks up ${way.variable} in ${file}`;
    return { use: 'unused', name: '', why };
  }
  return { ...best, why: `${best.name} uses ${file}, but ${WEAK[best.use]}` };
}

const WEAK = {
  stops: 'not for this mail',
  mild: 'neither freezes nor refuses mail',
  late: 'only after a statement that accepts the mail',
  unused: '',
} as const;

function describeFix(
  way: Way,
  config: Config,
  { printed, settings }: EximAnswers,
): { readonly fix: string; readonly lines?: string } {
  const layout = findLayoutOf(printed);
  if (layout !== 'plain' && !hasRecipe(printed)) return { fix: debianFix(layout, config) };
  const lines = eximStatements(config.targets.exim);
  const setting = way.settings[0] as string;
  const acl = settings.get(setting) ?? '';
  if (acl !== '') return { fix: putFirst(acl, lines), lines };
  const name = way.settings === LOCAL_ACLS ? 'acl_postern_local' : 'acl_postern_data';
  const fix = `set in the main section: ${setting} = ${name}\nadd after "begin acl", then restart Exim:\n${name}:\n${lines}\n  accept`;
  return { fix, lines };
}
