/**
 * Maps that Postfix cannot open, because a folder was made with another umask: what the real sendmail(1), smtpd and
 * proxymap do, and that `postern check` and `postern status` say it.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { findProblems } from '../../src/daemon/problems.ts';
import type { Finding } from '../../src/setup/finding.ts';
import { checkPostfixWiring } from '../../src/setup/postfix/wiring.ts';
import { Store } from '../../src/store/store.ts';
import {
  hasPostfix,
  indexedMapType,
  type PostfixServer,
  startPostfix,
} from '../support/postfix.ts';
import { postfixRecipe, postfixTargets } from '../support/recipes.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { sendMail } from '../support/smtp-client.ts';

const ALICE = { user: 'alice@example.net', password: 'secret' };

describe.runIf(hasPostfix())('maps below a folder', () => {
  let sink: Sink;
  let server: PostfixServer;
  let type: 'lmdb' | 'hash';

  beforeAll(async () => {
    sink = await startSink();
    type = await indexedMapType();
    server = await startPostfix({ sinkPort: sink.port });
    const etc = server.configuration;
    for (const table of ['sasl_access', 'sender_access', 'client_access', 'submit_users'])
      server.folder.write(`etc/postern/${table}`, '');
    for (const table of ['sasl_access', 'sender_access'])
      await server.postmap(`${type}:${etc}/postern/${table}`);
    const recipe = (name: 'main.cf.data' | 'main.cf.local') => postfixRecipe(name, etc, type);
    await server.configure(`${recipe('main.cf.data')}\n${recipe('main.cf.local')}`);
    server.folder.write(
      'postern.yaml',
      `logs: [ mail.log ]\ndatabase: state/postern.db\n${postfixTargets(etc, type)}\n`,
    );
    mkdirSync(server.folder.at('state'));
    new Store(server.folder.at('state/postern.db')).close();
  });
  afterEach(() => {
    for (const name of ['etc/postern', 'etc/postern/submit_users', 'etc'])
      chmodSync(server.folder.at(name), name.endsWith('users') ? 0o644 : 0o755);
  });
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
  });

  async function check(): Promise<Finding[]> {
    const config = loadConfig(server.folder.at('postern.yaml'));
    const findings = await checkPostfixWiring(config, ['postconf', '-c', server.configuration]);
    return findings.filter(({ level, text }) => level === 'wrong' && text.includes('cannot open'));
  }

  function status(): string[] {
    const config = loadConfig(server.folder.at('postern.yaml'));
    const store = new Store(config.database, { readonly: true });
    const observed = { store, config, logs: [], blocks: [], health: undefined, isRunning: true };
    const problems = findProblems(observed).filter((text) => text.includes('cannot read'));
    store.close();
    return problems;
  }

  const sendmail = () =>
    server.sendmail('www-data', ['-f', 'app@example.net', 'x@example.org'], 'Subject: x\n\nx\n');
  const submit = () =>
    sendMail(
      { port: server.submissionPort, auth: ALICE },
      { sender: ALICE.user, recipients: ['x@example.org'] },
    );

  it('that everybody may enter are no problem', async () => {
    expect((await sendmail()).status).toBe(0);
    expect((await submit()).data?.code).toBe(250);
    expect(await check()).toEqual([]);
    expect(status()).toEqual([]);
  });

  it.each([
    ['the folder of the maps, made with umask 027', 'etc/postern', 0o750, 'chmod o+x'],
    ['the file', 'etc/postern/submit_users', 0o640, 'chmod o+r'],
  ])('%s: sendmail refuses, and check and status say so', async (_name, path, mode, fix) => {
    chmodSync(server.folder.at(path), mode);
    const { status: ended, output } = await sendmail();
    expect(ended).not.toBe(0);
    expect(output).toMatch(/submit_users: Permission denied/);
    // smtpd opens its tables as root.
    expect((await submit()).data?.code).toBe(250);
    const [found, ...others] = await check();
    expect(others).toEqual([]);
    expect(found?.text).toMatch(/^sendmail\(1\), .* cannot open .*\/submit_users, and refuses /);
    expect(found?.text).toContain(`${server.folder.at(path)} has mode ${mode.toString(8)}`);
    expect(found?.fix).toBe(`${fix} ${server.folder.at(path)}`);
    expect(status()).toEqual([
      expect.stringMatching(/^sendmail cannot read .*\/submit_users as .* has mode /),
    ]);
  });

  it('a folder further up: status and check name it', async () => {
    chmodSync(server.folder.at('etc'), 0o700);
    const [found] = await check();
    expect(found?.text).toContain(`the folder ${server.folder.at('etc')} has mode 700`);
    expect(status()).toEqual([expect.stringContaining(`${server.folder.at('etc')} has mode 700`)]);
  });

  it('proxymap opens a table as postfix, and check tries it as postfix', async () => {
    const table = `${type}:${server.configuration}/postern/sasl_access`;
    const asks = `smtpd_data_restrictions = check_sasl_access proxy:${table}`;
    await server.configure(asks);
    const config = loadConfig(server.folder.at('postern.yaml'));
    const findings = await checkPostfixWiring(config, ['postconf', '-c', server.configuration]);
    expect(findings.map(({ text }) => text)).toContain(
      `smtpd asks for proxy:${table}, which proxy_read_maps does not list: it does not start`,
    );
    await server.configure(`proxy_read_maps = proxy:unix:passwd.byname, proxy:${table}`);
    chmodSync(server.folder.at('etc/postern'), 0o700);
    expect((await check()).map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/^proxymap, which runs as postfix, cannot open .*\/sasl_access/),
    );
    chmodSync(server.folder.at('etc/postern'), 0o755);
    expect((await check()).map(({ text }) => text)).toEqual([]);
    expect((await submit()).data?.code).toBe(250);
  });
});
