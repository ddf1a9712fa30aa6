/** The parts of `postern init` and `postern check` that need no mail server. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG_FILE, parseConfig } from '../../src/config/load.ts';
import { configText } from '../../src/setup/config-text.ts';
import { aclsIn } from '../../src/setup/exim/acls.ts';
import { listItems } from '../../src/setup/exim/list.ts';
import { eximStatements } from '../../src/setup/exim/recipe.ts';
import { findingsText, ok, warning, wrong } from '../../src/setup/finding.ts';
import { type Installation, networksIn, pickLog } from '../../src/setup/installation.ts';
import { indexedType } from '../../src/setup/postfix/find.ts';
import { dataLines, postfixLines, submitLine } from '../../src/setup/postfix/recipe.ts';
import { describeFailure, settingsIn } from '../../src/setup/programs.ts';
import { recipeText } from '../../src/setup/recipe.ts';
import { scratchFolder } from '../support/folder.ts';

const DOCS = join(import.meta.dirname, '../../docs/mta');

function recipe(name: string): string {
  const lines = readFileSync(join(DOCS, name), 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).join('\n');
}

describe('the recipe', () => {
  const { postfix, exim } = parseConfig('', DEFAULT_CONFIG_FILE).targets;

  it('for main.cf is the one of docs/mta', () => {
    const shown = `${recipe('postfix/main.cf.data')}\n${recipe('postfix/main.cf.local')}\n`;
    expect(postfixLines(postfix)).toBe(shown);
  });

  it.each([
    ['', ['S', 'M', 'permit_sasl_authenticated', 'C']],
    [
      'reject_unauth_pipelining',
      ['reject_unauth_pipelining', 'S', 'M', 'permit_sasl_authenticated', 'C'],
    ],
    ['permit_mynetworks reject', ['S', 'M', 'C', 'permit_mynetworks', 'reject']],
    ['permit_sasl_authenticated, reject', ['S', 'M', 'permit_sasl_authenticated', 'C', 'reject']],
    ['reject', ['S', 'M', 'C', 'reject']],
    // A table may let somebody pass.
    [
      'check_x_access inline:{ {a b = OK}, c=OK }, permit, y',
      ['S', 'M', 'C', 'check_x_access inline:{ {a b = OK}, c=OK }', 'permit', 'y'],
    ],
    [
      'warn_if_reject reject , sleep 1\n  reject_rbl_client rbl.example,permit_mynetworks',
      [
        'warn_if_reject reject',
        'sleep 1',
        'reject_rbl_client rbl.example',
        'S',
        'M',
        'C',
        'permit_mynetworks',
      ],
    ],
    ['$harmless, $login, reject', ['$harmless', 'S', 'M', '$login', 'C', 'reject']],
    ['$(harmless)', ['$(harmless)', 'S', 'M', 'permit_sasl_authenticated', 'C']],
    ['$unknown', ['S', 'M', 'C', '$unknown']],
    ['Own, reject_unauth_pipelining', ['S', 'M', 'C', 'Own', 'reject_unauth_pipelining']],
  ])('keeps %j', (held, expected) => {
    const names: Record<string, string> = {};
    for (const [name, check] of Object.entries({ S: 'sasl', M: 'sender', C: 'client' }))
      names[`check_${check}_access`] = name;
    const entries = (text: string) =>
      text
        .replace(/^.*=\s*/, '')
        .trim()
        .split(/,\n\s*/)
        .map((entry) => names[entry.split(' ')[0] as string] ?? entry);
    const values: Record<string, string> = {
      harmless: 'reject_unauth_pipelining',
      login: 'permit_sasl_authenticated',
      own: 'permit_mynetworks',
    };
    const lookup = (name: string) => values[name];
    const once = dataLines(postfix, held, lookup);
    expect(entries(once)).toEqual(expected);
    // What it printed last time is not added again.
    expect(entries(dataLines(postfix, once.replace(/^.*=\s*/, '').trim(), lookup))).toEqual(
      expected,
    );
  });

  it.each([
    ['static:anyone', 'OURS, static:anyone'],
    ['!root static:all', 'OURS, !root, static:all'],
    ['OURS, static:anyone', 'OURS, static:anyone'],
    ['inline:{ a=b, c=d }, /etc/users', 'OURS, inline:{ a=b, c=d }, /etc/users'],
    // Nobody may submit, and nobody may afterwards.
    ['', 'OURS'],
  ])('keeps authorized_submit_users = %j', (held, expected) => {
    const ours = '!texthash:/etc/postfix/postern/submit_users';
    const line = submitLine(postfix, held.replace('OURS', ours));
    expect(line).toBe(`authorized_submit_users = ${expected.replace('OURS', ours)}\n`);
  });

  it('leaves out a map that is switched off', () => {
    const { targets } = parseConfig('targets: { postfix: { sender: false, uid: false } }', 'p');
    const lines = postfixLines(targets.postfix);
    expect(lines).toContain('check_sasl_access');
    expect(lines).not.toMatch(/check_sender_access|authorized_submit_users/);
  });

  it('for Exim names the files of the configuration', () => {
    const statements = eximStatements({ ...exim, blockedUsers: '/srv/users' });
    expect(statements).toContain('lsearch{/srv/users}');
    expect(statements).toContain(`lsearch{${exim.blockedSenders}}`);
    expect(statements).not.toContain('POSTERN_');
    expect(statements).toMatch(/^ {2}# /);
  });
});

/** The network of this length whose base is 127.0.0.0 and `offset`. */
function networkFrom(offset: number, bits: number): string {
  return `127.${offset >> 16}.${(offset >> 8) & 255}.${offset & 255}/${bits}`;
}

describe('what a mail server says', () => {
  it.each([
    ['', []],
    ['/var/log/exim4/%slog', ['/var/log/exim4/%slog']],
    ['syslog : /var/log/exim/%slog', ['syslog', '/var/log/exim/%slog']],
    ['127.0.0.1 : 2001::db8::::/32', ['127.0.0.1', '2001:db8::/32']],
    ['<; 192.0.2.0/24 ; 2001:db8::/32', ['192.0.2.0/24', '2001:db8::/32']],
    ['<: a : b', ['a', 'b']],
  ])('Exim list %j', (list, expected) => {
    expect(listItems(list)).toEqual(expected);
  });

  it('networks without the exceptions in front of them, and what else stands among them', () => {
    const words = [
      '!127.0.0.8/29',
      '![::ffff:192.0.2.7]',
      '127.0.0.0/8',
      '[::1]/128',
      '[::ffff:127.0.0.0]/104',
      '[2001:DB8::]/32',
      '192.0.2.7',
    ];
    const halves = [
      '127.0.0.0/29',
      ...Array.from({ length: 20 }, (_, at) => networkFrom(2 ** (at + 4), 28 - at)),
    ];
    expect(
      networksIn([...words, 'hash:/etc/postfix/nets', '!192.0.2.8', 'mail.example.net']),
    ).toEqual({
      networks: [...halves, '::1/128', '2001:db8::/32', '192.0.2.7'],
      others: ['hash:/etc/postfix/nets', 'mail.example.net'],
    });
  });

  it.each([
    [['btree', 'hash', 'lmdb'], 'lmdb'],
    [['btree', 'hash'], 'hash'],
    [['cidr', 'texthash'], 'texthash'],
  ] as const)('map types %j', (types, expected) => {
    expect(indexedType(types)).toBe(expected);
  });

  it('settings, empty ones too', () => {
    const settings = settingsIn('a = 1\nb = \nc =\nno setting\nd = x = y\n');
    expect([...settings]).toEqual([
      ['a', '1'],
      ['b', ''],
      ['c', ''],
      ['d', 'x = y'],
    ]);
  });

  it('why a command gave no answer', () => {
    const none = { stdout: '', stderr: '', timedOut: false };
    expect(describeFailure(['x'], { ...none, status: 0 })).toBeUndefined();
    expect(describeFailure(['x'], { ...none, status: 1, stderr: '\n bad \n' })).toBe(
      'x failed: bad',
    );
    expect(describeFailure(['x'], { ...none, status: null, failure: 'ENOENT' })).toBe(
      'x failed: ENOENT',
    );
    expect(describeFailure(['x'], { ...none, status: null, timedOut: true })).toContain(
      'not answer',
    );
  });

  it('ACLs with their statements', () => {
    const text =
      'x = 1\nbegin acl\n\n  one:\n    deny condition = a\n    message = b\n    accept\n  two:\n    warn\n' +
      '    condition = exists{$spool_directory/f}\nbegin routers\n  three:\n    accept\n';
    expect([...aclsIn(text, '/s')]).toEqual([
      ['one', ['deny condition = a\n    message = b', 'accept']],
      ['two', ['warn\n    condition = exists{/s/f}']],
    ]);
  });
});

describe('the log', () => {
  it('is the file that holds lines of the mail server, else the first that exists', () => {
    const folder = scratchFolder();
    try {
      const a = folder.write('a.log', 'cron[1]: hello\n');
      const b = folder.write('b.log', 'mx postfix/smtpd[1]: connect from x\n');
      const none = folder.at('none.log');
      expect(pickLog([none, a, b], 'postfix')).toBe(b);
      expect(pickLog([none, a], 'postfix')).toBe(a);
      expect(pickLog([none, folder.path], 'postfix')).toBeUndefined();
    } finally {
      folder.remove();
    }
  });
});

describe('the configuration that init writes', () => {
  const found: Installation = {
    mta: 'exim',
    version: '4.98',
    logs: ['/var/log/exim4/mainlog'],
    networks: ['192.0.2.0/24', '2001:db8::/32'],
    hostname: 'mx.example.net',
    domain: 'example.net',
    targets: { exim: { blockedUsers: '/var/spool/exim4/blocked_users' } },
    commands: { exim: ['/usr/sbin/exim4'] },
    notes: [],
  };

  it.each([
    [undefined, undefined],
    [true, { kind: 'unix', path: '/run/postern/policy' }],
  ])('has the policy service as it is wished: %j', (policy, listen) => {
    const text = configText(found, policy === undefined ? {} : { policy });
    expect(text).toMatch(policy === true ? /^policy: \{\}$/m : /^# policy: \{\}$/m);
    expect(parseConfig(text, 'p.yaml').policy?.listen).toEqual(listen);
    for (const page of ['postfix-policy.md', 'exim-open-session.md']) {
      expect(text).toContain(`docs/mta/${page}`);
      expect(existsSync(join(DOCS, page))).toBe(true);
    }
  });

  it('is valid, and says what was found', () => {
    expect(parseConfig(configText(found), '/etc/postern/postern.yaml')).toMatchObject({
      mta: 'exim',
      mode: 'enforce',
      trustedNetworks: found.networks,
      commands: { exim: ['/usr/sbin/exim4'] },
      notify: { to: ['postmaster@example.net'], from: 'postern@mx.example.net' },
    });
  });

  it('tells nobody when the host has no domain to write to', () => {
    const { domain: _, ...bare } = found;
    const config = parseConfig(configText({ ...bare, hostname: 'localhost' }), 'p.yaml');
    expect(config.notify).toBeUndefined();
  });
});

describe('what init prints', () => {
  const steps = (text: string) => recipeText(parseConfig(text, '/etc/postern/postern.yaml'));

  it.each(['mta: postfix', 'mta: exim'])('for %s: the mail server comes after Postern', (mta) => {
    const text = steps(mta);
    expect(text).not.toMatch(/observe|mode: enforce|When you want it to block/);
    const wiring = text.search(/in main\.cf|beginning of the ACL/);
    expect(text.indexOf('systemctl enable --now postern')).toBeLessThan(wiring);
  });

  it.each([
    ['mta: postfix', 'postern-single', /main\.cf|install -d/],
    ['mta: postfix\nenforcer: separate', 'postern postern-enforce', /main\.cf|install -d/],
    ['mta: exim', 'postern', /ACL|acl_/],
  ])(
    'for %j in observe mode: nothing for the mail server before it is to block',
    (mta, units, touch) => {
      const text = steps(`${mta}\nmode: observe`);
      const [now = '', later = ''] = text.split('\nWhen you want it to block\n');
      expect(now).toContain(`systemctl enable --now ${units}\n`);
      expect(now).toMatch(/postern report .*\n.*postern explain /);
      expect(now).not.toMatch(touch);
      const restart = later.indexOf(`systemctl restart ${units}\n`);
      expect(later.slice(0, restart)).toMatch(/\n3\. Set mode: enforce in \S+postern\.yaml/);
      expect(later.slice(restart)).toMatch(
        mta === 'mta: exim' ? /beginning of the ACL/ : /in main\.cf/,
      );
      const numbers = text.match(/^\d(?=\. )/gm) ?? [];
      expect(numbers).toEqual(numbers.map((_, index) => String(index + 1)));
    },
  );
});

describe('findings', () => {
  it('print a fix where it is first needed, also when others stand between', () => {
    const lines = '  warn\n    x\n';
    const text = findingsText([
      wrong('mta', 'a', `into A:\n${lines}`, { lines }),
      wrong('mta', 'b', `into B:\n${lines}  accept`, { lines }),
      warning('mta', 'c', `into A:\n${lines}`, { lines, instead: 'to do without: c: false' }),
      warning('mta', 'd', `into A:\n${lines}`, { lines }),
      wrong('mta', 'e'),
      wrong('mta', 'f', 'else', { instead: 'none' }),
      wrong('mta', 'g', 'else', { instead: 'none' }),
    ]);
    const margin = '         ';
    expect(text).toBe(
      [
        'wrong    mta: a',
        `${margin}fix: into A:`,
        `${margin}    warn`,
        `${margin}      x`,
        'wrong    mta: b',
        `${margin}fix: into B:`,
        `${margin}    (the lines given for: a)`,
        `${margin}    accept`,
        'warning  mta: c',
        `${margin}fix: the same as for: a`,
        `${margin}or, to do without: c: false`,
        'warning  mta: d',
        `${margin}fix: the same`,
        'wrong    mta: e',
        'wrong    mta: f',
        `${margin}fix: else`,
        `${margin}or, none`,
        'wrong    mta: g',
        `${margin}fix: the same`,
        `${margin}or, none`,
        '5 problems found.',
        '',
      ].join('\n'),
    );
  });

  it('read one a paragraph, a fix once', () => {
    const fix = 'do\n  this';
    const text = findingsText([
      ok('rules', 'fine'),
      wrong('mta', 'a', fix),
      wrong('mta', 'b', fix),
    ]);
    expect(text).toBe(
      'ok       rules: fine\n' +
        'wrong    mta: a\n         fix: do\n             this\n' +
        'wrong    mta: b\n         fix: the same\n' +
        '2 problems found.\n',
    );
  });
});
