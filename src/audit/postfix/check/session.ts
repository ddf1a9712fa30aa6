/** Switches of the SMTP session: helo-not-required, no-pipelining-check, vrfy, no-error-limit, soft-bounce. */
import type { Check } from '../../check.ts';
import type { Hit } from '../../finding.ts';
import type { PostfixFacts } from '../facts.ts';
import { frontListeners } from './recipients.ts';

type PostfixCheck = Check<PostfixFacts>;

/** A check of one parameter of the services that take mail of strangers. */
function parameterCheck(
  id: PostfixCheck['id'],
  name: string,
  isWrong: (value: string) => boolean,
  right: string,
): PostfixCheck {
  return {
    id,
    find(facts) {
      const hits = frontListeners(facts)
        .filter(({ service }) => isWrong(service.setting(name)))
        .map(
          ({ service }): Hit => ({
            evidence: facts.where(name, service),
            fix: facts.set(name, right, service),
          }),
        );
      return [...new Map(hits.map((hit) => [JSON.stringify(hit), hit])).values()];
    },
  };
}

export const heloNotRequired = parameterCheck(
  'helo-not-required',
  'smtpd_helo_required',
  (value) => value !== 'yes',
  'yes',
);

export const vrfy = parameterCheck(
  'vrfy',
  'disable_vrfy_command',
  (value) => value !== 'yes',
  'yes',
);

/** The default is 20; some clients with a long list of old addresses need more. */
const MOST_ERRORS = 100;

export const noErrorLimit = parameterCheck(
  'no-error-limit',
  'smtpd_hard_error_limit',
  (value) => Number(value) > MOST_ERRORS,
  '20',
);

export const softBounce: PostfixCheck = {
  id: 'soft-bounce',
  find(facts) {
    const main = facts.get('soft_bounce') === 'yes';
    const own = facts.listeners.filter(
      ({ service }) => service.overrides('soft_bounce') && service.setting('soft_bounce') === 'yes',
    );
    return [
      ...(main
        ? [{ evidence: facts.where('soft_bounce'), fix: facts.set('soft_bounce', 'no') }]
        : []),
      ...own.map(({ service }) => ({
        evidence: facts.where('soft_bounce', service),
        fix: facts.set('soft_bounce', 'no', service),
      })),
    ];
  },
};

export const noPipeliningCheck: PostfixCheck = {
  id: 'no-pipelining-check',
  find(facts) {
    const name = 'smtpd_forbid_unauth_pipelining';
    const isNew = facts.main.has(name);
    const list = 'smtpd_data_restrictions';
    const hits = frontListeners(facts)
      .filter(
        ({ service, entries }) =>
          service.setting(name) !== 'yes' &&
          !entries.some((entry) => entry.name === 'reject_unauth_pipelining' && !entry.warns),
      )
      .map(({ service }): Hit => {
        const now = service.setting(list);
        return {
          evidence: facts.where(isNew ? name : list, service),
          fix: isNew
            ? facts.set(name, 'yes', service)
            : facts.set(
                list,
                ['reject_unauth_pipelining', now].filter(Boolean).join(', '),
                service,
              ),
        };
      });
    return [...new Map(hits.map((hit) => [JSON.stringify(hit), hit])).values()];
  },
};
