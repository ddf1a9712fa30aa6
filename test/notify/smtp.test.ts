/** SMTP to the next hop: a password only over TLS and to a host that proves its name, and no waiting for one that hangs. */
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Mail, mailNotifier } from '../../src/notify/mail.ts';
import { until } from '../support/folder.ts';
import { type NextHop, startNextHop } from '../support/next-hop.ts';

const FROM = 'postern@mx1.example.net';
const MAIL: Mail = {
  messageId: '<1@mx1.example.net>',
  recipient: 'abuse@example.net',
  subject: 's',
  text: 't\n',
  html: '<p>t</p>',
  created: Date.parse('2026-11-10T09:05:07Z'),
};

let folder: string;
const open: { close(): unknown }[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-smtp-'));
  writeFileSync(join(folder, 'password'), 'secret\n');
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a password', () => {
  /** If it offers STARTTLS, it has a self-signed certificate. */
  async function server(offers: 'STARTTLS' | 'nothing') {
    const passwords: string[] = [];
    const smtp = new SMTPServer({
      logger: false,
      allowInsecureAuth: true,
      disableReverseLookup: true,
      disabledCommands: offers === 'nothing' ? ['STARTTLS'] : [],
      onAuth({ password }, _session, done) {
        passwords.push(password ?? '');
        done(null, { user: 'postern' });
      },
      onData(stream, _session, done) {
        stream.on('end', () => done()).resume();
      },
    });
    smtp.on('error', () => {}); // a client that breaks off is part of the game
    await new Promise<void>((resolve) => smtp.listen(0, '0.0.0.0', resolve));
    open.push({ close: () => new Promise<void>((resolve) => smtp.close(() => resolve())) });
    const { port } = smtp.server.address() as AddressInfo;
    const send = (host: string) =>
      mailNotifier(
        {
          kind: 'smtp',
          host,
          port,
          secure: false,
          user: 'postern',
          passwordFile: join(folder, 'password'),
        },
        FROM,
      ).send(MAIL);
    return { passwords, send };
  }

  // This is also this machine, but by an address that does not show it, so it is like any other host.
  const OTHER = '0.0.0.0';

  it('is not sent to another host without TLS, even if someone removed STARTTLS from its answer', async () => {
    const { passwords, send } = await server('nothing');
    await expect(send(OTHER)).rejects.toThrow(/STARTTLS/);
    expect(passwords).toEqual([]);
  });

  it('is not sent to another host that has no certificate for its name', async () => {
    const { passwords, send } = await server('STARTTLS');
    await expect(send(OTHER)).rejects.toThrow(/certificate/);
    expect(passwords).toEqual([]);
  });

  it.each<['STARTTLS' | 'nothing', string]>([
    ['nothing', '127.0.0.1'],
    ['STARTTLS', '127.0.0.1'],
    ['nothing', 'localhost'],
  ])('is given to this host, which offers %s, as %s', async (offers, host) => {
    const { passwords, send } = await server(offers);
    await send(host);
    expect(passwords).toEqual(['secret']);
  });
});

describe('a next hop that hangs', () => {
  async function hanging(at: string): Promise<NextHop> {
    const hop = await startNextHop((asked) => (asked.startsWith(at) ? 'hang' : undefined));
    open.push(hop);
    return hop;
  }

  it.each(['connect', 'EHLO', 'RCPT', '.'])('is left at once when told to, at %s', async (at) => {
    const hop = await hanging(at);
    const controller = new AbortController();
    const route = { kind: 'smtp', host: '127.0.0.1', port: hop.port, secure: false } as const;
    const asked = hop.asked(at);
    const sent = mailNotifier(route, FROM).send(MAIL, controller.signal);
    sent.catch(() => {}); // looked at below
    await asked;
    controller.abort();
    await expect(sent).rejects.toThrow(/abort/);
  });

  it('is left at once when it is a program', async () => {
    const path = join(folder, 'sendmail');
    const begun = join(folder, 'begun');
    writeFileSync(path, `#!/bin/sh\ntouch ${begun}\nsleep 300\n`);
    chmodSync(path, 0o755);
    const controller = new AbortController();
    const sent = mailNotifier({ kind: 'sendmail', path }, FROM).send(MAIL, controller.signal);
    sent.catch(() => {}); // looked at below
    await until('the program', () => existsSync(begun));
    controller.abort();
    await expect(sent).rejects.toThrow(/was killed/);
  });
});
