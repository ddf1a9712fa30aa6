/**
 * A session that is open when the block falls, on a real Postfix: what still goes through with the tables alone, and
 * with the policy service (docs/mta/postfix-policy.md). The figures are printed.
 */
import { chownSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import {
  hasPostfix,
  indexedMapType,
  type PostfixServer,
  startPostfix,
} from '../support/postfix.ts';
import { optionsIn, postfixRecipe, postfixTargets } from '../support/recipes.ts';
import { freePorts, idOf } from '../support/server.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { type ConnectOptions, SmtpClient, sendMail } from '../support/smtp-client.ts';
import { type Figures, linesAfterVerdict, startBot, tell, tellAttack } from './open-session.ts';

const USERS = ['alice', 'bob', 'carol', 'dora'].map((name) => `${name}@example.net`);
/** messages that the bot sends after the block stands in the file */
const MORE = 100;
/** what the submission service names, see master.cf.submission */
const NOT_ASKED = 'mua_recipient_restrictions = permit_sasl_authenticated, reject';

let sink: Sink;
let server: PostfixServer;
let postern: Postern;
let type: 'lmdb' | 'hash';
let chrootedPort: number;
/** main.cf without anything of Postern */
let plain: string;

const recipe = (name: string) => readFileSync(resolve('docs/mta/postfix', name), 'utf8');
const evidence = () => `${postern.log()}\n${server.log().slice(-8000)}`;
const login = (user: string) => ({
  port: server.submissionPort,
  auth: { user, password: 'secret' },
});
const held = (recipient: string) =>
  server.queued((mail) => mail.queue === 'hold' && mail.recipients.includes(recipient));

async function startAll(): Promise<void> {
  sink = await startSink();
  type = await indexedMapType();
  [chrootedPort] = (await freePorts(1)) as [number];
  server = await startPostfix({
    sinkPort: sink.port,
    users: Object.fromEntries(USERS.map((user) => [user, 'secret'])),
    masterCf: `127.0.0.1:${chrootedPort} inet n - y - - smtpd`,
    submission: optionsIn(postfixRecipe('master.cf.submission', '', type)),
  });
  plain = server.folder.read('etc/main.cf');
  server.folder.write('etc/postern/.keep', '');
  // As the recipe says: Postfix's group may enter, nobody else.
  mkdirSync(server.folder.at('queue/postern'), { mode: 0o750 });
  chownSync(server.folder.at('queue/postern'), 0, idOf('/etc/group', 'postfix') as number);
  postern = setUpPostern(configuration());
  await postern.start();
  // The first tables are in effect: Postern's reload must not meet one of ours.
  await server.logged(/master.*: reload -- /);
}

/** main.cf with these lines and none of an earlier test: a setting that stands twice is a warning of every process. */
async function wire(...lines: string[]): Promise<void> {
  server.folder.write('etc/main.cf', [plain, ...lines, ''].join('\n'));
  await server.reload();
}

function configuration(): string {
  const { configuration: etc } = server;
  return `mta: postfix
logs: [ ${server.logFile} ]
database: postern.db
trustedNetworks: [ 198.51.100.0/24 ]
policy: { listen: "unix:${server.folder.at('queue/postern/policy')}" }
${postfixTargets(etc, type)}
commands:
  postsuper: [ /usr/sbin/postsuper, -c, ${etc} ]`;
}

/**
 * Messages of `who` behind the verdict's line, and those of them that the queue manager took up. It may lag behind a
 * flood: waits until none is on its way to it.
 */
async function figures(who: string): Promise<Figures> {
  const after = completeIn(await linesAfterVerdict(postern, server.logFile, who), who);
  const through = await until('mail to be taken up or held', () => settled(after), { evidence });
  return { after: after.size, through };
}

/** The messages of `who` that came to their end in these lines of the log. */
function completeIn(lines: readonly string[], who: string): Set<string> {
  const ids = new Set(
    server
      .log()
      .split('\n')
      .filter((line) => line.includes(`sasl_username=${who}`) || line.includes(`[${who}]`))
      .flatMap((line) => idsIn(line, /: ([0-9A-F]+): client=/)),
  );
  const complete = lines.flatMap((line) => idsIn(line, /: ([0-9A-F]+): message-id=/));
  return new Set(complete.filter((id) => ids.has(id)));
}

/** How many of these messages the queue manager took up; undefined as long as one is neither there nor held. */
async function settled(after: ReadonlySet<string>): Promise<number | undefined> {
  const mail = await server.queue();
  const held = new Set(mail.filter(({ queue }) => queue === 'hold').map(({ queueId }) => queueId));
  const active = server
    .log()
    .split('\n')
    .flatMap((line) => idsIn(line, /: ([0-9A-F]+): from=.*queue active/));
  const through = new Set(active.filter((id) => after.has(id)));
  const isSettled = (id: string) => through.has(id) || held.has(id);
  return [...after].every(isSettled) ? through.size : undefined;
}

function idsIn(line: string, pattern: RegExp): string[] {
  return pattern.exec(line)?.slice(1, 2) ?? [];
}

/** The bot sends until the block stands in `file`, and MORE messages after that, on one session. */
async function attack(
  name: string,
  who: string,
  from: ConnectOptions,
  file: string,
): Promise<Figures> {
  const bot = await startBot(from);
  await until(`${who} in ${file}`, () => server.folder.read(`etc/postern/${file}`).includes(who), {
    timeout: 30_000,
    evidence,
  });
  await bot.finish(MORE);
  // postlogd may lag behind the replies.
  const isLogged = () => completeIn(server.log().split('\n'), who).size >= bot.taken;
  await until('all mail to be logged', isLogged, { evidence });
  const result = await figures(who);
  tellAttack(`Postfix, ${name}`, result, bot);
  return result;
}

describe.runIf(hasPostfix())('a session that stays open', () => {
  beforeAll(startAll, 120_000);
  afterAll(async () => {
    await postern?.remove();
    await server?.stop();
    await sink?.stop();
  });

  it('goes on with the tables alone when their type needs a reload: only a new session is held', async () => {
    await wire(NOT_ASKED, postfixRecipe('main.cf.data', server.configuration, type));
    const client = { port: server.smtpPort, xclient: 'ADDR=198.51.100.7' };
    const { through } = await attack('cidr table alone', '198.51.100.7', client, 'client_access');
    expect(through).toBeGreaterThanOrEqual(MORE);
    await sendMail(client, { sender: 'app@example.net', recipients: ['new@example.org'] });
    await held('new@example.org');
  }, 60_000);

  it('shows what an index does', async () => {
    const who = USERS[0] as string;
    await attack(`${type} table alone`, who, login(who), 'sasl_access');
    await sendMail(login(who), { sender: who, recipients: ['new-a@example.org'] });
    await held('new-a@example.org');
  }, 60_000);

  it('is stopped by the service at the end of each message', async () => {
    const who = USERS[1] as string;
    await wire(NOT_ASKED, recipe('main.cf.policy'));
    const { after, through } = await attack(
      'service at END-OF-MESSAGE',
      who,
      login(who),
      'sasl_access',
    );
    expect(after).toBeGreaterThanOrEqual(MORE);
    expect(through).toBeLessThan(MORE / 2);
  }, 60_000);

  it('is stopped in a chrooted smtpd as well, by address', async () => {
    const client = { port: chrootedPort, xclient: 'ADDR=198.51.100.9' };
    const { through } = await attack('service, chrooted', '198.51.100.9', client, 'client_access');
    expect(through).toBeLessThan(MORE / 2);
  }, 60_000);

  it('is stopped by the service at RCPT', async () => {
    const who = USERS[2] as string;
    await wire(recipe('main.cf.policy-rcpt'));
    const { through } = await attack('service at RCPT', who, login(who), 'sasl_access');
    expect(through).toBeLessThan(MORE / 2);
  }, 60_000);
});

describe.runIf(hasPostfix())('the service', () => {
  const who = USERS[3] as string;
  let client: SmtpClient;
  let serial = 0;

  beforeAll(async () => {
    await startAll();
    await wire(NOT_ASKED, recipe('main.cf.policy'));
    client = await SmtpClient.open(login(who));
  }, 120_000);
  afterAll(async () => {
    client?.close();
    await postern?.remove();
    await server?.stop();
    await sink?.stop();
  });

  /** Sends on the open session; what becomes of it. */
  const fate = async () => {
    const recipient = `friend${++serial}@example.org`;
    expect((await client.send({ sender: who, recipients: [recipient] })).data?.code).toBe(250);
    return until(
      `the fate of ${recipient}`,
      async () => {
        if (sink.recipients.includes(recipient)) return 'delivered';
        const mail = (await server.queue()).find(({ recipients }) =>
          recipients.includes(recipient),
        );
        return mail?.queue === 'hold' ? 'held' : false;
      },
      { evidence },
    );
  };
  const becomes = (expected: string) =>
    until(`mail to be ${expected}`, async () => (await fate()) === expected, { evidence });

  it('takes part in the session: an operator blocks and unblocks', async () => {
    expect(await fate()).toBe('delivered');
    await postern.command('block', who);
    await becomes('held');
    await postern.command('unblock', who);
    await becomes('delivered');
  });

  it('lets only Postfix in', () => {
    const { uid, gid, mode } = statSync(server.folder.at('queue/postern'));
    expect([uid, gid, mode & 0o777]).toEqual([0, idOf('/etc/group', 'postfix'), 0o750]);
  });

  it('does not hold up the mail when Postern is down, and is asked again when it is back', async () => {
    await postern.command('block', who);
    await becomes('held');
    await postern.stop();
    const start = performance.now();
    expect(await fate()).toBe('delivered');
    tell(
      `Postfix, Postern is down: mail delivered after ${Math.round(performance.now() - start)} ms`,
    );
    await server.logged(/warning: .*problem talking to server .*postern\/policy/);
    await postern.start();
    await becomes('held');
  });

  it('replaces a socket that a killed process left behind', async () => {
    const status = await postern.command('status', '--format', 'json');
    process.kill(JSON.parse(status.stdout).pid, 'SIGKILL');
    await postern.stop();
    expect(statSync(server.folder.at('queue/postern/policy')).isSocket()).toBe(true);
    await postern.start();
    await becomes('held');
  });
});
