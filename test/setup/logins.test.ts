/** What `postern init` takes over from a recipe in Exim's configuration, and which logins it takes for one person. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runInit } from '../../src/cli/init.ts';
import { loadConfig, SHIPPED_RULES } from '../../src/config/load.ts';
import { loadRules } from '../../src/judge/rule.ts';
import { findExistingRecipe, findLoginCut } from '../../src/setup/exim/existing-recipe.ts';
import type { Installation } from '../../src/setup/installation.ts';
import { proposeLogins } from '../../src/setup/logins.ts';
import { findProgram } from '../../src/setup/programs.ts';
import { eximProgram } from '../support/exim.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

let folder: Folder;
beforeEach(() => {
  folder = scratchFolder('postern-logins-');
});
afterEach(() => folder.remove());

const accepted = (login: string, number: number) =>
  `2026-11-10T09:00:00Z mx1 postfix/submission/smtpd[9]: 3F0000${number}: client=c[203.0.113.9], sasl_method=PLAIN, sasl_username=${login}\n` +
  `2026-11-10T09:00:01Z mx1 postfix/qmgr[9]: 3F0000${number}: from=<x@example.net>, size=900, nrcpt=1 (queue active)\n`;

function propose(logins: readonly string[], loginHints: Installation['loginHints']) {
  const log = folder.write('mail.log', logins.map(accepted).join('')) as unknown as string;
  return proposeLogins({
    mta: 'postfix',
    version: '3.7',
    logs: [folder.at('mail.log') || log],
    targets: {},
    commands: {},
    loginHints: loginHints as NonNullable<typeof loginHints>,
    notes: [],
  });
}

describe('the logins of one person', () => {
  const HINTS = { origin: 'example.net', delimiter: '+' };

  it('are found where the log has both spellings', () => {
    expect(propose(['alice', 'Alice@Example.NET'], HINTS)).toEqual({
      options: { defaultDomain: 'example.net' },
      why: ['The log has both alice and alice@example.net.'],
    });
  });

  it('are found by the extension, too', () => {
    expect(propose(['alice', 'alice@example.net', 'alice+phone'], HINTS)?.options).toEqual({
      defaultDomain: 'example.net',
      extension: '+',
    });
  });

  it('are as the mail server says', () => {
    expect(propose([], { localDomain: 'example.org' })?.options).toEqual({
      defaultDomain: 'example.org',
    });
    expect(propose([], { cut: 'word', cutBy: '${sg{…' })?.options).toEqual({ cut: 'word' });
  });

  it.each([
    ['another domain', ['alice', 'alice@example.org']],
    ['two people', ['alice', 'bob@example.net']],
    ['an extension alone', ['alice+phone@example.net', 'bob@example.net']],
    ['no log', []],
  ])('are not guessed from %s', (_, logins) => {
    expect(propose(logins, HINTS)).toBeUndefined();
  });

  it('are not taken from a name that a client chose', () => {
    const forged = `2026-11-10T09:00:02Z mx1 postfix/smtpd[9]: NOQUEUE: reject: RCPT from c[203.0.113.9]: 550 5.1.1 <x>: User unknown; from=<a, sasl_method=PLAIN, sasl_username=alice@example.net> to=<x> proto=ESMTP helo=<h>\n`;
    folder.write('mail.log', accepted('alice', 1) + forged);
    const found = { mta: 'postfix', logs: [folder.at('mail.log')], loginHints: HINTS } as const;
    expect(proposeLogins(found as unknown as Installation)).toBeUndefined();
  });
});

const cutBy = `\${sg{$authenticated_id}{\\N\\W.*$\\N}{}}`;
const RECIPE = `LIM = 50
PERIOD = 2h
WARNTO = abuse@example.net
EXIMBINARY = ${eximProgram()}
SHELL = /bin/sh
`;
const acl = (name: string) => `
  accept authenticated = *
        set acl_m_user = ${name}
        condition = \${if exists{$spool_directory/blocked}}
        condition = \${if eq{\${lookup{$acl_m_user}lsearch\\
                    {$spool_directory/blocked}{1}{0}}}{1}}
        control = freeze/no_tell
        add_header = X-Authenticated-As: $acl_m_user

  accept authenticated = *
        !verify = recipient/defer_ok/callout=10s,defer_ok,use_sender
        ratelimit = LIM / PERIOD / per_rcpt / user-$acl_m_user
        continue = \${run{SHELL -c "echo $acl_m_user \\
           >>$spool_directory/blocked; \\
           \\N{\\N echo Subject: user $acl_m_user blocked; echo; echo because \\
           has sent mail to LIM invalid recipients during PERIOD.; \\
           \\N}\\N | EXIMBINARY WARNTO"}}
        control = freeze/no_tell
        add_header = X-Authenticated-As: $acl_m_user

  accept  authenticated = *
          control = submission/domain=
`;

describe('a recipe in the text of a configuration', () => {
  const begin = 'begin acl\nacl_check_rcpt:\n';

  it('is read without macros, too', () => {
    const text = `${begin}  accept authenticated = *\n    ratelimit = 10 / 1w / per_rcpt / user-$acl_m_user\n    continue = \${run{/bin/sh -c "echo x >>$spool_directory/b; x | /usr/sbin/exim -odi w@example.net"}}\n`;
    expect(findExistingRecipe(text, '/spool')).toEqual({
      file: '/spool/b',
      limit: 10,
      period: '7d',
      notify: 'w@example.net',
    });
  });

  it.each(['0 / 1h', '20000 / 1h', '10 / 5w', '10 / soon'])('has no rule for %s', (rate) => {
    const text = `${begin}  accept\n    ratelimit = ${rate} / per_rcpt / user-$acl_m_user\n    continue = \${run{/bin/sh -c "echo x >>/b"}}\n`;
    expect(findExistingRecipe(text, '/spool')?.period).toBeUndefined();
  });

  it('is not seen in another rate limit', () => {
    const text = `${begin}  defer ratelimit = 10 / 1h / strict\n  warn ratelimit = 5 / 1h / per_rcpt / x\n`;
    expect(findExistingRecipe(text, '/spool')).toBeUndefined();
  });

  it.each([
    [cutBy, 'word'],
    [`\${local_part:$authenticated_id}`, 'domain'],
    [`\${sg{$authenticated_id}{\\N@.*$\\N}{}}`, 'domain'],
    ['$authenticated_id', undefined],
    [`\${lc:$authenticated_id}`, undefined],
  ])('cuts logins by %s: %s', (expression, cut) => {
    expect(findLoginCut(`    set acl_m_user = ${expression}\n`).cut).toBe(cut);
  });
});

async function init(options: object): Promise<string> {
  let text = '';
  const io = { stdout: (more: string) => (text += more), stderr: () => {} };
  await runInit({ output: folder.at('postern.yaml'), ...options }, io);
  return text;
}

describe.runIf(existsSync(eximProgram()))('init beside a real Exim', () => {
  function configure(recipe: string, name: string): void {
    mkdirSync(folder.at('spool'), { recursive: true });
    folder.write('log/mainlog', '');
    folder.write(
      'exim.conf',
      `${recipe}exim_user = root\nexim_group = root\nprimary_hostname = mx.example.net\nkeep_environment =\n` +
        `spool_directory = ${folder.at('spool')}\nlog_file_path = ${folder.at('log')}/%slog\n` +
        `acl_smtp_rcpt = acl_check_rcpt\nbegin acl\nacl_check_rcpt:\n${acl(name)}`,
    );
  }
  const options = () => ({
    mta: 'exim',
    eximBinary: eximProgram(),
    eximConfig: folder.at('exim.conf'),
  });

  it('takes LIM, PERIOD, WARNTO, the file and the cut over', async () => {
    configure(RECIPE, cutBy);
    const text = await init(options());
    expect(text).toContain('Taken over: 50 invalid recipients in 2h, the file');
    const config = loadConfig(folder.at('postern.yaml'));
    expect(config).toMatchObject({
      logins: { cut: 'word' },
      notify: { to: ['abuse@example.net'] },
      rules: folder.at('rules'),
      targets: { exim: { blockedUsers: folder.at('spool/blocked') } },
    });
    expect(readFileSync(config.file, 'utf8')).toContain(`# An ACL of Exim cuts logins: ${cutBy}`);
    const [rule] = loadRules(config.rules).filter(({ name }) => name === 'invalid-recipients');
    expect(rule?.limits[0]).toMatchObject({ limit: 50, period: 7_200_000 });
    const shipped = readdirSync(SHIPPED_RULES).filter((name) => name.endsWith('.yaml'));
    expect(readdirSync(config.rules).sort()).toEqual(shipped.sort());
  });

  it('copies no rules for the shipped limit', async () => {
    configure(RECIPE.replace('50', '100').replace('2h', '1h'), '$authenticated_id');
    await init(options());
    expect(loadConfig(folder.at('postern.yaml')).rules).toBe(SHIPPED_RULES);
  });

  it('replaces no folder of rules', async () => {
    configure(RECIPE, '$authenticated_id');
    folder.write('rules/own.yaml', 'x');
    await expect(init(options())).rejects.toThrow(/rules: exists already/);
    expect(existsSync(folder.at('postern.yaml'))).toBe(false);
    await init({ ...options(), force: true });
    expect(readdirSync(folder.at('rules'))).toContain('own.yaml');
  });
});

describe.runIf(findProgram('postconf') !== undefined)('init beside a real Postfix', () => {
  it('writes which logins are one person, and why', async () => {
    const settings = 'myorigin = example.net\nrecipient_delimiter = +\n';
    folder.write(
      'etc/main.cf',
      `compatibility_level = 3.6\nmyhostname = mx.example.net\nmaillog_file = ${folder.at('mail.log')}\nmaillog_file_prefixes = ${folder.path}\n${settings}`,
    );
    folder.write('etc/master.cf', 'smtp inet n - n - - smtpd\n');
    folder.write('mail.log', ['bob', 'bob@example.net', 'bob+tab'].map(accepted).join(''));
    await init({ mta: 'postfix', postfixConfig: folder.at('etc') });
    const config = loadConfig(folder.at('postern.yaml'));
    expect(config.logins).toEqual({ defaultDomain: 'example.net', cut: 'none', extension: '+' });
    const text = readFileSync(config.file, 'utf8');
    expect(text).toContain('# The log has both bob and bob@example.net.\n');
  });
});
