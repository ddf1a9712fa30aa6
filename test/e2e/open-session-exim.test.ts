/**
 * A session that is open when the block falls, on a real Exim: when it looks into blocked_users again, and what the
 * policy service adds (docs/mta/exim-open-session.md). The figures are printed.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type EximOptions,
  type EximServer,
  eximProgram,
  hasExim,
  RECIPES,
  startExim,
} from '../support/exim.ts';
import { debianConfiguration, hasDebianConfiguration } from '../support/exim-debian.ts';
import { until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { SmtpClient, sendMail } from '../support/smtp-client.ts';
import { type Figures, linesAfterVerdict, startBot, tellAttack } from './open-session.ts';

const ALICE = { user: 'alice@example.net', password: 'secret' };
const BOB = { user: 'bob@example.net', password: 'secret' };
const MORE = 60;

let sink: Sink;
let server: EximServer;

afterEach(() => sink?.clear());

const open = (auth = ALICE) => SmtpClient.open({ port: server.port, auth });
/** Replaces the file in one step, as Postern does. */
const list = (line: string) => {
  writeFileSync(`${server.blockedUsers}.new`, `${line}\n`);
  renameSync(`${server.blockedUsers}.new`, server.blockedUsers);
};

describe.runIf(hasExim())('the file alone', () => {
  // Says at each RCPT what lsearch finds.
  const rcpt = `
  warn log_message = RCPT $local_part \${lookup{$authenticated_id}lsearch{POSTERN_BLOCKED_USERS}{blocked}{free}}`;
  const seen = async (name: string) =>
    / (\w+)$/.exec(await server.logged(new RegExp(`RCPT ${name} `)))?.[1];

  beforeAll(async () => {
    sink = await startSink();
    server = await startExim({ sinkPort: sink.port, rcpt });
  });
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
  });

  it('is read anew in the DATA ACL: the open transaction is frozen', async () => {
    list('carol@example.net');
    const client = await open();
    await client.command(`MAIL FROM:<${ALICE.user}>`);
    await client.command('RCPT TO:<before@example.org>');
    list(ALICE.user);
    await client.command('RCPT TO:<after@example.org>');
    await client.command('DATA');
    expect((await client.command('Subject: x\r\n\r\nx\r\n.')).code).toBe(250);
    await server.queued(
      ({ frozen, recipients }) => frozen && recipients.includes('before@example.org'),
    );
    await client.quit();
  });

  it('is remembered from RCPT to RCPT, beyond RSET, until a message has been read', async () => {
    list('carol@example.net');
    const client = await open();
    const ask = async (name: string) => {
      await client.command(`MAIL FROM:<${ALICE.user}>`);
      await client.command(`RCPT TO:<${name}@example.org>`);
      return await seen(name);
    };
    expect(await ask('first')).toBe('free');
    list(ALICE.user);
    await client.command('RCPT TO:<same@example.org>');
    expect(await seen('same')).toBe('free');
    await client.command('RSET');
    expect(await ask('reset')).toBe('free');
    await client.command('DATA');
    await client.command('Subject: x\r\n\r\nx\r\n.');
    expect(await ask('next')).toBe('blocked');
    await client.quit();
  });
});

/** The service, Exim with these statements, and a user to attack with. */
function configuration(): string {
  return `mta: exim
logs: [ ${server.logFile} ]
database: postern.db
policy: { listen: "unix:${server.folder.at('run/policy')}" }
targets:
  exim: { blockedUsers: ${server.blockedUsers}, blockedSenders: ${server.blockedSenders} }
commands:
  exim: [ ${eximProgram()}, -C, ${server.configuration} ]`;
}

/** Lines for the main part, once the folder is known. */
const main = () => `POSTERN_POLICY = ${server.folder.at('run/policy')}`;
const POLICY = `.include ${RECIPES}/acl-policy.conf`;

describe.runIf(hasExim())('the policy service', () => {
  let postern: Postern;
  const evidence = () => `${postern.log()}\n${server.log().slice(-6000)}`;
  const options = (more: Partial<EximOptions>): EximOptions => ({
    sinkPort: sink.port,
    main: main(),
    ...more,
  });

  beforeAll(async () => {
    sink = await startSink();
    server = await startExim({ sinkPort: sink.port });
    mkdirSync(server.folder.at('run'));
    chmodSync(server.folder.at('run'), 0o755);
    list('carol@example.net');
    postern = setUpPostern(configuration());
    await postern.start();
  }, 120_000);
  afterAll(async () => {
    await postern?.remove();
    await server?.stop();
    await sink?.stop();
  });

  /** Messages of `user` that came after the verdict's line, and those of them that are not frozen. */
  const figures = async (user: string): Promise<Figures> => {
    const rest = await linesAfterVerdict(postern, server.logFile, user);
    const ids = rest.flatMap((text) => / (\S+) <= .* A=plain:(\S+)/.exec(text) ?? []);
    const after = ids.filter((_, index) => ids[index + 1] === user && index % 3 === 1);
    const frozen = after.filter((id) => rest.some((text) => text.includes(` ${id} frozen by ACL`)));
    return { after: after.length, through: after.length - frozen.length };
  };

  const attack = async (name: string, user: string) => {
    const bot = await startBot({ port: server.port, auth: { user, password: 'secret' } });
    await until(
      `${user} in the file`,
      () => readFileSync(server.blockedUsers, 'latin1').includes(user),
      {
        timeout: 30_000,
        evidence,
      },
    );
    await bot.finish(MORE);
    const result = await figures(user);
    tellAttack(`Exim, ${name}`, result, bot);
    return result;
  };

  it('has little to add in the DATA ACL: the file alone stops the open session', async () => {
    const { after, through } = await attack('file in the DATA ACL', ALICE.user);
    expect(after).toBeGreaterThanOrEqual(MORE);
    expect(through).toBeLessThan(MORE / 2);
  }, 60_000);

  it('freezes at RCPT, in the middle of a transaction', async () => {
    await server.reconfigure(options({ recipes: [], rcpt: POLICY }));
    const { after, through } = await attack('service at RCPT', BOB.user);
    expect(after).toBeGreaterThanOrEqual(MORE);
    expect(through).toBeLessThan(MORE / 2);
  }, 60_000);

  it('takes part in the session: an operator unblocks and blocks', async () => {
    const client = await open(BOB);
    let serial = 0;
    const isFrozen = async () => {
      const recipient = `friend${++serial}@example.org`;
      await client.send({ sender: BOB.user, recipients: [recipient] });
      return until(
        `the fate of ${recipient}`,
        async () => {
          if (sink.recipients.includes(recipient)) return 'delivered';
          const mail = (await server.queue()).find(({ recipients }) =>
            recipients.includes(recipient),
          );
          return mail?.frozen ? 'frozen' : false;
        },
        { evidence },
      );
    };
    expect(await isFrozen()).toBe('frozen');
    await postern.command('unblock', BOB.user);
    await until('mail to be delivered', async () => (await isFrozen()) === 'delivered', {
      evidence,
    });
    await client.command(`MAIL FROM:<${BOB.user}>`);
    await client.command('RCPT TO:<early@example.org>');
    await postern.command('block', BOB.user);
    await client.command('RCPT TO:<late0@example.org>');
    // Within half a second the service knows; the file that RCPT would look into is remembered.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await client.command('RCPT TO:<late1@example.org>');
    await client.command('DATA');
    await client.command('Subject: x\r\n\r\nx\r\n.');
    await server.queued(
      ({ frozen, recipients }) => frozen && recipients.includes('early@example.org'),
    );
    await client.quit();
  });

  it('adds the header that says who it is', async () => {
    await sendMail(
      { port: server.port, auth: BOB },
      { sender: BOB.user, recipients: ['header@example.org'] },
    );
    const { queueId } = await server.queued(({ recipients }) =>
      recipients.includes('header@example.org'),
    );
    expect(await server.exim(['-Mvh', queueId])).toContain(`X-Authenticated-As: ${BOB.user}\n`);
  });

  it('freezes a relay client by IPv6 address', async () => {
    await postern.command('block', '2001:db8:1::7');
    const mail = (address: string, recipient: string) =>
      server.smtpFrom(address, [
        'EHLO client.example.net',
        'MAIL FROM:<app@example.net>',
        `RCPT TO:<${recipient}>`,
        'DATA',
        'Subject: x\r\n\r\nx',
        '.',
        'QUIT',
      ]);
    await until('the address to be blocked', () =>
      readFileSync(server.blockedUsers, 'latin1').includes('2001:db8:1::7'),
    );
    await mail('2001:db8:1:0::7', 'infected@example.org');
    await server.queued(
      ({ frozen, recipients }) => frozen && recipients.includes('infected@example.org'),
    );
    await mail('2001:db8:1::8', 'healthy@example.org');
    await sink.messageTo('healthy@example.org');
  });

  it('does not hold up the mail when Postern is down', async () => {
    await postern.stop();
    await sendMail(
      { port: server.port, auth: BOB },
      { sender: BOB.user, recipients: ['down@example.org'] },
    );
    await sink.messageTo('down@example.org');
  });

  it('nor for long when it hangs', async () => {
    const hanging = createServer(() => {});
    await new Promise<void>((resolve) => hanging.listen(server.folder.at('run/policy'), resolve));
    chmodSync(server.folder.at('run/policy'), 0o666);
    const start = performance.now();
    await sendMail(
      { port: server.port, auth: BOB },
      { sender: BOB.user, recipients: ['hangs@example.org'] },
    );
    await sink.messageTo('hangs@example.org');
    expect(performance.now() - start).toBeGreaterThan(1500);
    hanging.close();
  });
});

describe.runIf(hasExim() && hasDebianConfiguration()).each(['split', 'single'] as const)(
  "the policy service in Debian's configuration, %s",
  (style) => {
    let postern: Postern;
    beforeAll(async () => {
      sink = await startSink();
      const options = { policy: 'run/policy', callout: true };
      server = await startExim({
        sinkPort: sink.port,
        configuration: debianConfiguration(style, options),
      });
      mkdirSync(server.folder.at('run'));
      chmodSync(server.folder.at('run'), 0o755);
      postern = setUpPostern(configuration());
      await postern.start();
    }, 120_000);
    afterAll(async () => {
      await postern?.remove();
      await server?.stop();
      await sink?.stop();
    });

    const headers = async (first: string) => {
      const { queueId } = await server.queued(
        ({ frozen, recipients }) => frozen && recipients.includes(first),
      );
      return (await server.exim(['-Mvh', queueId])).match(/X-(?:User|Authenticated-As): \S+/g);
    };

    it('freezes a user with one header, whatever the number of recipients', async () => {
      await postern.command('block', ALICE.user);
      await until('the file to list the user', () =>
        readFileSync(server.blockedUsers, 'latin1').includes(ALICE.user),
      );
      const recipients = ['one@example.org', 'two@example.org', 'three@example.org'];
      await sendMail({ port: server.port, auth: ALICE }, { sender: ALICE.user, recipients });
      expect(await headers('one@example.org')).toEqual([`X-Authenticated-As: ${ALICE.user}`]);
    });

    it('freezes a relay client with one header', async () => {
      await postern.command('block', '198.51.100.7');
      await until('the file to list the client', () =>
        readFileSync(server.blockedUsers, 'latin1').includes('198.51.100.7'),
      );
      await server.smtpFrom('198.51.100.7', [
        'EHLO client.example.net',
        'MAIL FROM:<app@example.net>',
        'RCPT TO:<four@example.org>',
        'RCPT TO:<five@example.org>',
        'DATA',
        'Subject: x\r\n\r\nx',
        '.',
        'QUIT',
      ]);
      expect(await headers('four@example.org')).toEqual(['X-User: 198.51.100.7']);
    });

    it('sends the mail of others', async () => {
      await sendMail(
        { port: server.port, auth: BOB },
        { sender: BOB.user, recipients: ['six@example.org'] },
      );
      await sink.messageTo('six@example.org');
    });

    it('makes check content', async () => {
      const { stdout } = await postern.command('check');
      expect(stdout).toMatch(/acl_postern_rcpt \(acl_smtp_rcpt\) asks the policy service /);
      expect(stdout).not.toMatch(/^wrong .*mta:/m);
    });
  },
);
