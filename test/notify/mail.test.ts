/** Mails are sent by SMTP or through a program, and stay in the outbox until they are accepted. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { backOff, Drain } from '../../src/notify/drain.ts';
import { type Mail, mailNotifier } from '../../src/notify/mail.ts';
import { Store } from '../../src/store/store.ts';

const MAIL: Mail = {
  messageId: '<1@mx1.example.net>',
  recipient: 'abuse@example.net',
  subject: 'Übung',
  text: 'line\n.\nend\n',
  html: '<p>x</p>',
  created: Date.parse('2026-11-10T09:05:07Z'),
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-mail-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Sink {
  readonly port: number;
  readonly messages: { from: string; to: string[]; data: string }[];
  refuse: boolean;
  close(): Promise<void>;
}

async function startSink(): Promise<Sink> {
  const messages: Sink['messages'] = [];
  const sink = { refuse: false };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onRcptTo: (_address, _session, done) =>
      done(sink.refuse ? Object.assign(new Error('try later'), { responseCode: 451 }) : null),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        messages.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          data: Buffer.concat(chunks).toString(),
        });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return Object.assign(sink, {
    port,
    messages,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  });
}

describe('by SMTP', () => {
  it('arrives with both parts, and robots are asked not to answer', async () => {
    const sink = await startSink();
    await mailNotifier(
      { kind: 'smtp', host: '127.0.0.1', port: sink.port, secure: false },
      'postern@mx1.example.net',
    ).send(MAIL);
    await sink.close();
    expect(sink.messages).toMatchObject([
      { from: 'postern@mx1.example.net', to: ['abuse@example.net'] },
    ]);
    const data = sink.messages[0]?.data ?? '';
    for (const header of [
      'Auto-Submitted: auto-generated',
      'Message-ID: <1@mx1.example.net>',
      'Date: Tue, 10 Nov 2026 09:05:07',
      'Content-Type: text/plain',
      'Content-Type: text/html',
    ]) {
      expect(data).toContain(header);
    }
  });

  it('rejects when the next hop refuses, or is not there', async () => {
    const sink = await startSink();
    sink.refuse = true;
    const notifier = mailNotifier(
      { kind: 'smtp', host: '127.0.0.1', port: sink.port, secure: false },
      'postern@mx1.example.net',
    );
    await expect(notifier.send(MAIL)).rejects.toThrow(/try later|451/);
    await sink.close();
    await expect(notifier.send(MAIL)).rejects.toThrow(/ECONNREFUSED/);
    expect(sink.messages).toEqual([]);
  });
});

describe('through a program', () => {
  function program(script: string): string {
    const path = join(folder, 'sendmail');
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  it('gets the recipients as arguments and the mail on standard input', async () => {
    const path = program(`echo "$@" > ${folder}/args; cat > ${folder}/mail`);
    await mailNotifier({ kind: 'sendmail', path }, 'postern@mx1.example.net').send(MAIL);
    expect(readFileSync(join(folder, 'args'), 'utf8')).toMatch(
      /-f postern@mx1\.example\.net.* abuse@example\.net/,
    );
    expect(readFileSync(join(folder, 'mail'), 'utf8')).toMatch(/^Auto-Submitted: auto-generated$/m);
    expect(readFileSync(join(folder, 'mail'), 'utf8')).not.toContain('\r');
  });

  it.each([
    ['its status', 'cat > /dev/null; exit 75', /^@: exit status 75$/],
    [
      'what it says, on one line',
      'cat > /dev/null; echo "fatal: queue" >&2; echo " full" >&2; exit 75',
      /^@: exit status 75: fatal: queue; full$/,
    ],
    [
      'what it says, not all of it',
      'head -c 100000 /dev/zero | tr "\\0" x >&2; exit 1',
      /^@: .{1,400}$/,
    ],
    ['a signal', 'kill -9 $$', /^@: was killed$/],
  ])('rejects when the program fails, and tells %s', async (_what, script, message) => {
    const path = program(script);
    const notifier = mailNotifier({ kind: 'sendmail', path }, 'postern@mx1.example.net');
    const error = await notifier.send(MAIL).catch((thrown: Error) => thrown);
    expect((error as Error).message.replace(path, '@')).toMatch(message);
  });

  it('rejects when there is no program', async () => {
    const notifier = mailNotifier(
      { kind: 'sendmail', path: join(folder, 'none') },
      'postern@mx1.example.net',
    );
    await expect(notifier.send(MAIL)).rejects.toThrow(/none: cannot be started: ENOENT$/);
  });

  it('passes no address that the program would read as an option', async () => {
    const path = program(`touch ${folder}/started; cat > /dev/null`);
    const notifier = mailNotifier({ kind: 'sendmail', path }, 'postern@mx1.example.net');
    const mail = { ...MAIL, recipient: '-bs@example.net' };
    await expect(notifier.send(mail)).rejects.toThrow(/would read -bs@example\.net as an option/);
    expect(existsSync(join(folder, 'started'))).toBe(false);
  });
});

describe('the outbox', () => {
  it('keeps a mail with growing pauses until it is accepted, and sends it once', async () => {
    const store = new Store(':memory:');
    store.outbox.compose([MAIL], []);
    let now = MAIL.created;
    let accepting = false;
    const sent: string[] = [];
    const notifier = {
      async send(mail: Mail) {
        if (!accepting) throw new Error('connect ECONNREFUSED');
        sent.push(mail.messageId);
      },
    };
    const attempts: number[] = [];
    const clock = { now: () => now };
    const drain = new Drain({
      queue: store.outbox,
      notifier,
      clock,
      log: silentLog,
      isLogRead: () => true,
    });
    const round = () => drain.run();
    for (const end = now + 24 * 3_600_000; now < end; now += 5000) {
      const before = store.outbox.unsent()[0]?.attempts;
      await round();
      if (store.outbox.unsent()[0]?.attempts !== before) attempts.push((now - MAIL.created) / 1000);
    }
    expect(attempts.slice(0, 5)).toEqual([0, 15, 45, 105, 225]);
    expect(attempts.length).toBeLessThan(40);
    expect(store.outbox.unsent()).toMatchObject([{ lastError: 'connect ECONNREFUSED' }]);
    accepting = true;
    now += 3_600_000;
    await round();
    await round();
    expect(sent).toEqual([MAIL.messageId]);
    expect(store.outbox.unsent()).toEqual([]);
    store.close();
  });

  it('waits at most an hour', () => {
    expect([0, 1, 2, 9, 99].map(backOff)).toEqual([15_000, 30_000, 60_000, 3_600_000, 3_600_000]);
  });
});
