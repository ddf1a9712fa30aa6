// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Exim expands it
/**
 * The hardening of an Exim: statements for the RCPT ACL. Each leaves out relay clients and users who logged in, so that
 * it may stand anywhere; it belongs behind the check for foreign domains and the verification of the recipient.
 */
import type { Change, Hardening, HardenOptions } from '../harden.ts';
import { requiresHelo } from './check/session.ts';
import { type EximFacts, gatherExim } from './facts.ts';
import { type HardStatement, hardStatements } from './hardened-set.ts';
import type { Statement } from './model.ts';
import { refuses } from './stranger.ts';

/** The changes, or a text that says why nothing could be read. */
export async function hardenExim({
  config,
  source,
  rehearse,
  notes,
}: HardenOptions): Promise<Hardening | string> {
  const facts = await gatherExim({ file: source, config, notes });
  if (typeof facts === 'string') return facts;
  const acl = facts.acl('acl_smtp_rcpt');
  if (acl.length === 0)
    return { changes: [], remarks: ['No ACL of RCPT: nothing takes mail by SMTP.'] };
  const missing = hardStatements().filter((wanted) => !isThere(facts, wanted, rehearse));
  if (missing.length === 0) return { changes: [], remarks: [] };
  const where = findPlace(facts);
  const changes = missing.map((each) => writeChange(each, where, facts, rehearse));
  return { changes, remarks: writeRemarks(rehearse) };
}

function writeRemarks(rehearse: boolean): string[] {
  const rates =
    'Rate limits count for each client address, and exempt relay clients and users who logged in.';
  const lists = 'Blocklists: most refuse public resolvers such as 8.8.8.8. Use one of your own.';
  return rehearse
    ? [
        'Rehearsal: these statements refuse nothing, Exim only logs what they would refuse.',
        'After a day, look at: postern audit --rehearsal. To enforce them: postern audit --harden.',
        rates,
        lists,
      ]
    : [
        'If there is a file with the rehearsal of these statements, this takes its place.',
        rates,
        lists,
        'To see first what they would refuse: postern audit --harden --rehearse.',
      ];
}

const REFUSES = /^(?:deny|drop|defer|discard|require)$/;
const ACLS = [
  'acl_smtp_connect',
  'acl_smtp_helo',
  'acl_smtp_mail',
  'acl_smtp_rcpt',
  'acl_smtp_predata',
  'acl_smtp_data',
];

function isThere(facts: EximFacts, wanted: HardStatement, rehearse: boolean): boolean {
  if (wanted.name === 'helo-missing' && requiresHelo(facts)) return true;
  return ACLS.flatMap((name) => facts.acl(name)).some(
    (statement) =>
      (REFUSES.test(statement.verb) && wanted.isSame(statement)) ||
      (rehearse && rehearsedName(statement) === wanted.name),
  );
}

/** The name of the check that a statement rehearses; undefined if it is no rehearsal. */
export function rehearsedName({ verb, conditions }: Statement): string | undefined {
  const text = conditions.find(({ name }) => name === 'log_message')?.value ?? '';
  if (verb !== 'warn' || !text.startsWith('postern: rehearsal ')) return undefined;
  return /: ([a-z-]+): [^:]*$/.exec(text)?.[1];
}

function writeChange(
  wanted: HardStatement,
  where: string,
  facts: EximFacts,
  rehearse: boolean,
): Change {
  const { name, why, effect } = wanted;
  const said = rehearse ? `Only logged: ${effect}` : effect;
  return {
    where,
    now: '',
    additions: [{ name, why, effect: said }],
    change: statementText(wanted, facts, rehearse),
  };
}

const DEBIAN = /exim4-config_check_rcpt$|exim4\.conf\.template$/;

/** Behind the last statement that refuses every stranger's mail to foreign domains, or unknown recipients. */
function findPlace(facts: EximFacts): string {
  const acl = facts.acl('acl_smtp_rcpt');
  const name = facts.option('acl_smtp_rcpt');
  const last = acl.findLast(
    (statement) =>
      refuses(statement, 'foreign', facts.model.lists) ||
      (statement.verb === 'require' &&
        statement.conditions.some(
          (each) => each.name === 'verify' && each.value.startsWith('recipient'),
        )),
  );
  const { file, line } = (last ?? (acl[0] as Statement)).evidence;
  if (DEBIAN.test(file))
    return `${name}: write this to a file, name it among the macros (CHECK_RCPT_LOCAL_ACL_FILE = FILE), run update-exim4.conf, restart Exim`;
  const side = last === undefined ? 'before' : 'behind';
  return `${name}: write this to a file, .include it ${side} the statement at ${file}:${line}, restart Exim`;
}

const REHEARSAL =
  'postern: rehearsal user=${base64:$authenticated_id} sender=${base64:$sender_address} \\\n' +
  '                  recipient=${base64:${quote_local_part:$local_part}@$domain}: \\\n' +
  '                  ';

function statementText(
  { name, verb, conditions, text }: HardStatement,
  { model }: EximFacts,
  rehearse: boolean,
): string {
  const relays = model.lists.has('relay_from_hosts') ? '+relay_from_hosts' : '127.0.0.1 : ::::1';
  const lines = [
    `!authenticated = *`,
    `!hosts        = : ${relays}`,
    ...conditions,
    rehearse ? `log_message   = ${REHEARSAL}${name}: ${text}` : `message       = ${text}`,
  ];
  const [first, ...rest] = lines;
  return [`  ${rehearse ? 'warn' : verb}  ${first}`, ...rest.map((line) => `        ${line}`)].join(
    '\n',
  );
}
