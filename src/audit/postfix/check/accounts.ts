/** Accounts: auth-without-tls, sender-not-bound, no-rate-limit, not-wired. */

import { listFix } from '../../../setup/postfix/fix.ts';
import { dataLines, postfixRestrictions } from '../../../setup/postfix/recipe.ts';
import { findPlace, needs } from '../../../setup/postfix/services.ts';
import type { Check } from '../../check.ts';
import type { Hit } from '../../finding.ts';
import type { Listener, PostfixFacts } from '../facts.ts';
import { RCPT_LISTS } from '../restrictions.ts';

type PostfixCheck = Check<PostfixFacts>;

/** Services to which strangers can connect and log in. */
function loginListeners(facts: PostfixFacts): Listener[] {
  return facts.listeners.filter(
    ({ service, isPublic }) => isPublic && service.setting('smtpd_sasl_auth_enable') === 'yes',
  );
}

export const authWithoutTls: PostfixCheck = {
  id: 'auth-without-tls',
  find: (facts) =>
    loginListeners(facts)
      .filter(({ service: { setting } }) => {
        const isEncrypted =
          setting('smtpd_tls_security_level') === 'encrypt' ||
          setting('smtpd_enforce_tls') === 'yes' ||
          setting('smtpd_tls_wrappermode') === 'yes' ||
          setting('smtpd_tls_auth_only') === 'yes';
        return !isEncrypted && !/\bnoplaintext\b/.test(setting('smtpd_sasl_security_options'));
      })
      .map(({ service }) => ({
        evidence: facts.where('smtpd_sasl_auth_enable', service),
        fix: facts.set('smtpd_tls_auth_only', 'yes', service),
      })),
};

const BINDS = [
  'reject_sender_login_mismatch',
  'reject_authenticated_sender_login_mismatch',
  'reject_known_sender_login_mismatch',
];
/** What ends a list for those who logged in. */
const ENDS = ['permit', 'permit_sasl_authenticated', 'reject', 'defer'];

export const senderNotBound: PostfixCheck = {
  id: 'sender-not-bound',
  find(facts) {
    const hits = loginListeners(facts)
      .filter((listener) => !bindsSender(listener) && !asksPolicy(listener))
      .map(({ service }): Hit => {
        const maps = service.setting('smtpd_sender_login_maps');
        const list = 'smtpd_sender_restrictions';
        const value = [BINDS[1], service.setting(list)].filter(Boolean).join(', ');
        const first =
          maps === ''
            ? `write ${facts.folder}/sender_login ("alice@example.net alice" for each address and its login), postmap it, then:\n${facts.set('smtpd_sender_login_maps', `hash:${facts.folder}/sender_login`)}\n`
            : '';
        return {
          evidence: facts.where('smtpd_sasl_auth_enable', service),
          fix: `${first}${facts.set(list, value, service)}`,
        };
      });
    return hits;
  },
};

function bindsSender({ service, entries }: Listener): boolean {
  if (service.setting('smtpd_sender_login_maps') === '') return false;
  return RCPT_LISTS.some((list) => {
    const own = entries.filter((entry) => entry.list === list);
    const at = own.findIndex(({ name, warns }) => BINDS.includes(name) && !warns);
    return at >= 0 && !own.slice(0, at).some(({ name }) => ENDS.includes(name));
  });
}

/** A policy service before the end of a list for users may do the same (iRedAPD, policyd). */
function asksPolicy({ entries }: Listener): boolean {
  return RCPT_LISTS.some((list) => {
    const own = entries.filter((entry) => entry.list === list);
    const at = own.findIndex(({ name }) => name === 'check_policy_service');
    return at >= 0 && !own.slice(0, at).some(({ name }) => ENDS.includes(name));
  });
}

const RATES = ['smtpd_client_message_rate_limit', 'smtpd_client_recipient_rate_limit'];

export const noRateLimit: PostfixCheck = {
  id: 'no-rate-limit',
  find(facts) {
    const hits = loginListeners(facts)
      .filter((listener) => {
        const { service, entries } = listener;
        const isLimited = RATES.some((name) => Number(service.setting(name)) > 0);
        const asks = entries.some(({ name }) => name === 'check_policy_service');
        return !isLimited && !asks && service.setting('smtpd_milters').trim() === '';
      })
      .map(
        ({ service }): Hit => ({
          evidence: facts.where(RATES[1] as string, service),
          fix: `${facts.set(RATES[1] as string, '100', service)}\nPostfix counts for each client address and anvil_time_unit (60s), not for each account, and exempts mynetworks.`,
        }),
      );
    return [...new Map(hits.map((hit) => [JSON.stringify(hit.evidence), hit])).values()];
  },
};

export const notWired: PostfixCheck = {
  id: 'not-wired',
  find(facts) {
    const { config } = facts;
    if (config === undefined || config.mta !== 'postfix') return [notSetUp(facts)];
    const { postfix } = config.targets;
    const restrictions = postfixRestrictions(postfix).filter(({ target }) => target !== 'sender');
    return facts.listeners.flatMap(({ service }): Hit[] => {
      const missing = restrictions.filter(
        (each) => needs(each, service) && findPlace(each, service, restrictions).kind === 'missing',
      );
      if (missing.length === 0) return [];
      const { text, ...place } = facts.where('smtpd_data_restrictions', service);
      const names = missing.map(({ check, map }) => `${check} ${map}`).join(', ');
      const fix = listFix(service, 'smtpd_data_restrictions', (now) => dataLines(postfix, now));
      return [
        {
          evidence: { ...place, text: `${text}: ${service.name} has no ${names}` },
          severity: config.mode === 'observe' ? 'advice' : 'warning',
          fix: `start Postern, which writes the maps; then ${fix}`,
        },
      ];
    });
  },
};

function notSetUp(facts: PostfixFacts): Hit {
  return {
    evidence: facts.where('smtpd_data_restrictions'),
    severity: 'advice',
    why: 'Postern has no configuration here, so it watches nothing. A hacked account is found only when others complain.',
    fix: 'postern init',
  };
}
