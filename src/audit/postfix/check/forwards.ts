/** Mail that leaves the server again: forward-leaves, no-srs, weak-before-forward. */
import { readFileSync } from 'node:fs';
import { getDomain } from '../../../model/address.ts';
import type { Check } from '../../check.ts';
import type { Evidence } from '../../finding.ts';
import { addressesIn, includedLines } from '../../forward-words.ts';
import type { PostfixFacts } from '../facts.ts';
import { logicalLines } from '../source.ts';
import { tablesIn } from '../tables.ts';
import { frontListeners } from './recipients.ts';

type PostfixCheck = Check<PostfixFacts>;

/** One address that is sent on. */
interface Forward {
  readonly from: string;
  readonly to: readonly string[];
  readonly evidence: Evidence;
  /** the envelope sender becomes one of ours (aliases(5), owner-NAME) */
  readonly hasOwner: boolean;
}

const known = new WeakMap<PostfixFacts, Promise<Forward[]>>();

/** All of them, found once. */
export function findForwards(facts: PostfixFacts): Promise<Forward[]> {
  const found = known.get(facts) ?? gatherForwards(facts);
  known.set(facts, found);
  return found;
}

async function gatherForwards(facts: PostfixFacts): Promise<Forward[]> {
  const candidates = [
    ...(await readAliases(facts)),
    ...(await readVirtual(facts)),
    ...readForwardFiles(facts),
  ];
  const domains = new Set(candidates.flatMap(({ to }) => to.map(getDomain)));
  const foreign = await facts.domains.foreign([...domains].filter((name) => name !== ''));
  return candidates
    .map((each) => ({ ...each, to: each.to.filter((to) => foreign.has(getDomain(to))) }))
    .filter(({ to }) => to.length > 0);
}

async function readAliases(facts: PostfixFacts): Promise<Forward[]> {
  if (facts.domains.isEmpty('mydestination')) return [];
  const lists = await Promise.all(
    tablesIn(facts.get('alias_maps')).map((table) => facts.tables.entries(table, 'aliases')),
  );
  const entries = lists.flatMap((list) => list ?? []);
  const names = new Set(entries.map(({ key }) => key.toLowerCase()));
  return entries.flatMap((entry) =>
    [entry, ...includedLines(entry.value, facts.note)].map(({ value, evidence }) => ({
      from: entry.key,
      to: addressesIn(value),
      evidence,
      hasOwner: names.has(`owner-${entry.key.toLowerCase()}`),
    })),
  );
}

async function readVirtual(facts: PostfixFacts): Promise<Forward[]> {
  const found: Forward[] = [];
  for (const table of tablesIn(facts.get('virtual_alias_maps'))) {
    const entries = await facts.tables.entries(table);
    if (entries === undefined && !/^(?:proxy:)?static:/.test(table))
      facts.note(
        `virtual_alias_maps names ${table}, whose entries cannot be listed: forwards in it were not audited`,
      );
    for (const { key, value, evidence } of entries ?? []) {
      const to = /^@[\w.-]+$/.test(value) ? [`all${value}`] : addressesIn(value);
      found.push({ from: key, to, evidence, hasOwner: false });
    }
  }
  return found;
}

/** local(8) forward_path of each account; those of a copied configuration are on another machine. */
function readForwardFiles(facts: PostfixFacts): Forward[] {
  const path = facts.get('forward_path');
  if (facts.domains.isEmpty('mydestination') || (facts.isGivenFolder && /\$\{?home/.test(path)))
    return [];
  return readAccounts().flatMap(({ login, home }) =>
    path
      .split(/[\s,]+/)
      .filter((word) => word !== '' && !/\$\{?(?:recipient_delimiter|extension)/.test(word))
      .map((word) =>
        word.replace(/\$(?:\{home\}|home\b)/g, home).replace(/\$(?:\{user\}|user\b)/g, login),
      )
      .flatMap((file) => readForwardFile(login, file, facts)),
  );
}

function readForwardFile(login: string, file: string, { note }: PostfixFacts): Forward[] {
  try {
    return logicalLines(readFileSync(file, 'utf8')).flatMap(({ line, text }) =>
      [{ value: text, evidence: { file, line, text } }, ...includedLines(text, note)].map(
        ({ value, evidence }) => ({
          from: login,
          to: addressesIn(value),
          evidence,
          hasOwner: false,
        }),
      ),
    );
  } catch {
    return [];
  }
}

function readAccounts(): { login: string; home: string }[] {
  try {
    return readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .flatMap(([login, , , , , home]) =>
        login && home?.startsWith('/') ? [{ login, home }] : [],
      );
  } catch {
    return [];
  }
}

export const forwardLeaves: PostfixCheck = {
  id: 'forward-leaves',
  find: async (facts) =>
    (await findForwards(facts)).map(({ evidence }) => ({
      evidence,
      fix: 'deliver to a mailbox here, and let its owner fetch the mail there (POP3, IMAP); if it must be sent on, filter it first and rewrite its sender (weak-before-forward, no-srs)',
    })),
};

/** Programs that rewrite senders, by the names and ports under which they are wired. */
const REWRITES = /srs|:1000[12]\b/i;

export const noSrs: PostfixCheck = {
  id: 'no-srs',
  async find(facts) {
    const forwards = (await findForwards(facts)).filter(({ hasOwner }) => !hasOwner);
    const [first] = forwards;
    if (first === undefined) return [];
    const parameters = [
      'sender_canonical_maps',
      'canonical_maps',
      'smtpd_milters',
      'default_transport',
      'smtp_generic_maps',
    ];
    if (parameters.some((name) => REWRITES.test(facts.get(name)))) return [];
    return [
      {
        evidence: first.evidence,
        fix: "apt-get install postsrsd, then:\npostconf -e 'sender_canonical_maps = tcp:localhost:10001' 'sender_canonical_classes = envelope_sender' 'recipient_canonical_maps = tcp:localhost:10002' 'recipient_canonical_classes = envelope_recipient, header_recipient' && postfix reload\n(postsrsd 2: socketmap:unix:srs:forward and socketmap:unix:srs:reverse)",
      },
    ];
  },
};

export const weakBeforeForward: PostfixCheck = {
  id: 'weak-before-forward',
  async find(facts) {
    const [first] = await findForwards(facts);
    const open = frontListeners(facts).filter((listener) => !filters(listener, facts));
    if (first === undefined || open.length === 0) return [];
    return [
      {
        evidence: first.evidence,
        fix: "filter before acceptance, for example: apt-get install rspamd && postconf -e 'smtpd_milters = inet:localhost:11332' 'milter_default_action = accept' && postfix reload\nat least a blocklist: add reject_rbl_client zen.spamhaus.org=127.0.0.[2..11] to the end of smtpd_recipient_restrictions",
      },
    ];
  },
};

function filters(
  { service, entries }: ReturnType<typeof frontListeners>[number],
  facts: PostfixFacts,
): boolean {
  const looks = ['smtpd_milters', 'smtpd_proxy_filter', 'content_filter'].some(
    (name) => service.setting(name).trim() !== '' || facts.get(name).trim() !== '',
  );
  const asks = entries.some(
    ({ name, warns }) =>
      !warns && /^(?:reject_rbl_client|reject_rhsbl_\w+|check_policy_service)$/.test(name),
  );
  const screens = service.name.endsWith('/pass') && facts.get('postscreen_dnsbl_sites') !== '';
  return looks || asks || screens;
}
