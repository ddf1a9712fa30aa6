/** The policy service in `postern init` and `postern check`: recipes and what an MTA says, without a mail server. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseListenAddress } from '../../src/base/listen-address.ts';
import { parseConfig } from '../../src/config/load.ts';
import { aclsIn } from '../../src/setup/exim/acls.ts';
import { checkEximPolicy } from '../../src/setup/exim/policy.ts';
import { eximPolicyStatements } from '../../src/setup/exim/recipe.ts';
import {
  isSameAddress,
  policyAddress,
  policyLines,
} from '../../src/setup/postfix/policy-recipe.ts';
import { recipeText } from '../../src/setup/recipe.ts';

const DOCS = join(import.meta.dirname, '../../docs/mta');
const QUEUE = '/var/spool/postfix';

function listenOf(text: string) {
  const listen = parseListenAddress(text);
  if (listen === undefined) throw new Error(text);
  return listen;
}

const SOCKET = listenOf(`unix:${QUEUE}/postern/policy`);

describe('the recipe for main.cf', () => {
  it('is the one of docs/mta', () => {
    const lines = readFileSync(join(DOCS, 'postfix/main.cf.policy'), 'utf8').split('\n');
    const shown = lines.filter((line) => line !== '' && !line.startsWith('#')).join('\n');
    expect(policyLines(SOCKET, QUEUE)).toBe(`${shown}\n`);
  });

  const OURS =
    'check_policy_service { unix:postern/policy, default_action=DUNNO, timeout=2s, try_limit=1, request_limit=1 }';
  it.each([
    ['', OURS],
    ['check_x hash:/x, permit', `${OURS}, check_x hash:/x, permit`],
    [OURS, OURS],
    ['check_policy_service unix:postern/policy', OURS],
    ['check_policy_service unix:postern/policy, permit', `${OURS}, permit`],
    [
      `check_policy_service { inet:127.0.0.1:12340, timeout=1s }, ${OURS}`,
      `${OURS}, check_policy_service { inet:127.0.0.1:12340, timeout=1s }`,
    ],
  ])('keeps %j', (held, expected) => {
    const lines = policyLines(SOCKET, QUEUE, held).replace(/^.*=\n/, '');
    expect(lines.replaceAll(/\s+/g, ' ').trim()).toBe(expected);
  });

  it.each([
    [`unix:${QUEUE}/postern/policy`, 'unix:postern/policy'],
    ['unix:/run/postern/policy', 'unix:/run/postern/policy'],
    ['unix:/var/spool/postfix-2/policy', 'unix:/var/spool/postfix-2/policy'],
    ['inet:127.0.0.1:10040', 'inet:127.0.0.1:10040'],
    ['inet:[::1]:10040', 'inet:[::1]:10040'],
  ])('names %s as %s', (listen, expected) => {
    expect(policyAddress(listenOf(listen), QUEUE)).toBe(expected);
  });

  it.each([
    ['unix:postern/policy', false, true],
    ['unix:postern/policy', true, true],
    [`unix:${QUEUE}/postern/policy`, false, true],
    [`unix:${QUEUE}/postern/policy`, true, false],
    ['unix:/postern/policy', true, true],
    ['unix:/postern/policy', false, false],
    ['unix:postern/policy2', false, false],
    ['inet:127.0.0.1:10040', false, false],
  ])('%s with chroot %s is the socket: %s', (address, chroot, expected) => {
    expect(isSameAddress(address, SOCKET, QUEUE, chroot)).toBe(expected);
  });

  it.each([
    ['inet:127.0.0.1:10040', true],
    ['inet:localhost:10040', true],
    ['inet:[127.0.0.1]:10040', true],
    ['inet:127.0.0.1:10041', false],
    ['unix:postern/policy', false],
  ])('%s is the port: %s', (address, expected) => {
    expect(isSameAddress(address, listenOf('inet:127.0.0.1:10040'), QUEUE)).toBe(expected);
  });
});

describe('what init prints', () => {
  it.each([
    ['mta: postfix', []],
    [
      'policy: {}',
      [
        'install -d -o root -g postfix -m 0750 /var/spool/postfix/postern',
        'check_policy_service { unix:postern/policy, default_action=DUNNO',
      ],
    ],
    ['policy: {}\nenforcer: separate', ['install -d -o postern -g postfix -m 0750']],
    [
      'policy: { listen: "inet:127.0.0.1:10040" }',
      ['check_policy_service { inet:127.0.0.1:10040,'],
    ],
    ['mta: exim', []],
    ['mta: exim\npolicy: {}', ['readsocket{/run/postern/policy}', 'acl_smtp_rcpt']],
  ])('for %j', (text, parts) => {
    const recipe = recipeText(parseConfig(text, 'p.yaml'));
    for (const part of parts) expect(recipe).toContain(part);
    if (parts.length === 0) expect(recipe).not.toMatch(/policy_service|readsocket|install -d -o/);
  });
});

describe('Exim', () => {
  const config = parseConfig('mta: exim\npolicy: {}', 'p.yaml');
  const OURS = eximPolicyStatements(listenOf('unix:/run/postern/policy'));
  const levels = (rcpt: string, data = '', text = 'mta: exim\npolicy: {}') => {
    const acls = aclsIn(`begin acl\nr:\n${rcpt}\n  accept\nd:\n${data}\n  accept\n`, '/s');
    const settings = new Map([
      ['acl_smtp_rcpt', 'r'],
      ['acl_smtp_data', 'd'],
    ]);
    return checkEximPolicy(parseConfig(text, 'p.yaml'), { printed: '', acls, settings });
  };

  it('has statements with the address in place', () => {
    expect(OURS).toContain('readsocket{/run/postern/policy}');
    expect(OURS).not.toMatch(/POSTERN_POLICY|^#/m);
  });

  it.each<[string, string, string, string, string]>([
    [
      'in the RCPT ACL',
      OURS,
      '',
      'ok',
      'r (acl_smtp_rcpt) asks the policy service /run/postern/policy',
    ],
    [
      'in the DATA ACL',
      '',
      OURS,
      'ok',
      'd (acl_smtp_data) asks the policy service /run/postern/policy',
    ],
    [
      'nowhere',
      '',
      '',
      'wrong',
      'no ACL (acl_smtp_rcpt, acl_smtp_data, acl_smtp_predata, acl_smtp_mail) asks the policy service /run/postern/policy',
    ],
    [
      'of another name',
      OURS.replaceAll('/run/postern/policy', '/run/postern/policy2'),
      '',
      'wrong',
      'no ACL (acl_smtp_rcpt, acl_smtp_data, acl_smtp_predata, acl_smtp_mail) asks the policy service /run/postern/policy',
    ],
    [
      'behind an accept',
      `  accept authenticated = *\n${OURS}`,
      '',
      'wrong',
      'r (acl_smtp_rcpt) asks the policy service /run/postern/policy, but only after a statement that accepts the mail',
    ],
    [
      'without consequence',
      OURS.replace('control     = freeze/no_tell', 'logwrite = seen'),
      '',
      'wrong',
      'r (acl_smtp_rcpt) asks the policy service /run/postern/policy, but does nothing with the answer',
    ],
  ])('asks %s', (_, rcpt, data, level, text) => {
    const [finding, ...more] = levels(rcpt, data);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ level, text });
    if (level === 'ok') expect(finding).not.toHaveProperty('fix');
    else
      expect(finding?.fix).toBe(
        `put these statements at the beginning of r, then restart Exim (Debian: run update-exim4.conf first):\n${OURS}`,
      );
  });

  it('need a statement for rules that defer', () => {
    const old = OURS.replace(/^ {2}defer\n(?: {4}.*\n)*/m, '');
    const text = `mta: exim\npolicy: {}\nrules: ${join(DOCS, '../../rules/defer')}`;
    expect(levels(OURS, '', text)).toMatchObject([{ level: 'ok' }]);
    expect(levels(old, '', text)).toMatchObject([
      { level: 'ok' },
      { level: 'warning', text: expect.stringContaining('recipients-defer puts nobody off') },
    ]);
    expect(levels(old)).toMatchObject([{ level: 'ok' }]);
  });

  it('need not ask in observe mode, nor without a policy service', () => {
    expect(levels('', '', 'mta: exim\npolicy: {}\nmode: observe')).toMatchObject([
      { level: 'warning' },
    ]);
    expect(levels('', '', 'mta: exim')).toEqual([]);
    expect(config.policy?.listen).toEqual({ kind: 'unix', path: '/run/postern/policy' });
  });
});
