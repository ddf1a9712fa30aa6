/** A rule that puts recipients off, on a real Exim whose RCPT ACL asks the policy service (docs/limits.md). */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EximServer, eximProgram, hasExim, RECIPES, startExim } from '../support/exim.ts';
import { scratchFolder, until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { sendMail } from '../support/smtp-client.ts';

const RULE = `
name: few
count: recipients
per: user
limit: 3
period: 1h
action: defer
`;

let sink: Sink;
let server: EximServer;
let postern: Postern;
const socket = scratchFolder();

const evidence = () => `${postern.log()}\n${server.log().slice(-6000)}`;

/** Sends one message to so many recipients; the replies to their RCPT commands. */
async function send(user: string, count: number): Promise<string[]> {
  const recipients = Array.from({ length: count }, (_, n) => `r${n}@example.org`);
  const login = { port: server.port, auth: { user, password: 'secret' } };
  const { recipients: replies } = await sendMail(login, { sender: user, recipients });
  return replies.map(({ code, text }) => (code === 250 ? '250' : `${code} ${text}`));
}

describe.runIf(hasExim())('recipients are put off', () => {
  beforeAll(async () => {
    sink = await startSink();
    chmodSync(socket.path, 0o755);
    mkdirSync(socket.at('run'));
    server = await startExim({
      sinkPort: sink.port,
      main: `POSTERN_POLICY = ${socket.at('run/policy')}`,
      rcpt: `.include ${RECIPES}/acl-policy.conf`,
    });
    postern = setUpPostern(`mta: exim
logs: [ ${server.logFile} ]
database: postern.db
rules: rules
policy: { listen: "unix:${socket.at('run/policy')}" }
targets:
  exim: { blockedUsers: ${server.blockedUsers}, blockedSenders: ${server.blockedSenders} }
commands:
  exim: [ ${eximProgram()}, -C, ${server.configuration} ]`);
    mkdirSync(join(postern.path, 'rules'));
    writeFileSync(join(postern.path, 'rules/few.yaml'), RULE);
    await postern.start();
    await until('the policy service', () => postern.log().includes('policy service'), { evidence });
  }, 60_000);
  afterAll(async () => {
    await postern?.remove();
    await server?.stop();
    await sink?.stop();
    socket.remove();
  });

  it('above the limit, each user alone, and the mail to the others arrives', async () => {
    const replies = await send('alice@example.net', 5);
    expect(replies.slice(0, 3)).toEqual(['250', '250', '250']);
    for (const reply of replies.slice(3))
      expect(reply).toMatch(/^450 4\.7\.1 Too many recipients for now, please try again later$/);
    expect(await send('bob@example.net', 2)).toEqual(['250', '250']);
    await until('the mail', () => sink.recipients.length === 5, { evidence });
  });

  it('and are events', async () => {
    const events = async () => (await postern.command('events', '--format', 'json')).stdout;
    await until('the event', async () => /"kind":"rejected".*"rate-limited"/.test(await events()), {
      evidence,
    });
  });

  it('and nobody while Postern is down', async () => {
    await postern.stop();
    expect(await send('alice@example.net', 2)).toEqual(['250', '250']);
  });
});
