/** Backscatter on a real Exim, see backscatter.ts. */
import { describe } from 'vitest';
import { eximProgram, hasExim, startExim } from '../support/exim.ts';
import { sendMail } from '../support/smtp-client.ts';
import { type Rig, testBackscatter } from './backscatter.ts';

describe.runIf(hasExim())('backscatter of Exim', () => {
  testBackscatter(startRig);
});

const ROUTERS = `begin routers

mailbox:
  driver = accept
  domains = example.net
  local_parts = alice
  transport = mailbox

aliases:
  driver = redirect
  domains = example.net
  local_parts = team
  data = nobody.team@example.org

out:
  domains = ! example.net
`;

const TRANSPORTS = `begin transports

mailbox:
  driver = appendfile
  file = /dev/null
  user = Debian-exim
`;

async function startRig(sinkPort: number): Promise<Rig> {
  const server = await startExim({
    sinkPort,
    recipes: [],
    edit: (text) =>
      text.replace('begin routers\n\nout:\n', ROUTERS).replace('begin transports\n', TRANSPORTS),
  });
  const { configuration } = server;
  return {
    yaml: `mta: exim
logs: [ ${server.logFile} ]
targets:
  exim: { blockedUsers: ${server.blockedUsers}, blockedSenders: ${server.blockedSenders} }
commands:
  exim: [ ${eximProgram()}, -C, ${configuration} ]`,
    submit: (recipients) =>
      sendMail(
        { port: server.port, auth: { user: 'alice@example.net', password: 'secret' } },
        { sender: 'alice@example.net', recipients },
      ),
    receive: ({ address, name }, sender, recipient) =>
      server.exim(
        ['-oMa', `${address}.40000`, '-oMs', name, '-bs'],
        [
          `EHLO ${name}`,
          `MAIL FROM:<${sender}>`,
          `RCPT TO:<${recipient}>`,
          'DATA',
          'Subject: x\r\n\r\nx',
          '.',
          'QUIT',
        ]
          .map((line) => `${line}\r\n`)
          .join(''),
      ),
    log: server.log,
    stop: server.stop,
  };
}
