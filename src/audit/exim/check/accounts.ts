/** Accounts: auth-without-tls, sender-not-bound, no-rate-limit, not-wired. */
import { mentions } from '../../../setup/exim/acls.ts';
import { eximStatements } from '../../../setup/exim/recipe.ts';
import type { Check } from '../../check.ts';
import type { Hit } from '../../finding.ts';
import type { EximFacts } from '../facts.ts';
import type { Driver } from '../model.ts';
import { statementText } from '../model.ts';

type EximCheck = Check<EximFacts>;

/** Authenticators with which clients log in here. */
function serverAuthenticators({ model, option }: EximFacts): Driver[] {
  if (model.options.has('auth_advertise_hosts') && option('auth_advertise_hosts').trim() === '')
    return [];
  return model.authenticators.filter(({ options }) =>
    [...options.keys()].some((name) =>
      /^server_(?:condition|secret|socket|password|hostname|debug_print|set_id)$/.test(name),
    ),
  );
}

/** Mechanisms that send the password itself. */
function sendsPassword({ options }: Driver): boolean {
  const driver = options.get('driver')?.value ?? '';
  const mechanism = options.get('public_name')?.value ?? '';
  return (
    driver === 'plaintext' ||
    (/^(?:dovecot|cyrus_sasl|gsasl)$/.test(driver) && /^(?:PLAIN|LOGIN)$/i.test(mechanism))
  );
}

const MENTIONS_TLS = /tls_(?:in_)?cipher|tls_cipher|tls_in_|encrypted/;

export const authWithoutTls: EximCheck = {
  id: 'auth-without-tls',
  find(facts) {
    if (MENTIONS_TLS.test(facts.option('auth_advertise_hosts'))) return [];
    const denies = facts
      .acl('acl_smtp_auth')
      .some(
        ({ verb, conditions }) =>
          /^(?:deny|drop|require|accept)$/.test(verb) &&
          conditions.some(({ name }) => name === 'encrypted'),
      );
    if (denies) return [];
    return serverAuthenticators(facts)
      .filter(sendsPassword)
      .filter(
        ({ options }) => !MENTIONS_TLS.test(options.get('server_advertise_condition')?.value ?? ''),
      )
      .map(({ evidence }) => ({
        evidence,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Exim expands it
        fix: 'add to the authenticator:\n  server_advertise_condition = ${if def:tls_in_cipher}',
      }));
  },
};

export const senderNotBound: EximCheck = {
  id: 'sender-not-bound',
  find(facts) {
    const [first] = serverAuthenticators(facts);
    if (first === undefined) return [];
    const binds = [...facts.model.acls.values()].flat().some((statement) => {
      const text = statementText(statement);
      const refuses = /^(?:deny|drop|defer|require|discard)$/.test(statement.verb);
      return refuses && /authenticated_id/.test(text) && /sender_address|senders|from:/i.test(text);
    });
    if (binds) return [];
    const accept = facts
      .acl('acl_smtp_rcpt')
      .find(
        ({ verb, conditions }) =>
          verb === 'accept' &&
          conditions.some(({ name, negated }) => name === 'authenticated' && !negated),
      );
    return [
      {
        evidence: accept?.evidence ?? first.evidence,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Exim expands it
        fix: 'put before this statement (logins that are addresses; otherwise look up the addresses of $authenticated_id):\n  deny authenticated = *\n       condition     = ${if !eqi{$authenticated_id}{$sender_address}}\n       message       = you may not send with this address',
      },
    ];
  },
};

export const noRateLimit: EximCheck = {
  id: 'no-rate-limit',
  find(facts) {
    const [first] = serverAuthenticators(facts);
    const limits = [...facts.model.acls.values()]
      .flat()
      .some(({ conditions }) =>
        conditions.some(
          ({ name, value }) => name === 'ratelimit' || /POSTERN_POLICY|policy/.test(value),
        ),
      );
    return first === undefined || limits
      ? []
      : [
          {
            evidence: first.evidence,
            fix: 'put into acl_smtp_rcpt, before the accept for authenticated users:\n  defer authenticated = *\n        ratelimit     = 100 / 1h / per_rcpt / user-$authenticated_id\n        message       = too many recipients, try again later',
          },
        ];
  },
};

export const notWired: EximCheck = {
  id: 'not-wired',
  find(facts): Hit[] {
    const { config } = facts;
    const [acl, place] = ['acl_smtp_data', 'acl_smtp_rcpt']
      .filter((name) => facts.option(name) !== '')
      .map((name) => [name, facts.where(name)] as const)[0] ?? [
      'acl_smtp_data',
      facts.where('acl_smtp_data'),
    ];
    if (config === undefined || config.mta !== 'exim')
      return [
        {
          evidence: place,
          severity: 'advice',
          why: 'Postern has no configuration here, so it watches nothing. A hacked account is found only when others complain.',
          fix: 'postern init',
        },
      ];
    const { exim } = config.targets;
    const texts = [...facts.model.acls.values()].flat().map(statementText);
    if (texts.some((text) => mentions(text, exim.blockedUsers))) return [];
    return [
      {
        evidence: { ...place, text: `${place.text}: no ACL names ${exim.blockedUsers}` },
        severity: config.mode === 'observe' ? 'advice' : 'warning',
        fix: `put first into the ACL that ${acl} names, then restart Exim:\n${eximStatements(exim)}`,
      },
    ];
  },
};
