/** scam.conf, the flags of scam-back, and BackList: what each setting becomes, and what is wrong with a line. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { located } from '../../src/base/errors.ts';
import { loadScamInstance } from '../../src/daemon/scam-conf.ts';
import {
  formatBackListLine,
  parseBackList,
  writeBackList,
} from '../../src/recipients/back-list.ts';
import { FEATURES, NO_BITBUCKET } from '../../src/recipients/scam-conf/features.ts';
import {
  describeScamFlags,
  parseScamFlags,
  type ScamFlags,
} from '../../src/recipients/scam-conf/flags.ts';
import { buildScamOptions } from '../../src/recipients/scam-conf/options.ts';
import { readScamConf } from '../../src/recipients/scam-conf/settings.ts';
import { formatServer } from '../../src/recipients/server.ts';
import { scratchFolder } from '../support/folder.ts';

const BASE = 'BackSMTPServer:192.0.2.1\nBackAddrDomain:example.net\n';

function read(text: string, ...switches: Parameters<typeof readScamConf>[2][]) {
  const { settings, problems, notes } = readScamConf(text, 'scam.conf', switches[0]);
  const say = (list: typeof problems) => list.map((one) => located(one, one.text));
  return { settings, problems: say(problems), notes: say(notes) };
}

function domainsOf(text: string): string[] {
  const { settings, problems } = read(text);
  expect(problems).toEqual([]);
  return settings.domains.map(({ domain, server }) => `${domain} ${formatServer(server)}`);
}

describe('scam.conf', () => {
  it('has these settings, in any case', () => {
    const text = `# what is behind us
BACKSMTPSERVER:192.0.2.1
backaddrdomain:Example.NET
BackSMTPPort:2525
BackValidAddrExp:100000
BackInvalidAddrExp:4000
BackAddrSubdomains:Yes
BackList:/var/spool/scam/backscatter.txt
TimeoutSMTPConnect:4
TimeoutSMTPReply:5
BackSkipDaemon:MSA
BackSkipDaemon:MSA-v6
BackSkipVerify:192.0.2.2
BackSkipVerify:192.0.2.32/28
BackErrorTempfail:yes
PreferIPVersion:6
BackSMTPBackoff:120
`;
    const { settings, problems } = read(text);
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({ backList: '/var/spool/scam/backscatter.txt' });
    expect(buildScamOptions(settings, 'mx.example.org')).toMatchObject({
      mode: 'enforce',
      domains: [
        {
          domain: 'example.net',
          role: 'primary',
          subdomains: true,
          source: { kind: 'callout', servers: [{ host: '192.0.2.1', port: 2525, mx: false }] },
        },
      ],
      tables: [],
      callout: {
        helo: 'mx.example.org',
        greeting: 'HELO',
        sender: '',
        preferIpVersion: 6,
        connectTimeout: 4000,
        replyTimeout: 5000,
        backoff: 120_000,
      },
      cache: { valid: 100_000_000, invalid: 4_000_000 },
      skip: {
        clients: ['127.0.0.1', '::1', '192.0.2.2', '192.0.2.32/28'],
        daemons: ['MSA', 'MSA-v6'],
        local: true,
      },
      whenUnknown: 'tempfail',
    });
  });

  it('has these defaults', () => {
    const options = buildScamOptions(read(BASE).settings);
    expect(options).toMatchObject({
      callout: { connectTimeout: 2000, replyTimeout: 3000, greeting: 'HELO', backoff: 60_000 },
      cache: { valid: 86_400_000, invalid: 3_000_000 },
      skip: { clients: ['127.0.0.1', '::1'], daemons: ['MSA'] },
      whenUnknown: 'accept',
      budget: 8000,
      domains: [{ subdomains: false }],
    });
  });

  it('maps each domain to the server before it', () => {
    const text =
      'BackSMTPServer:192.0.2.1\nBackAddrDomain:example.net\nBackAddrDomain:example.com\nBackSMTPServer:mail.example.org\nBackAddrDomain:example.org\n';
    expect(domainsOf(text)).toEqual([
      'example.net [192.0.2.1]:25',
      'example.com [192.0.2.1]:25',
      'example.org [mail.example.org]:25',
    ]);
  });

  it.each([
    ['before its domains', `BackSMTPPort:26\n${BASE}`, ['example.net [192.0.2.1]:26'], 0],
    [
      'below all domains is for all',
      `${BASE}BackSMTPPort:2525\n`,
      ['example.net [192.0.2.1]:2525'],
      0,
    ],
    [
      'between is for those below',
      `${BASE}BackSMTPPort:2525\nBackAddrDomain:example.org\n`,
      ['example.net [192.0.2.1]:25', 'example.org [192.0.2.1]:2525'],
      1,
    ],
  ])('a port %s', (_name, text, domains, notes) => {
    expect(domainsOf(text)).toEqual(domains);
    expect(read(text).notes).toHaveLength(notes);
  });

  it('lets the last of two lines for a domain count', () => {
    expect(domainsOf(`${BASE}BackSMTPServer:192.0.2.2\nBackAddrDomain:EXAMPLE.net\n`)).toEqual([
      'example.net [192.0.2.2]:25',
    ]);
  });

  it('knows IPv6 servers', () => {
    expect(domainsOf('BackSMTPServer:2001:db8::1\nBackAddrDomain:example.net\n')).toEqual([
      'example.net [2001:db8::1]:25',
    ]);
  });

  it('takes domains from the mailertable', () => {
    for (const [text, switches] of [
      ['Mailertable:/etc/mail/mt\nBackSMTPPort:26\n', []],
      ['Mailertable:/etc/mail/mt\nBackSMTPPort:26\nUSEMAILERTABLE:Yes\n', []],
      ['Mailertable:/etc/mail/mt\nBackSMTPPort:26\n', ['USEMAILERTABLE']],
    ] as const) {
      const { settings, problems } = read(text, switches);
      expect(problems).toEqual([]);
      const options = buildScamOptions(settings);
      expect(options.tables).toEqual([
        { file: '/etc/mail/mt', format: 'mailertable', port: 26, subdomains: false },
      ]);
      expect(options.domains).toEqual([]);
    }
    expect(read('# nothing\n', ['USEMAILERTABLE']).settings.mailertable).toBe(
      '/etc/mail/mailertable',
    );
  });

  it('asks one server about all domains', () => {
    const { settings, problems, notes } = read('BackSMTPServer:192.0.2.1\nBackSMTPPort:26\n');
    expect(problems).toEqual([]);
    expect(notes).toEqual([
      'scam.conf: BackSMTPServer: no BackAddrDomain: this server is asked about all domains',
    ]);
    expect(buildScamOptions(settings).domains).toMatchObject([
      { domain: '*', subdomains: false, source: { servers: [{ host: '192.0.2.1', port: 26 }] } },
    ]);
    expect(read(`${BASE}BackSMTPServer:192.0.2.2\n`, ['ALLDOMAINS']).problems).toEqual([
      'scam.conf:3: BackSMTPServer: expected one BackSMTPServer, because of ALLDOMAINS, found another one',
    ]);
  });

  it('has features as lines, too', () => {
    expect(
      buildScamOptions(read(`EHLO:Yes\nBACKOFF:yes\nFALLBACKEND:No\n${BASE}`).settings).callout
        .greeting,
    ).toBe('EHLO');
    expect(buildScamOptions(read(`HELOHOST:mx.example.com\n${BASE}`).settings).callout.helo).toBe(
      'mx.example.com',
    );
  });

  it.each([
    [
      'BackAddrDomain:example.net',
      'scam.conf:1: BackAddrDomain: expected a BackSMTPServer before this line, found "example.net"',
    ],
    [
      'BackSMTPServer:192.0.2',
      'scam.conf:1: BackSMTPServer: expected a host name or an IP address, found "192.0.2"',
    ],
    [
      `${BASE}BackSMTPPort:smtp`,
      'scam.conf:3: BackSMTPPort: expected a port from 1 to 65535, found "smtp"',
    ],
    [
      `${BASE}BackSMTPPort:70000`,
      'scam.conf:3: BackSMTPPort: expected a port from 1 to 65535, found "70000"',
    ],
    [
      `${BASE}BackValidAddrExp:1d`,
      'scam.conf:3: BackValidAddrExp: expected a whole number of seconds, found "1d"',
    ],
    [
      `${BASE}BackAddrSubdomains:1`,
      'scam.conf:3: BackAddrSubdomains: expected Yes or No, found "1"',
    ],
    [
      `${BASE}BackSkipVerify:192.0.2.0/40`,
      'scam.conf:3: BackSkipVerify: expected an address or a network such as 192.0.2.0/24, found "192.0.2.0/40"',
    ],
    [
      `${BASE}BackList:here.txt`,
      'scam.conf:3: BackList: expected an absolute path, found "here.txt"',
    ],
    [
      `${BASE}PreferIPVersion:5`,
      'scam.conf:3: PreferIPVersion: expected 4 or 6, or 0 for no preference, found "5"',
    ],
    [
      `${BASE}BackSMTPSever:x`,
      'scam.conf:3: BackSMTPSever: expected a setting of scam.conf, found an unknown one',
    ],
    [`${BASE}hello`, 'scam.conf:3: expected Name:value, found "hello"'],
    [
      `${BASE}constructor:x`,
      'scam.conf:3: constructor: expected a setting of scam.conf, found an unknown one',
    ],
    ['', 'scam.conf: expected BackSMTPServer and BackAddrDomain, or the switch USEMAILERTABLE'],
  ])('%j is wrong', (text, problem) => {
    expect(read(text).problems).toEqual([problem]);
  });

  it('refuses BITBUCKET with the reason', () => {
    expect(read(`${BASE}bitbucket:yes\n`).problems[0]).toMatch(
      /^scam\.conf:3: bitbucket: BITBUCKET is not supported: it deletes recipients without a word/,
    );
  });

  it('ignores what it always ignored: comments, blanks, CRLF, and 0 for a time', () => {
    const text = `\r\n# a comment\r\n  BackSMTPServer: 192.0.2.1  # ours\r\nBackAddrDomain:example.net\r\nBackValidAddrExp:0\r\n`;
    expect(domainsOf(text)).toEqual(['example.net [192.0.2.1]:25']);
    expect(read(text).settings.validExpiry).toBeUndefined();
  });

  it('can be any text', () => {
    const piece = fc.constantFrom(
      'BackSMTPServer:',
      'BackAddrDomain:',
      'BackSMTPPort:',
      '192.0.2.1',
      'a.example',
      '\n',
      ':',
      '#',
      'Yes',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
        const { settings, problems } = readScamConf(pieces.join(''), 'x');
        if (problems.length === 0) {
          const { domains, tables } = buildScamOptions(settings);
          expect(domains.length + tables.length).toBeGreaterThan(0);
        }
      }),
    );
  });
});

describe('the flags of scam-back', () => {
  it.each([
    [
      '-p unix:/var/spool/scam/scam-back.sock -u scamback -D',
      { listen: 'unix:/var/spool/scam/scam-back.sock', user: 'scamback', daemon: true },
    ],
    [
      '-f /etc/mail/scam2.conf -P /run/2.pid',
      { config: '/etc/mail/scam2.conf', pidFile: '/run/2.pid' },
    ],
    [
      '-pinet:8900@localhost -Dgmail -T 240',
      { listen: 'inet:8900@localhost', daemon: true, group: 'mail', timeout: 240 },
    ],
    ['--usemailertable -D --ehlo', { features: ['USEMAILERTABLE', 'EHLO'], daemon: true }],
    ['-b /x -h', { backList: '/x', help: true }],
    [
      '',
      {
        config: '/etc/mail/scam.conf',
        pidFile: '/var/spool/scam/scam-back.pid',
        daemon: false,
        help: false,
      },
    ],
  ])('%s', (line, flags) => {
    expect(parseScamFlags(line.split(' ').filter((word) => word !== ''))).toMatchObject(flags);
  });

  it.each([
    ['-p', '-p needs a value'],
    ['-x', 'unknown flag: -x'],
    ['file', 'unexpected argument: file'],
    ['-T soon', '-T soon: expected a whole number of seconds'],
    ['-T 0', '-T 0: expected a whole number of seconds'],
    ['--bitbucket', NO_BITBUCKET],
    ['--help', 'unexpected argument: --help'],
  ])('%s is wrong', (line, text) => {
    expect(parseScamFlags(line.split(' '))).toBe(text);
  });

  it('are described, with all features', () => {
    for (const { name } of FEATURES) expect(describeScamFlags()).toContain(` ${name} `);
    for (const flag of 'pugTfPbDh') expect(describeScamFlags()).toContain(`-${flag} `);
  });
});

describe('an instance', () => {
  const folder = scratchFolder();
  const file = folder.write('scam.conf', `${BASE}BackList:/var/spool/scam/list.txt\n`);
  const load = (...argv: string[]) =>
    loadScamInstance(parseScamFlags(['-f', file, ...argv]) as ScamFlags);

  it('has its own database beside its pid file, and the BackList of its file or its flags', () => {
    expect(load('-P', '/run/scam2.pid', '--ehlo')).toMatchObject({
      recipients: {
        database: '/run/scam2.db',
        options: { mode: 'enforce', callout: { greeting: 'EHLO' } },
        backList: '/var/spool/scam/list.txt',
      },
      notes: [],
    });
    expect(load().recipients.database).toBe('/var/spool/scam/scam-back.db');
    expect(load('-b', '/x').recipients.backList).toBe('/x');
  });

  it('with a mistake in its file does not start', () => {
    folder.write('bad.conf', 'BackAddrDomain:example.net\n');
    expect(() => load('-f', folder.at('bad.conf'))).toThrow(
      /bad\.conf:1: BackAddrDomain: expected a BackSMTPServer before this line/,
    );
    expect(() => load('-f', folder.at('none.conf'))).toThrow(/none\.conf: cannot be read: ENOENT/);
    folder.remove();
  });
});

describe('BackList', () => {
  it('is read line by line, and broken lines are named', () => {
    const text =
      '0 good@example.net\n1 bad@Example.net\r\n\n2 x@example.net\n0 nobody\n0 "a b"@example.net\n1\tt@example.net';
    expect(parseBackList(text)).toEqual({
      value: [
        { address: 'good@example.net', isValid: true },
        { address: 'bad@example.net', isValid: false },
        { address: '"a b"@example.net', isValid: true },
        { address: 't@example.net', isValid: false },
      ],
      problems: [
        { line: 4, text: 'expected 0 ADDRESS or 1 ADDRESS, found 2 x@example.net' },
        { line: 5, text: 'expected 0 ADDRESS or 1 ADDRESS, found 0 nobody' },
      ],
    });
  });

  it('is written as it is read', () => {
    const folder = scratchFolder();
    const file = folder.write('list.txt', 'old', 0o600);
    const recipients = [
      { address: 'a@b.example', isValid: true },
      { address: 'j\xc3\xb6rg@b.example', isValid: false },
    ];
    writeBackList(file, recipients);
    expect(folder.read('list.txt')).toBe('0 a@b.example\n1 j\xc3\xb6rg@b.example\n');
    expect(parseBackList(folder.read('list.txt')).value).toEqual(recipients);
    folder.remove();
  });

  it('never has an address become another line', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { value } = parseBackList(text);
        expect(parseBackList(value.map(formatBackListLine).join('')).value).toEqual(value);
      }),
    );
  });
});
