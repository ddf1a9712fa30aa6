/** `postern recipients` and `postern import` as an operator types them. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { parseConfig } from '../../src/config/load.ts';
import { mergeBackList, openAnswers } from '../../src/daemon/recipients.ts';
import { buildScamOptions } from '../../src/recipients/scam-conf/options.ts';
import { readScamConf } from '../../src/recipients/scam-conf/settings.ts';
import { Verifier } from '../../src/recipients/verifier.ts';
import { openRecipientStore } from '../../src/store/recipients.ts';
import { startBackEnd } from '../support/back-end.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import {
  askPorts,
  HandClock,
  NOON,
  recipientOptions,
  recordLog,
  STRANGER,
} from '../support/recipients.ts';

let folder: Folder;
beforeEach(() => {
  folder = scratchFolder();
});
afterEach(() => folder.remove());

async function run(...argv: string[]) {
  const result = { status: 0, out: '', err: '' };
  result.status = await main(argv, {
    stdout: (text) => {
      result.out += text;
    },
    stderr: (text) => {
      result.err += text;
    },
  });
  return result;
}

const recipients = (...argv: string[]) =>
  run('recipients', ...argv, '--database', folder.at('recipients.db'));

describe('postern recipients', () => {
  it('imports a BackList, names broken lines, and exports the same', async () => {
    const file = folder.write(
      'list.txt',
      '0 good@example.net\n1 bad@Example.net\n2 x@example.net\n',
    );
    const imported = await recipients('import', file);
    expect(imported.out).toBe('2 recipients imported, 1 line passed over.\n');
    expect(imported.err).toBe(
      `${file}:3: passed over: expected 0 ADDRESS or 1 ADDRESS, found 2 x@example.net\n`,
    );
    expect((await recipients('export')).out).toBe('1 bad@example.net\n0 good@example.net\n');
    expect((await recipients('export', '--valid')).out).toBe('0 good@example.net\n');
    const output = folder.at('out.txt');
    await recipients('export', '--output', output);
    expect(folder.read('out.txt')).toBe('1 bad@example.net\n0 good@example.net\n');
  });

  it('keeps times in JSON, and addresses of other scripts', async () => {
    const line = '{"address":"jörg@example.net","valid":true,"time":"2026-11-01T00:00:00.000Z"}\n';
    const file = folder.at('in.json');
    writeFileSync(file, line);
    const imported = await recipients('import', file, '--format', 'json');
    expect(imported.out).toBe('{"imported":1,"passedOver":0}\n');
    expect((await recipients('export', '--format', 'json')).out).toBe(line);
    expect((await recipients('list', '--format', 'json')).out).toBe(line);
    const found = await recipients('lookup', 'jörg@example.net', '--format', 'json');
    expect(found).toMatchObject({ status: 0, out: line });
  });

  it('looks up, and says what is not known', async () => {
    await recipients('import', folder.write('list.txt', '0 good@example.net\n'));
    const found = await recipients('lookup', '<good@EXAMPLE.net>');
    expect(found.out).toMatch(/^good@example\.net: valid, known for \w+, holds until 20.*Z\n$/);
    expect(await recipients('lookup', 'x@example.net')).toMatchObject({
      status: 1,
      out: 'x@example.net: not known\n',
    });
  });

  it('forgets addresses, domains, or everything', async () => {
    await recipients(
      'import',
      folder.write('list.txt', '0 a@x.example\n0 b@x.example\n0 c@y.example\n'),
    );
    expect((await recipients('forget', 'a@x.example', 'no@x.example')).out).toBe(
      '1 recipient forgotten.\n',
    );
    expect((await recipients('forget', '@X.example')).out).toBe('1 recipient forgotten.\n');
    expect((await recipients('forget', '--all', '--format', 'json')).out).toBe('{"forgotten":1}\n');
    expect((await recipients('list')).out).toBe('No recipients are known.\n');
  });

  it('prints what it did as CSV, too', async () => {
    const list = folder.write('list.txt', '0 a@x.example\n0 b@x.example\nnonsense\n');
    const csv = (...argv: string[]) => recipients(...argv, '--format', 'csv');
    expect((await csv('import', list)).out).toBe('imported,passedOver\n2,1\n');
    expect((await csv('forget', '@x.example')).out).toBe('forgotten\n2\n');
  });

  it.each([
    [['forget'], 'postern: recipients forget: name addresses, @domains, or --all\n'],
    [['import'], 'postern: recipients import: name one file, or - for standard input\n'],
    [['lookup', 'nobody'], 'postern: not an address: "nobody"\n'],
    [['list', '--valid', '--invalid'], 'postern: recipients: name one of --valid and --invalid\n'],
    [['list', 'x'], 'postern: recipients: unexpected argument "x"\n'],
  ])('%j is wrong', async (argv, err) => {
    expect(await recipients(...argv)).toEqual({ status: 2, out: '', err });
  });

  it('needs a database that exists', async () => {
    const result = await recipients('list');
    expect(result.status).toBe(1);
    expect(result.err).toMatch(/there is no such database; has the milter been started\?/);
  });

  it('asks the back end now', async () => {
    const server = await startBackEnd();
    const config = folder.write(
      'postern.yaml',
      `milter:\n  recipients:\n    domains: [{ domain: example.net, servers: '[127.0.0.1]:${server.port}' }]\n`,
    );
    const ask = (...words: string[]) =>
      run('recipients', 'lookup', '--ask', '--config', config, ...words);
    expect((await ask('good@example.net', 'bad@example.net', 'a@b.example')).out).toBe(
      'good@example.net: valid, by callout\nbad@example.net: invalid, by callout\na@b.example: not verified: no back end is named for its domain\n',
    );
    expect((await ask('good@example.net', 'a@b.example', '--format', 'csv')).out).toBe(
      'recipient,kind,from,why\ngood@example.net,valid,callout,\na@b.example,not-ours,,\n',
    );
    await server.stop();
    expect((await ask('good@example.net', '--format', 'csv')).out).toMatch(
      /\ngood@example\.net,unknown,,"?connect: 127\.0\.0\.1:/,
    );
    const failed = await ask('good@example.net');
    expect(failed.status).toBe(1);
    expect(failed.out).toContain('unknown, failed at connect: 127.0.0.1:');
  });

  it('works while a verifier runs', async () => {
    const server = await startBackEnd();
    const clock = new HandClock();
    const { log } = recordLog();
    const options = recipientOptions({ domains: askPorts(server.port) });
    const database = folder.at('recipients.db');
    const { store, cache, close } = openAnswers({ options, database }, { clock, log });
    const verifier = new Verifier(options, { clock, log, store, cache });
    await recipients('import', folder.write('list.txt', `1 good@example.net\n`));
    clock.time = Date.now() + 1000;
    expect(await verifier.verify('good@example.net', STRANGER)).toEqual({
      kind: 'invalid',
      from: 'cache',
    });
    await recipients('forget', 'good@example.net');
    clock.time += 1000;
    expect(await verifier.verify('good@example.net', STRANGER)).toMatchObject({ from: 'callout' });
    close();
    await server.stop();
  });
});

describe('a BackList beside the database', () => {
  it('is read at the start and written at the end', async () => {
    const server = await startBackEnd();
    const { log, logged } = recordLog();
    const backList = folder.write('list.txt', '0 old@example.net\nbroken\n');
    const database = folder.at('recipients.db');
    const options = recipientOptions({ domains: askPorts(server.port) });
    const clock = { now: () => Date.now() };
    const { store, cache, close } = openAnswers({ options, database, backList }, { clock, log });
    const verifier = new Verifier(options, { clock, log, store, cache });
    expect(await verifier.verify('old@example.net', STRANGER)).toEqual({
      kind: 'valid',
      from: 'cache',
    });
    await verifier.verify('bad@example.net', STRANGER);
    verifier.close();
    close();
    expect(folder.read('list.txt')).toBe('1 bad@example.net\n0 old@example.net\n');
    expect(logged.map(({ message }) => message)).toEqual([
      'line is passed over',
      'BackList was read',
    ]);
    await server.stop();
  });

  it('makes no answer younger, and wins where an operator has changed it since', () => {
    const { store } = openRecipientStore(':memory:', 10);
    store.write([
      { address: 'same@x', isValid: true, time: NOON },
      { address: 'changed@x', isValid: false, time: NOON },
      { address: 'newer@x', isValid: false, time: NOON + 9000 },
    ]);
    const listed = ['same@x', 'changed@x', 'newer@x', 'new@x'];
    const count = mergeBackList(
      store,
      listed.map((address) => ({ address, isValid: true })),
      NOON + 5000,
    );
    expect(count).toBe(2);
    expect([...store.list()]).toEqual([
      { address: 'changed@x', isValid: true, time: NOON + 5000 },
      { address: 'new@x', isValid: true, time: NOON + 5000 },
      { address: 'newer@x', isValid: false, time: NOON + 9000 },
      { address: 'same@x', isValid: true, time: NOON },
    ]);
  });
});

describe('postern import scam-conf', () => {
  it.each([
    'BackSMTPServer:192.0.2.1\nBackAddrDomain:example.net\n',
    'Mailertable:/etc/mail/mailertable\nBackSMTPPort:26\nBackAddrSubdomains:Yes\nPreferIPVersion:6\n',
    'BackSMTPServer:2001:db8::1\nBackSMTPPort:2525\nBackErrorTempfail:Yes\nHELOHOST:mx.example.com\n',
    'EHLO:Yes\nBackSMTPServer:192.0.2.1\nBackAddrDomain:example.net\nBackSMTPServer:mail.example.org\nBackAddrDomain:example.org\nBackValidAddrExp:100000\nBackInvalidAddrExp:4000\nTimeoutSMTPConnect:4\nTimeoutSMTPReply:5\nBackSMTPBackoff:120\nBackSkipDaemon:MSA-v6\nBackSkipVerify:192.0.2.32/28\nBackList:/var/spool/scam/backscatter.txt\n',
  ])('prints a configuration that means the same: %j', async (text) => {
    const result = await run('import', 'scam-conf', folder.write('scam.conf', text));
    expect(result).toMatchObject({ status: 0, err: '' });
    const { milter } = parseConfig(result.out, folder.at('postern.yaml'));
    const { settings } = readScamConf(text, 'scam.conf');
    expect(milter?.recipients?.options).toEqual(buildScamOptions(settings));
  });

  it('takes the switches of the old program', async () => {
    const file = folder.write('scam.conf', '# empty\n');
    const { out } = await run('import', 'scam-conf', file, '--usemailertable', '--ehlo');
    expect(out).toContain('file: /etc/mail/mailertable\n');
    expect(out).not.toContain('greeting');
  });

  it('lists every problem', async () => {
    const file = folder.write('scam.conf', 'BackAddrDomain:example.net\nBITBUCKET:Yes\n');
    const { status, out, err } = await run('import', 'scam-conf', file);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(
      err.split('\n').map((line) => line.replace(/: (?:expected|BITBUCKET is).*/, '')),
    ).toEqual([`postern: ${file}:1: BackAddrDomain`, `${file}:2: BITBUCKET`, '']);
  });
});
