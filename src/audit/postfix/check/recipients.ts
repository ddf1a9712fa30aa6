/** Whether recipients are known before mail is accepted: no-recipient-check, catch-all, luser-relay, backup-mx-blind. */
import type { Check } from '../../check.ts';
import type { Hit } from '../../finding.ts';
import { type AddressClass, CLASSES, IMPROBABLE } from '../domains.ts';
import type { Listener, PostfixFacts } from '../facts.ts';
import { type Entry, RCPT_LISTS } from '../restrictions.ts';
import { parseTable, tablesIn } from '../tables.ts';

type PostfixCheck = Check<PostfixFacts>;

/** Which parameter lists the recipients of a class (ADDRESS_CLASS_README). */
const RECIPIENTS: Readonly<Record<Exclude<AddressClass, 'virtual_alias_domains'>, string>> = {
  mydestination: 'local_recipient_maps',
  virtual_mailbox_domains: 'virtual_mailbox_maps',
  relay_domains: 'relay_recipient_maps',
};

const VERIFIES = ['reject_unverified_recipient', 'reject_unlisted_recipient'];

/** Services that take mail of strangers. */
export function frontListeners(facts: PostfixFacts): Listener[] {
  return facts.listeners.filter(({ isPublic, needsLogin }) => isPublic && !needsLogin);
}

function verifies(entries: readonly Entry[], names: readonly string[]): boolean {
  return entries.some(
    ({ name, list, warns }) => !warns && names.includes(name) && RCPT_LISTS.includes(list),
  );
}

/** A list of recipients that has everybody is no list: `static:all`. */
function isKnown(value: string): boolean {
  return value.trim() !== '';
}

export const noRecipientCheck: PostfixCheck = {
  id: 'no-recipient-check',
  async find(facts) {
    const found: Hit[] = [];
    const front = frontListeners(facts);
    for (const { service, entries } of front) {
      if (service.setting('smtpd_reject_unlisted_recipient') !== 'no') continue;
      if (verifies(entries, VERIFIES)) continue;
      found.push({
        evidence: facts.where('smtpd_reject_unlisted_recipient', service),
        fix: facts.set('smtpd_reject_unlisted_recipient', 'yes', service),
      });
    }
    const isVerified = front.every(({ entries }) =>
      verifies(entries, ['reject_unverified_recipient']),
    );
    if (front.length === 0 || isVerified) return found;
    for (const [which, parameter] of Object.entries(RECIPIENTS) as [AddressClass, string][]) {
      const domains = isKnown(facts.get(parameter)) ? 'none' : await findOwnDomains(which, facts);
      if (domains === 'none') continue;
      found.push({
        ...(domains === 'perhaps' ? { severity: 'advice' as const } : {}),
        evidence: facts.where(parameter),
        why: `${parameter} is empty, so every address of ${which} is accepted. What the mailbox or the next server refuses must be bounced, and the bounces go to forged senders.`,
        fix: fixFor(parameter, facts),
      });
    }
    return found;
  },
};

/**
 * Whether a class has domains of its own: relay_domains may only repeat other classes (`$mydestination`, the default for
 * old configurations), and a table in a database may be empty.
 */
async function findOwnDomains(
  which: AddressClass,
  facts: PostfixFacts,
): Promise<'some' | 'perhaps' | 'none'> {
  if (facts.domains.isEmpty(which)) return 'none';
  if (which !== 'relay_domains' || (await relayOnly(facts)).length > 0) return 'some';
  return tablesIn(facts.get('relay_domains')).length > 0 ? 'perhaps' : 'none';
}

async function relayOnly(facts: PostfixFacts): Promise<string[]> {
  const names = await facts.domains.list('relay_domains');
  const others = new Set<string>();
  for (const which of CLASSES.filter((each) => each !== 'relay_domains'))
    for (const name of await facts.domains.matching(which, names)) others.add(name);
  return names.filter((name) => !others.has(name));
}

function fixFor(parameter: string, facts: PostfixFacts): string {
  if (parameter === 'local_recipient_maps')
    return facts.set(parameter, 'proxy:unix:passwd.byname $alias_maps');
  const list = facts.get('smtpd_recipient_restrictions');
  const verify = facts.set(
    'smtpd_recipient_restrictions',
    [list, 'reject_unauth_destination', 'reject_unverified_recipient'].filter(Boolean).join(', '),
  );
  return `list the recipients: postconf -e '${parameter} = hash:${facts.folder}/recipients' (one "user@domain OK" a line; postmap it first)\nor ask the next server for each of them: ${verify}`;
}

export const catchAll: PostfixCheck = {
  id: 'catch-all',
  async find(facts) {
    const found = new Map<string, Hit>();
    for (const parameter of ['virtual_alias_maps', ...Object.values(RECIPIENTS)]) {
      for (const table of tablesIn(facts.get(parameter)))
        for (const hit of await findCatchAll(parameter, table, facts))
          found.set(JSON.stringify(hit.evidence), hit);
    }
    return [...found.values()];
  },
};

async function findCatchAll(parameter: string, table: string, facts: PostfixFacts): Promise<Hit[]> {
  const entries = await facts.tables.entries(table);
  const written = (entries ?? []).filter(({ key }) => /^@[^@\s]+$/.test(key));
  if (written.length > 0)
    return written.map(({ key, evidence }) => ({
      evidence,
      fix: `replace ${key} by one line for each address that exists, then: postmap ${table.replace(/^proxy:/, '')}`,
    }));
  if (entries !== undefined && !/^(?:proxy:)?(?:pcre|regexp):/.test(table)) return [];
  if (parseTable(table)?.type === 'unix' || parseTable(table)?.type === 'nis') return [];
  const domains = await ownDomains(facts);
  const keys = domains.flatMap((domain) => [`@${domain}`, `${IMPROBABLE.split('.')[0]}@${domain}`]);
  const answers = [...(await facts.tables.query(table, keys)).keys()];
  const taken = new Set(answers.map((key) => key.slice(key.indexOf('@') + 1)));
  return [...taken].map((domain) => {
    const { text, ...place } = facts.where(parameter);
    return {
      evidence: { ...place, text: `${text}: ${table} answers for every address of ${domain}` },
      fix: `let ${table} answer only for addresses of ${domain} that exist`,
    };
  });
}

async function ownDomains(facts: PostfixFacts): Promise<string[]> {
  const lists = await Promise.all(CLASSES.map((which) => facts.domains.list(which)));
  const names = lists.flat().filter((name) => name.includes('.') && !name.startsWith('localhost'));
  return [...new Set(names)];
}

export const luserRelay: PostfixCheck = {
  id: 'luser-relay',
  find(facts) {
    if (facts.get('luser_relay').trim() === '') return [];
    // Unknown names are refused at RCPT while there is a list of the known ones (postconf(5) luser_relay).
    const takesAll =
      !isKnown(facts.get('local_recipient_maps')) ||
      frontListeners(facts).some(
        ({ service }) => service.setting('smtpd_reject_unlisted_recipient') === 'no',
      );
    if (!takesAll || facts.domains.isEmpty('mydestination')) return [];
    return [
      {
        evidence: facts.where('luser_relay'),
        fix: `${facts.set('luser_relay', '')}\n${facts.set('local_recipient_maps', 'proxy:unix:passwd.byname $alias_maps')}`,
      },
    ];
  },
};

export const backupMxBlind: PostfixCheck = {
  id: 'backup-mx-blind',
  async find(facts) {
    const found: Hit[] = [];
    for (const { service, entries } of frontListeners(facts)) {
      if (verifies(entries, ['reject_unverified_recipient'])) continue;
      const permit = entries.find(({ name }) => name === 'permit_mx_backup');
      if (permit === undefined) continue;
      found.push({
        evidence: facts.where(permit.list, service),
        severity: 'error',
        fix: `remove permit_mx_backup, or add reject_unverified_recipient before it: ${facts.set(permit.list, withVerification(service.setting(permit.list)), service)}`,
      });
    }
    return [...found, ...(await findUnroutedDomains(facts))];
  },
};

function withVerification(list: string): string {
  return list.replace(/\bpermit_mx_backup\b/, 'reject_unverified_recipient, permit_mx_backup');
}

/** relay_domains without a route go to their MX: this server is their backup. */
async function findUnroutedDomains(facts: PostfixFacts): Promise<Hit[]> {
  if (isKnown(facts.get('relay_recipient_maps'))) return [];
  const front = frontListeners(facts);
  if (
    front.length === 0 ||
    front.every(({ entries }) => verifies(entries, ['reject_unverified_recipient']))
  )
    return [];
  const names = await relayOnly(facts);
  if (names.length === 0 || facts.get('relayhost') !== '') return [];
  if (!/^relay(?::\[?\]?)?$/.test(facts.get('relay_transport'))) return [];
  const routed = new Set<string>();
  for (const table of tablesIn(facts.get('transport_maps')))
    for (const key of (await facts.tables.query(table, names)).keys()) routed.add(key);
  const open = names.filter((name) => !routed.has(name));
  if (open.length === 0) return [];
  return [
    {
      evidence: facts.where('relay_domains'),
      fix: `give the recipients of ${open.join(', ')} to relay_recipient_maps, add reject_unverified_recipient to smtpd_recipient_restrictions, or remove the domain here and in its MX records: senders try again by themselves`,
    },
  ];
}
