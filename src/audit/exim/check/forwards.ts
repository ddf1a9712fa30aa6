/** Mail that leaves the server again: forward-leaves, no-srs, weak-before-forward. */
import { readFileSync } from 'node:fs';
import { getDomain } from '../../../model/address.ts';
import type { Check } from '../../check.ts';
import { addressesIn, includedLines } from '../../forward-words.ts';
import { type Alias, readAliasFile } from '../aliases.ts';
import type { EximFacts } from '../facts.ts';
import { itemsOf } from '../model.ts';
import { lookupsOf, redirectRouters } from './recipients.ts';

type EximCheck = Check<EximFacts>;

interface Forward extends Alias {
  /** the router sets the envelope sender (errors_to) */
  readonly hasOwner: boolean;
}

function findForwards(facts: EximFacts): Forward[] {
  const ours = new Set(ownDomains(facts));
  return redirectRouters(facts).flatMap((router) => {
    const hasOwner = router.options.has('errors_to');
    const aliases = lookupsOf(router).flatMap(({ file }) => readAliasFile(file, facts));
    const file = router.options.get('file')?.value ?? '';
    const entries = [...aliases, ...readForwardFiles(file, facts)];
    const included = entries.flatMap(({ key, value }) =>
      includedLines(value, facts.note).map((line) => ({ key, ...line })),
    );
    return [...entries, ...included]
      .filter(({ value }) => addressesIn(value).some((address) => !ours.has(getDomain(address))))
      .map((alias) => ({ ...alias, hasOwner }));
  });
}

function ownDomains({ model, option }: EximFacts): string[] {
  const names = ['local_domains', 'relay_to_domains'].flatMap((list) =>
    itemsOf(model.lists.get(list)?.value ?? '', model.lists),
  );
  const self = [option('primary_hostname'), option('qualify_domain'), 'localhost'];
  return [...names, ...self].map((name) => name.toLowerCase());
}

/** `$home/.forward` of each account; those of a copied configuration are on another machine. */
function readForwardFiles(path: string, facts: EximFacts): Alias[] {
  if (!path.includes('$') || (facts.isGivenFile && /\$\{?home/.test(path))) return [];
  return readAccounts().flatMap(([login, home]) => {
    const file = path
      .replaceAll(/\$(?:\{home\}|home\b)/g, home)
      .replaceAll(/\$(?:\{local_part(?:_data)?\}|local_part(?:_data)?\b)/g, login);
    return file.includes('$') ? [] : readForwardFile(login, file);
  });
}

function readForwardFile(login: string, file: string): Alias[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((text, index) =>
        /^\s*(?:#|$)/.test(text)
          ? []
          : [{ key: login, value: text, evidence: { file, line: index + 1, text: text.trim() } }],
      );
  } catch {
    return [];
  }
}

function readAccounts(): [string, string][] {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines.flatMap((line): [string, string][] => {
      const [login, , , , , home] = line.split(':');
      return login && home?.startsWith('/') ? [[login, home]] : [];
    });
  } catch {
    return [];
  }
}

export const forwardLeaves: EximCheck = {
  id: 'forward-leaves',
  find: (facts) =>
    findForwards(facts).map(({ evidence }) => ({
      evidence,
      fix: 'deliver to a mailbox here, and let its owner fetch the mail there (POP3, IMAP); if it must be sent on, filter it first and rewrite its sender (weak-before-forward, no-srs)',
    })),
};

export const noSrs: EximCheck = {
  id: 'no-srs',
  find(facts) {
    const first = findForwards(facts).find(({ hasOwner }) => !hasOwner);
    const rewrites = facts.lines.some(({ text }) => /srs_encode|\bsrs\b|SRS_/.test(text));
    if (first === undefined || rewrites) return [];
    return [
      {
        evidence: first.evidence,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Exim expands it
        fix: 'Exim 4.94 or newer: in a transport of their own for forwarded mail (a copy of remote_smtp, used by a dnslookup router with "condition = ${if !eq{$original_domain}{$domain}}"), set\n  return_path = ${srs_encode {SRS_SECRET} {$return_path} {$original_domain}}\nand take the bounces with a redirect router that uses inbound_srs',
      },
    ];
  },
};

export const weakBeforeForward: EximCheck = {
  id: 'weak-before-forward',
  find(facts) {
    const [first] = findForwards(facts);
    const statements = [...facts.model.acls.values()].flat();
    const filters = statements.some(
      ({ verb, conditions }) =>
        /^(?:deny|drop|defer|require|discard)$/.test(verb) &&
        conditions.some(
          ({ name, value }) =>
            /^(?:dnslists|spam|malware|spf)$/.test(name) ||
            (name === 'condition' && /rspamd|spam_score|spamc/.test(value)),
        ),
    );
    if (first === undefined || filters) return [];
    return [
      {
        evidence: first.evidence,
        fix: 'refuse spam before it is accepted, at least in acl_smtp_rcpt after the check for foreign domains:\n  deny dnslists = zen.spamhaus.org=127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.10,127.0.0.11\nor in acl_smtp_data, with spamd_address set: deny spam = nobody:true',
      },
    ];
  },
};
