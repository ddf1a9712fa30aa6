/** What `postern check` says when a mail server asks Postern's policy service and the configuration has none. */
import { describe, expect, it } from 'vitest';
import type { ListenAddress } from '../../src/base/listen-address.ts';
import { parseConfig } from '../../src/config/load.ts';
import { aclsIn, bracedAfter } from '../../src/setup/exim/acls.ts';
import { checkEximPolicy } from '../../src/setup/exim/policy.ts';
import { eximPolicyStatements } from '../../src/setup/exim/recipe.ts';
import { findPlaces } from '../../src/setup/postfix/places.ts';
import { checkPostfixPolicy } from '../../src/setup/postfix/policy.ts';
import { policyLines } from '../../src/setup/postfix/policy-recipe.ts';
import { buildService } from '../../src/setup/postfix/services.ts';
import { isPosterns } from '../../src/setup/unanswered.ts';

const QUEUE = '/var/spool/postfix';
const SOCKET: ListenAddress = { kind: 'unix', path: `${QUEUE}/postern/policy` };

describe('an address', () => {
  it.each<[string, boolean]>([
    ['unix:postern/policy', true],
    ['unix:/var/spool/postfix/postern/policy', true],
    ['unix:private/postern', true],
    ['/run/postern/policy', true],
    ['/run/postern.sock', true],
    ['inet:postern:10040', true],
    ['unix:private/policyd-spf', false],
    ['unix:postgrey/socket', false],
    ['unix:private/policy', false],
    ['inet:127.0.0.1:10023', false],
    ['inet:127.0.0.1:10040', false],
    ['unix:/srv/postern/queue/private/policy', false],
    ['/run/lampposternal/policy', false],
  ])('%s is called postern: %s', (address, expected) => {
    expect(isPosterns(address)).toBe(expected);
  });
});

describe('a Postfix that asks where there is no policy service', () => {
  const MAIN: Readonly<Record<string, string>> = {
    queue_directory: QUEUE,
    smtpd_restriction_classes: 'own',
    own: 'check_policy_service unix:postern/policy',
    smtpd_policy_service_default_action: '451 4.3.5 Server configuration problem',
    smtpd_policy_service_try_limit: '2',
    smtpd_policy_service_retry_delay: '1s',
  };
  const service = (own: Record<string, string>, chroot: boolean) =>
    buildService({
      name: 'smtp/inet',
      chroot,
      places: findPlaces(['postconf']),
      settings: new Map(Object.entries({ ...MAIN, ...own })),
      written: new Map(),
      own: new Set(),
    });
  const check = (list: string, chroot = false, yaml = 'mode: observe') =>
    checkPostfixPolicy(parseConfig(yaml, '/etc/p.yaml'), [
      service({ smtpd_end_of_data_restrictions: list }, chroot),
    ]);
  const REFUSED = 'mail gets 451 4.3.5 Server configuration problem';
  const PASSES = 'mail passes, but each question costs warnings in the log';

  it.each<[string, 'warning' | 'wrong', string]>([
    [policyLines(SOCKET, QUEUE).replace(/^.*=/, ''), 'warning', PASSES],
    [
      'check_policy_service { unix:postern/policy, default_action=DUNNO }',
      'warning',
      `${PASSES} and a wait of 1s`,
    ],
    [
      'check_policy_service { unix:postern/policy, timeout=2s, { default_action = DUNNO }, try_limit=4, retry_delay=2s }',
      'warning',
      `${PASSES} and a wait of 3 times 2s`,
    ],
    ['check_policy_service unix:postern/policy', 'wrong', REFUSED],
    ['permit_mynetworks, own, permit', 'wrong', REFUSED],
    [
      'check_policy_service { inet:127.0.0.1:10023, default_action=DUNNO }, check_policy_service unix:postern/policy',
      'wrong',
      REFUSED,
    ],
    [
      'check_policy_service { unix:postern/policy, default_action=DEFER }',
      'wrong',
      'mail gets DEFER',
    ],
  ])('%s', (list, level, outcome) => {
    expect(check(list)).toEqual([
      {
        level,
        area: 'mta',
        text: `smtp/inet uses check_policy_service unix:postern/policy in smtpd_end_of_data_restrictions, but /etc/p.yaml has no policy, so nobody answers: ${outcome}`,
        fix: `add to /etc/p.yaml, restart Postern, then run postern check again:\npolicy: { listen: "unix:${QUEUE}/postern/policy" }`,
        instead:
          'remove check_policy_service unix:postern/policy from main.cf (smtpd_end_of_data_restrictions), then run postfix reload',
      },
    ]);
  });

  it.each([
    '',
    'check_policy_service { unix:private/policyd-spf, timeout=1s }, check_policy_service inet:127.0.0.1:10023',
    'permit, check_policy_service unix:postern/policy',
    'check_client_access cidr:/etc/postfix/postern/client_access',
  ])('is not found in %j', (list) => {
    expect(check(list)).toEqual([]);
  });

  it('is told where Postern would have to listen, when it can', () => {
    const fixOf = (address: string, chroot = false) =>
      check(`check_policy_service ${address}`, chroot)[0]?.fix;
    expect(fixOf('unix:/postern/policy', true)).toContain(`"unix:${QUEUE}/postern/policy"`);
    expect(fixOf('unix:/postern/policy')).toContain('"unix:/postern/policy"');
    expect(fixOf('inet:postern.example.net:10040')).toMatch(/^remove .* from main\.cf/);
  });

  it('is not found beside a policy service', () => {
    const texts = check('check_policy_service unix:postern/policy', false, 'policy: {}');
    expect(texts.map(({ text }) => text).join()).not.toContain('nobody answers');
  });
});

describe('an Exim that asks where there is no policy service', () => {
  const OURS = eximPolicyStatements({ kind: 'unix', path: '/run/postern/policy' });
  const ask = (rest: string, verb = 'warn', address = '/run/postern/policy') =>
    `  ${verb}\n    condition = \${readsocket{${address}}{x\\n}${rest}}\n`;
  const check = (rcpt: string) =>
    checkEximPolicy(parseConfig('mta: exim', '/etc/p.yaml'), {
      printed: '',
      acls: aclsIn(
        `begin acl\nr:\n  accept acl = called\n  accept\ncalled:\n${rcpt}\n  accept\n`,
        '/s',
      ),
      settings: new Map([
        ['acl_smtp_rcpt', 'r'],
        ['acl_smtp_data', 'r'],
      ]),
    });

  it.each<[string, string, 'warning' | 'wrong', string]>([
    ['as told', OURS, 'warning', 'Exim takes "action=DUNNO" for the answer and mail passes'],
    [
      'for REJECT',
      ask('{2s}{}{action=REJECT}'),
      'wrong',
      'Exim takes "action=REJECT" for the answer',
    ],
    ['for nothing', ask('{2s}{}{}'), 'warning', 'Exim takes "" for the answer'],
    [
      'in warn alone',
      ask('{2s}'),
      'warning',
      'mail passes, but each question costs a warning in the log',
    ],
    ['in deny alone', ask('{2s}', 'deny'), 'wrong', 'mail gets 451'],
  ])('%s', (_, statements, level, outcome) => {
    expect(check(statements)).toEqual([
      {
        level,
        area: 'mta',
        text: `r (acl_smtp_rcpt) asks the policy service /run/postern/policy, but /etc/p.yaml has no policy, so nobody answers: ${outcome}`,
        fix: 'add to /etc/p.yaml, restart Postern, then run postern check again:\npolicy: { listen: "unix:/run/postern/policy" }',
        instead:
          'remove from r the statement with readsocket and those that use its answer, then restart Exim (Debian: run update-exim4.conf first)',
      },
    ]);
  });

  it.each([
    ask('{2s}', 'deny', '/run/greylistd/socket'),
    ask('{2s}', 'deny', 'inet:127.0.0.1:10040'),
    `  deny condition = \${lookup{$authenticated_id}lsearch{/run/postern/policy}{1}{0}}\n`,
  ])('is not found in %j', (statements) => {
    expect(check(statements)).toEqual([]);
  });

  it.each([
    ['{a}{b}', ['a', 'b']],
    [' {a{b}c} \\\n {d}}{e}', ['a{b}c', 'd']],
    ['{a\\}b}{\\N}\\N}', ['a\\}b', '\\N}\\N']],
    ['{a}fail{b}', ['a']],
    ['{a}{b', ['a']],
    ['{a}{\\N}', ['a']],
    ['', []],
  ])('with the arguments of %j', (text, expected) => {
    expect(bracedAfter(text, 0)).toEqual(expected);
  });
});
