/** Switches of the SMTP session: helo-not-required, no-pipelining-check, vrfy, no-error-limit. */
import type { Check } from '../../check.ts';
import type { Hit } from '../../finding.ts';
import type { EximFacts } from '../facts.ts';
import { combine, decisive, holds } from '../stranger.ts';

type EximCheck = Check<EximFacts>;

/** Newer versions have `hosts_require_helo`, for all hosts by default. */
export function requiresHelo({ option }: EximFacts): boolean {
  return ['helo_verify_hosts', 'hosts_require_helo'].some((name) => option(name).trim() !== '');
}

export const heloNotRequired: EximCheck = {
  id: 'helo-not-required',
  find(facts) {
    if (requiresHelo(facts)) return [];
    const asks = [...facts.model.acls.values()]
      .flat()
      .some(
        ({ verb, conditions }) =>
          /^(?:deny|drop|defer|require)$/.test(verb) &&
          conditions.some(({ name, value }) =>
            name === 'condition'
              ? /sender_helo_name/.test(value)
              : name === 'verify' && /^helo\b/.test(value),
          ),
      );
    if (asks) return [];
    const { options } = facts.model;
    if (options.has('hosts_require_helo'))
      return [
        {
          evidence: facts.where('hosts_require_helo'),
          fix: 'hosts_require_helo = * (the default)',
        },
      ];
    return [
      {
        evidence: facts.where('helo_verify_hosts'),
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Exim expands it
        fix: 'put first into acl_smtp_mail:\n  deny condition = ${if and{{def:sender_host_address}{eq{$sender_helo_name}{}}}}\n       message   = HELO or EHLO first, please',
      },
    ];
  },
};

export const noPipeliningCheck: EximCheck = {
  id: 'no-pipelining-check',
  find(facts) {
    const option = facts.model.options;
    const isOff =
      option.has('no_smtp_enforce_sync') ||
      option.has('not_smtp_enforce_sync') ||
      /^(?:false|no)$/i.test(option.get('smtp_enforce_sync')?.value ?? '');
    const name = option.has('no_smtp_enforce_sync') ? 'no_smtp_enforce_sync' : 'smtp_enforce_sync';
    return isOff
      ? [{ evidence: facts.where(name), fix: 'smtp_enforce_sync = true (the default)' }]
      : [];
  },
};

export const vrfy: EximCheck = {
  id: 'vrfy',
  find: (facts) =>
    ['acl_smtp_vrfy', 'acl_smtp_expn'].flatMap((name): Hit[] => {
      const value = facts.option(name).trim();
      const [first] = facts.acl(name).filter(({ verb }) => verb !== 'warn');
      const truth =
        first === undefined
          ? 'no'
          : combine(decisive(first).map((each) => holds(each, 'own', facts.model.lists)));
      const isOpen = value === 'accept' || (first?.verb === 'accept' && truth === 'yes');
      return isOpen
        ? [
            {
              evidence: facts.where(name),
              fix: `remove the option ${name}: without it Exim answers 252, or 550`,
            },
          ]
        : [];
    }),
};

/** The defaults are 3; nobody needs more than some ten. */
const MOST_ERRORS = 100;

export const noErrorLimit: EximCheck = {
  id: 'no-error-limit',
  find: (facts) =>
    ['smtp_max_unknown_commands', 'smtp_max_synprot_errors'].flatMap((name): Hit[] =>
      Number(facts.option(name)) > MOST_ERRORS
        ? [{ evidence: facts.where(name), fix: `${name} = 3 (the default)` }]
        : [],
    ),
};
