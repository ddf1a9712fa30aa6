/**
 * A rule that puts recipients off, on a real Postfix that asks at RCPT (docs/limits.md): 450 above the limit and nothing
 * lost below it, what the operator sees, another limit while it runs, a restart, and mail while Postern is down.
 */
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import {
  hasPostfix,
  indexedMapType,
  type PostfixServer,
  startPostfix,
} from '../support/postfix.ts';
import { optionsIn, postfixTargets } from '../support/recipes.ts';
import { idOf } from '../support/server.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { sendMail } from '../support/smtp-client.ts';

const USERS = ['alice', 'bob', 'news', 'carol'].map((name) => `${name}@example.net`);
const [ALICE, BOB, NEWS, CAROL] = USERS as [string, string, string, string];
const LIMIT = 5;
const RULE = `
name: few
count: recipients
per: user
limit: ${LIMIT}
period: 1h
action: defer
text: 4.7.1 Slow down, please
`;

let sink: Sink;
let server: PostfixServer;
let postern: Postern;
let serial = 0;

const recipe = (name: string) => readFileSync(resolve('docs/mta/postfix', name), 'utf8');
const evidence = () => `${postern.log()}\n${server.log().slice(-8000)}`;

/** Sends one message to so many new recipients; the codes of their RCPT commands. */
async function send(user: string, count: number): Promise<string[]> {
  const recipients = Array.from({ length: count }, () => `r${++serial}@example.org`);
  const login = { port: server.submissionPort, auth: { user, password: 'secret' } };
  const { recipients: replies } = await sendMail(login, { sender: user, recipients });
  return replies.map(({ code, text }) => (code === 250 ? '250' : `${code} ${text}`));
}

async function startAll(): Promise<void> {
  sink = await startSink();
  server = await startPostfix({
    sinkPort: sink.port,
    users: Object.fromEntries(USERS.map((user) => [user, 'secret'])),
    submission: optionsIn(recipe('master.cf.submission')),
  });
  server.folder.write('etc/postern/.keep', '');
  mkdirSync(server.folder.at('queue/postern'), { mode: 0o750 });
  chownSync(server.folder.at('queue/postern'), 0, idOf('/etc/group', 'postfix') as number);
  await server.configure(recipe('main.cf.policy-rcpt'));
  const { configuration: etc } = server;
  const type = await indexedMapType();
  postern = setUpPostern(`mta: postfix
logs: [ ${server.logFile} ]
database: postern.db
rules: rules
allow: { users: [ ${BOB} ] }
overrides: { file: overrides }
policy: { listen: "unix:${server.folder.at('queue/postern/policy')}" }
notify: { to: abuse@example.net, smtp: { host: 127.0.0.1, port: ${sink.port} }, digest: 1s }
${postfixTargets(etc, type)}
commands:
  postsuper: [ /usr/sbin/postsuper, -c, ${etc} ]
  postconf: [ /usr/sbin/postconf, -c, ${etc} ]`);
  mkdirSync(join(postern.path, 'rules'));
  writeFileSync(join(postern.path, 'rules/few.yaml'), RULE);
  writeFileSync(join(postern.path, 'overrides'), `${NEWS} exempt our newsletter\n`);
  await postern.start();
  await until('the policy service', () => postern.log().includes('policy service'), { evidence });
}

describe.runIf(hasPostfix())('recipients are put off', () => {
  beforeAll(startAll, 120_000);
  afterAll(async () => {
    await postern?.remove();
    await server?.stop();
    await sink?.stop();
  });

  const PUT_OFF = /^450 4\.7\.1 <r\d+@example\.org>: Recipient address rejected: Slow down, please/;
  const countPassed = (replies: readonly string[]) => replies.filter((one) => one === '250').length;

  it('above the limit, in one message and in the next; those below it arrive', async () => {
    const first = await send(ALICE, 8);
    expect(countPassed(first)).toBe(LIMIT);
    for (const reply of first.slice(LIMIT)) expect(reply).toMatch(PUT_OFF);
    expect(countPassed(await send(ALICE, 2))).toBe(0);
    await until('the mail', () => sink.recipients.length >= LIMIT, { evidence });
  }, 60_000);

  it('but not of those who are allowed, exempt, or far below', async () => {
    expect(countPassed(await send(BOB, 9))).toBe(9);
    expect(countPassed(await send(NEWS, 9))).toBe(9);
    expect(countPassed(await send(CAROL, 1))).toBe(1);
  }, 60_000);

  it('and the operator sees it: status, explain, report, events, mail', async () => {
    const command = async (...args: string[]) => (await postern.command(...args)).stdout;
    await until('the status', async () => (await command('status')).includes('put off'), {
      evidence,
    });
    expect(await command('status')).toMatch(/put off: +alice@example\.net, 5 recipients? .*few/);
    const explained = await command('explain', ALICE);
    expect(explained).toContain(`${ALICE} met the rule few`);
    expect(explained).toMatch(/Counted:? +6 \(limit 5\) in 1h/);
    expect(explained).toContain('the policy service answers 450');
    expect(await command('report', '--since', '1h')).toMatch(/alice@example\.net +few .*deferred/);
    await until(
      'the events',
      async () => (await command('events', '--format', 'json')).includes('"rate-limited"'),
      { evidence },
    );
    await until('the notice', () => sink.recipients.includes('abuse@example.net'), { evidence });
  }, 60_000);

  it('no more after a line of the table that is changed while Postern runs', async () => {
    const table = join(postern.path, 'overrides');
    writeFileSync(table, `${ALICE} 12 a talk\nbroken line here\n${NEWS} exempt our newsletter\n`);
    await until('the other limit', async () => countPassed(await send(ALICE, 1)) === 1, {
      evidence,
    });
    expect(postern.log()).toContain('line is passed over');
    expect((await postern.command('status')).stdout).toContain('overrides:2: expected a limit');
    expect(countPassed(await send(ALICE, 20))).toBe(12 - LIMIT - 1);
  }, 60_000);

  it('after a restart as before: the log shows what was accepted', async () => {
    await until('the log', async () => {
      const { stdout } = await postern.command('status', '--format', 'json');
      return JSON.parse(stdout).logs.every(({ behind }: { behind: number }) => behind === 0);
    });
    await postern.stop();
    await postern.start();
    await until('the policy service', () => postern.log().split('policy service').length > 2, {
      evidence,
    });
    expect(countPassed(await send(ALICE, 3))).toBe(0);
  }, 60_000);

  it('and nobody while Postern is down', async () => {
    await postern.stop();
    expect(countPassed(await send(ALICE, 3))).toBe(3);
  }, 60_000);

  it('and check says when a service does not ask at RCPT', async () => {
    const says = async () => (await postern.command('check')).stdout;
    expect(await says()).not.toContain('few puts nobody off');
    await server.configure(
      `smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
mua_recipient_restrictions = permit_sasl_authenticated, reject
${recipe('main.cf.policy')}`,
    );
    expect(await says()).toMatch(/\S+ does not ask .* at RCPT, so few puts nobody off there/);
  }, 60_000);
});
