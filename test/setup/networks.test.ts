/** Which networks may relay: what the mail server answers, and how `postern check` compares it. */
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { findEximNetworks } from '../../src/setup/exim/networks.ts';
import { checkNetworks, compareNetworks } from '../../src/setup/networks.ts';
import { findPostfixNetworks } from '../../src/setup/postfix/networks.ts';
import { POSTMAP, postmapIn } from '../enforce/real-postmap.ts';
import { scratchFolder } from '../support/folder.ts';

const folder = scratchFolder();
afterAll(folder.remove);

/** A program that prints `outputs` by its arguments without folders, and fails for all others. */
function fakeProgram(name: string, outputs: Readonly<Record<string, string>>): string[] {
  const cases = Object.entries(outputs).map(
    ([args, text]) => `'${args}') cat <<'END'\n${text}\nEND\n;;`,
  );
  const text = `#!/bin/sh\ncase "$*" in\n${cases.join('\n')}\n*) exit 1 ;;\nesac\n`;
  return [folder.write(name, text, 0o755)];
}

const MASTER = [
  'smtp       inet  n       -       y       -       -       smtpd',
  '10.0.0.1:26 inet n       -       y       -       -       smtpd',
].join('\n');

describe('mynetworks', () => {
  it('is read from main.cf, from each smtpd of master.cf, and from the files that it names', async () => {
    folder.write('list', '# offices\n203.0.113.0/24, 198.51.100.7\n');
    folder.write('table', '192.0.2.64/26 OK\n# none\n');
    const postconf = fakeProgram('postconf', {
      '-h mail_version': '3.9.0',
      '-x mynetworks': `mynetworks = 127.0.0.0/8 [::1]/128, ${folder.at('list')} cidr:${folder.at('table')} proxy:texthash:${folder.at('hosts')} hash:/etc/x lmdb:/etc/y`,
      '-M': MASTER,
      '-P': '10.0.0.1:26/inet/mynetworks = 10.0.0.0/8',
      '-o mynetworks=10.0.0.0/8 -x mynetworks': 'mynetworks = 10.0.0.0/8',
    });
    const postmap = fakeProgram('postmap', {
      [`-s texthash:${folder.at('hosts')}`]: '198.51.100.9\tOK\n2001:db8::9\tOK',
      '-s hash:/etc/x': '198.51.100.8\tOK\nclient.example.net\tOK',
    });
    expect(await findPostfixNetworks(postconf, postmap)).toEqual({
      networks: [
        '127.0.0.0/8',
        '::1/128',
        '203.0.113.0/24',
        '198.51.100.7',
        '192.0.2.64/26',
        '198.51.100.9',
        '2001:db8::9',
        '198.51.100.8',
        '10.0.0.0/8',
      ],
      others: ['hash:/etc/x', 'lmdb:/etc/y'],
      setting: 'mynetworks',
    });
  });

  it('lacks what exceptions take out that stand in front, in each list of its own', async () => {
    folder.write('strangers', '192.0.2.7, !192.0.2.8\n');
    const postconf = fakeProgram('postconf', {
      '-h mail_version': '3.9.0',
      '-x mynetworks': `mynetworks = !${folder.at('strangers')}, 192.0.2.0/29, !192.0.2.1 2001:db8::/126 !hash:/etc/x 203.0.113.4/31`,
      '-M': MASTER,
      '-P': '10.0.0.1:26/inet/mynetworks = 192.0.2.0/29',
      '-o mynetworks=192.0.2.0/29 -x mynetworks': 'mynetworks = 192.0.2.6/31',
    });
    const postmap = fakeProgram('postmap', { '-s hash:/etc/x': '203.0.113.5\tOK' });
    expect(await findPostfixNetworks(postconf, postmap)).toEqual({
      networks: [
        '192.0.2.8',
        '192.0.2.0/30',
        '192.0.2.4/31',
        '192.0.2.6/32',
        '2001:db8::/126',
        '203.0.113.4/32',
        '192.0.2.6/31',
      ],
      others: [],
      setting: 'mynetworks',
    });
  });

  it.runIf(POSTMAP !== undefined)('reads a table of a real Postfix', async () => {
    const hosts = folder.write('real', '192.0.2.9 OK\n[2001:db8::1] OK\n2001:db8::2 OK\n');
    const postconf = fakeProgram('postconf', {
      '-h mail_version': '3.9.0',
      '-x mynetworks': `mynetworks = texthash:${hosts}`,
      '-M': MASTER,
      '-x -P': '',
    });
    expect(await findPostfixNetworks(postconf, postmapIn(folder.path))).toEqual({
      networks: ['192.0.2.9', '2001:db8::2'],
      others: [`texthash:${hosts}`],
      setting: 'mynetworks',
    });
  });

  it('is not known when postconf fails', async () => {
    const answer = await findPostfixNetworks(fakeProgram('broken', {}), []);
    expect(answer).toEqual({ failure: expect.stringContaining('failed') });
  });
});

describe('relay_from_hosts', () => {
  it.each([
    [
      '-bP hostlist relay_from_hosts',
      'hostlist relay_from_hosts = <; 127.0.0.1 ; ::1 ; 192.0.2.0/24',
    ],
    [
      '-bP config',
      'domainlist x = y\nhostlist relay_from_hosts = 127.0.0.1 : ::::1 : 192.0.2.0/24\nx',
    ],
  ])('is read from exim %s', async (args, text) => {
    expect(await findEximNetworks(fakeProgram('exim', { [args]: text }))).toEqual({
      networks: ['127.0.0.1', '::1', '192.0.2.0/24'],
      others: [],
      setting: 'relay_from_hosts',
    });
  });

  it('names what it cannot read', async () => {
    const exim = fakeProgram('exim', {
      '-bP hostlist relay_from_hosts':
        'hostlist relay_from_hosts = 192.0.2.1 : *.example.net : !*.example.org : +unknown : iplsearch;/x',
    });
    expect(await findEximNetworks(exim)).toMatchObject({
      networks: ['192.0.2.1'],
      others: ['*.example.net', '!*.example.org', '+unknown', 'iplsearch;/x'],
    });
  });

  it('is read with the lists and files that it names, without the exceptions in front', async () => {
    folder.write('kept', '192.0.2.3 # the printer\n');
    const exim = fakeProgram('exim', {
      '-bP config': [
        'hostlist office = 203.0.113.0/31 : !198.51.100.1 : 198.51.100.0/31',
        'hostlist strangers = !192.0.2.1 : 192.0.2.0/31',
        'hostlist loop = 192.0.2.9 : +loop',
        `hostlist relay_from_hosts = !+strangers : !${folder.at('kept')} : 192.0.2.0/30 : +office : +loop`,
      ].join('\n'),
    });
    expect(await findEximNetworks(exim)).toEqual({
      networks: ['192.0.2.1/32', '192.0.2.2/32', '203.0.113.0/31', '198.51.100.0/32', '192.0.2.9'],
      others: ['+loop'],
      setting: 'relay_from_hosts',
    });
  });

  it('is everybody else where the last item is an exception', async () => {
    const exim = fakeProgram('exim', {
      '-bP hostlist relay_from_hosts': 'hostlist relay_from_hosts = 192.0.2.1 : !10.0.0.1',
    });
    expect(await findEximNetworks(exim)).toMatchObject({ networks: ['192.0.2.1'], others: ['*'] });
  });
});

describe('postern check', () => {
  const postconf = (mynetworks: string) =>
    fakeProgram('postconf', {
      '-h mail_version': '3.9.0',
      '-x mynetworks': `mynetworks = ${mynetworks}`,
      '-M': MASTER,
      '-x -P': '',
    });
  const check = async (commands: readonly string[], trusted?: string) => {
    const text = `mta: postfix\nlogs: [/x]\ncommands: { postconf: ["${commands[0]}"] }\n${trusted === undefined ? '' : `trustedNetworks: [${trusted}]`}`;
    const findings = await checkNetworks(parseConfig(text, 'p.yaml'), {});
    return findings.map((finding) => `${finding.level} ${finding.text}`);
  };

  it('is content without trustedNetworks as long as the mail server answers', async () => {
    expect(await check(postconf('127.0.0.0/8, 192.0.2.0/24'))).toEqual([
      'ok networks that may relay (mynetworks): 127.0.0.0/8, 192.0.2.0/24',
    ]);
  });

  it('warns without trustedNetworks when nobody answers', async () => {
    const [finding] = await check(fakeProgram('broken', {}));
    expect(finding).toMatch(/^warning the networks that may relay are not known: .*failed/);
  });

  it('agrees with networks that contain those of the mail server, and leaves loopback out', async () => {
    expect(await check(postconf('127.0.0.0/8, 192.0.2.0/24'), '192.0.2.0/24')).toEqual([
      'ok trustedNetworks agrees with mynetworks',
    ]);
  });

  it('agrees with networks that together are those of the mail server', async () => {
    expect(await check(postconf('192.0.2.0/25, 192.0.2.128/25'), '192.0.2.0/24')).toEqual([
      'ok trustedNetworks agrees with mynetworks',
    ]);
  });

  it('names what is missing and what is too much', async () => {
    expect(
      await check(postconf('192.0.2.0/24, 203.0.113.0/24'), '192.0.2.0/24, 10.0.0.0/8'),
    ).toEqual([
      'warning trustedNetworks lacks 203.0.113.0/24, which mynetworks allows to relay: rules do not see clients there',
      'warning trustedNetworks has 10.0.0.0/8, which mynetworks does not allow to relay: strangers there count as submitters',
    ]);
  });

  it('does not call a network too much while the mail server has tables', () => {
    const answer = { networks: ['192.0.2.0/24'], others: ['hash:/x'], setting: 'mynetworks' };
    expect(compareNetworks(['192.0.2.0/24', '10.0.0.0/8'], answer)).toMatchObject([
      { level: 'ok' },
    ]);
  });
});
