/** Backscatter on a real Exim, see backscatter.ts. */
import { chmodSync, mkdirSync } from 'node:fs';
import { describe } from 'vitest';
import { eximProgram, hasExim, startExim } from '../support/exim.ts';
import { scratchFolder } from '../support/folder.ts';
import { sendMail } from '../support/smtp-client.ts';
import { complaintCommand, type Rig, testBackscatter } from './backscatter.ts';

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

reports:
  driver = redirect
  domains = example.net
  local_parts = abuse
  data = |COMMAND
  pipe_transport = address_pipe

out:
  domains = ! example.net
`;

const TRANSPORTS = `begin transports

mailbox:
  driver = appendfile
  file = /dev/null
  user = Debian-exim

address_pipe:
  driver = pipe
  user = Debian-exim
  return_output
`;

async function startRig(sinkPort: number): Promise<Rig> {
  const spool = scratchFolder();
  chmodSync(spool.path, 0o755);
  const complaints = spool.at('complaints');
  mkdirSync(complaints);
  chmodSync(complaints, 0o1733);
  const server = await startExim({
    sinkPort,
    recipes: [],
    edit: (text) =>
      text
        .replace(
          'begin routers\n\nout:\n',
          ROUTERS.replace('COMMAND', complaintCommand(complaints)),
        )
        .replace('begin transports\n', TRANSPORTS),
  });
  const { configuration } = server;
  return {
    yaml: `mta: exim
logs: [ ${server.logFile} ]
targets:
  exim: { blockedUsers: ${server.blockedUsers}, blockedSenders: ${server.blockedSenders} }
commands:
  exim: [ ${eximProgram()}, -C, ${configuration} ]`,
    complaints,
    isDeferred: () => / == .*abuse@example\.net/.test(server.log()),
    submit: (recipients, subject) =>
      sendMail(
        { port: server.port, auth: { user: 'alice@example.net', password: 'secret' } },
        { sender: 'alice@example.net', recipients, ...(subject && { subject }) },
      ),
    receive: ({ address, name }, sender, recipient, message = 'Subject: x\r\n\r\nx') =>
      server.exim(
        ['-oMa', `${address}.40000`, '-oMs', name, '-bs'],
        [
          `EHLO ${name}`,
          `MAIL FROM:<${sender}>`,
          `RCPT TO:<${recipient}>`,
          'DATA',
          message,
          '.',
          'QUIT',
        ]
          .map((line) => `${line}\r\n`)
          .join(''),
      ),
    log: server.log,
    stop: async () => {
      await server.stop();
      spool.remove();
    },
  };
}
