/**
 * `postern init --exim-return-path` as an operator runs it: the files that it writes, included as it says, in Debian's
 * configuration of both styles with a smarthost, and the refused values.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { findLayout, type Layout } from '../../src/setup/exim/debian.ts';
import { readKeyFile } from '../../src/sign/key-file.ts';
import { RETURN_PATH_SCHEMES } from '../../src/sign/schemes.ts';
import { type EximServer, eximProgram, hasExim, startExim } from '../support/exim.ts';
import { debianConfiguration, hasDebianConfiguration } from '../support/exim-debian.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { idOf } from '../support/server.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { SmtpClient, sendMail } from '../support/smtp-client.ts';

let folder: Folder;
beforeAll(() => {
  folder = scratchFolder('postern-return-path-');
});
afterAll(() => folder.remove());

async function init(name: string, ...argv: string[]) {
  let out = '';
  let err = '';
  const io = {
    stdout: (text: string) => {
      out += text;
    },
    stderr: (text: string) => {
      err += text;
    },
  };
  const all = ['init', '--exim-return-path', '--output', folder.at(name)];
  const exim = ['--exim-binary', eximProgram(), '--exim-config', folder.write('exim.conf', '')];
  const status = await main([...all, ...exim, ...argv], io);
  return { status, out, err };
}

describe.runIf(hasExim())('the files', () => {
  it('are written with a first key that only Exim reads, and told with what to do', async () => {
    const { status, out } = await init('fresh', '--layout', 'split', '--domain', 'Example.NET');
    expect(status).toBe(0);
    const { mode, uid, gid } = statSync(folder.at('fresh/return-path.keys'));
    expect([mode & 0o777, uid, gid]).toEqual([0o640, 0, idOf('/etc/group', 'Debian-exim')]);
    const listed = [...out.matchAll(/^ {4}(\/\S+)$/gm)].map(([, file]) => file as string);
    expect(listed).toHaveLength(8);
    expect(listed.filter((file) => !existsSync(file))).toEqual([]);
    expect(folder.read('fresh/return-path-settings.conf')).toContain(
      'domainlist postern_signed_domains = example.net\n',
    );
    expect(out).toContain('/etc/exim4/conf.d/router/110_postern_return_path');
  });

  it('are not replaced without --force, and the keys never', async () => {
    await init('twice', '--layout', 'plain');
    const keys = folder.read('twice/return-path.keys');
    expect((await init('twice', '--layout', 'plain')).err).toContain('--force replaces it');
    const { status } = await init('twice', '--layout', 'plain', '--force', '--refuse', 'deny');
    expect(status).toBe(0);
    expect(folder.read('twice/return-path.keys')).toBe(keys);
    expect(folder.read('twice/return-path-settings.conf')).not.toContain('OBSERVE');
  });

  it.each([
    [['--domain', 'example'], '--domain example: expected a domain'],
    [['--domain', 'a.b : *'], 'expected a domain'],
    [['--text', 'see $acl_m_x'], '--text: expected one line'],
    [['--text', 'a\nacl_not_smtp = x'], '--text: expected one line'],
    [['--refuse', 'discard'], 'Allowed choices are warn, deny, defer'],
  ])('%j: status 2', async (argv, message) => {
    const { status, err } = await init('refused', '--layout', 'plain', ...argv);
    expect(status).toBe(2);
    expect(err).toContain(message);
    expect(existsSync(folder.at('refused'))).toBe(false);
  });

  it('a machine without Exim', async () => {
    const { status, err } = await init(
      'none',
      '--layout',
      'plain',
      '--exim-binary',
      '/nonexistent',
    );
    expect([status, err]).toEqual([1, 'postern: there is no /nonexistent\n']);
  });

  it.each([
    ["dc_use_split_config='true'\n", 'split'],
    ["dc_eximconfig_configtype='internet'\ndc_use_split_config='false'\n", 'single'],
  ])('%j is the layout %s', (text, layout) => {
    expect(findLayout(folder.write('update-exim4.conf.conf', text))).toBe(layout);
    expect(findLayout(folder.at('none'))).toBe('plain');
  });
});

// Debian's own local users are those of the machine.
const ALICE = { user: 'nobody@mx.example.net', password: 'secret' };

describe.runIf(hasExim() && hasDebianConfiguration()).each([
  ['split', false, 'prvs'],
  ['single', true, 'prvs'],
  ['split', true, 'exim-hash'],
] as const)("Debian's %s configuration, callout %s, %s", (style, callout, scheme) => {
  let sink: Sink;
  let server: EximServer;

  beforeAll(async () => {
    sink = await startSink();
    const name = `${style}-${scheme}`;
    const argv = ['--refuse', 'deny', '--scheme', scheme, '--text', 'Not ours.'];
    const { out } = await init(name, '--layout', style satisfies Layout, ...argv);
    const includes = listIncludes(out);
    server = await startExim({
      sinkPort: sink.port,
      configuration: debianConfiguration(style, { callout, more: includes }),
    });
  });
  afterEach(() => sink.clear());
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
  });

  const name = `${style}-${scheme}`;
  const sign = (recipient: string) => {
    const [key] = readKeyFile(join(folder.at(name), 'return-path.keys'));
    const context = { key: key as never, now: Date.now(), recipient };
    return (RETURN_PATH_SCHEMES[scheme].sign(ALICE.user, context) as { address: string }).address;
  };

  /** A notification from a stranger; the reply that decided. */
  const notify = async (recipient: string) => {
    const client = await SmtpClient.open({ port: server.port });
    try {
      let reply = await client.command('MAIL FROM:<>');
      for (const line of [
        `RCPT TO:<${recipient}>`,
        'DATA',
        'From: <m@example.org>\r\n\r\nx\r\n.',
      ]) {
        if (reply.code < 400) reply = await client.command(line);
      }
      return reply;
    } finally {
      client.close();
    }
  };

  it('signs what a user sends through the smarthost', async () => {
    const mail = { sender: ALICE.user, recipients: ['friend@example.org'] };
    await sendMail({ port: server.port, auth: ALICE }, mail);
    expect((await sink.messageTo('friend@example.org')).sender).toBe(sign('friend@example.org'));
  });

  it.each([
    ['a real notification', () => sign('friend@example.org'), 250],
    ['a forged one', () => sign('friend@example.org').replace('nobody', 'root'), 550],
    ['postmaster', () => 'postmaster@mx.example.net', 250],
    ['a bogus notification', () => 'root@mx.example.net', 550],
  ])('%s', async (_title, recipient, code) => {
    const answer = await notify(recipient());
    expect(answer.code).toBe(code);
    if (code === 550) expect(answer.text).toBe('Not ours.');
  });
});

describe.runIf(hasExim() && hasDebianConfiguration())('the router of "Undo"', () => {
  const [, router = ''] =
    /<<'END'\n((?: {4}.*\n)+?) {4}END\n/.exec(
      readFileSync('docs/mta/exim-return-path.md', 'utf8'),
    ) ?? [];

  it('takes the signature off without the other files', async () => {
    const server = await startExim({
      sinkPort: 1,
      configuration: debianConfiguration('split', {
        more: { main: '', acl: '', router: router.replaceAll(/^ {4}/gm, '') },
      }),
    });
    try {
      const routed = await server.exim(['-bt', 'prvs=0730576ED6=nobody@mx.example.net']);
      expect(routed).toContain(
        'nobody@mx.example.net\n    <-- prvs=0730576ED6=nobody@mx.example.net',
      );
      expect(routed).toContain('router = local_user');
    } finally {
      await server.stop();
    }
  });
});

/** The files that the steps include, by section. */
function listIncludes(steps: string): { main: string; acl: string; router: string } {
  const files = [
    ...new Set([...steps.matchAll(/\.include (\/\S+?\.conf)/g)].map(([line]) => line)),
  ];
  const inSection = (pattern: RegExp) => files.filter((line) => pattern.test(line)).join('\n');
  return {
    main: inSection(/settings|debian/),
    acl: inSection(/-acl/),
    router: inSection(/routers/),
  };
}
