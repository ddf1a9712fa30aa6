/** Blocks by hand on a real Exim, see by-hand.ts. */
import { describe } from 'vitest';
import { eximProgram, hasExim, startExim } from '../support/exim.ts';
import { sendMail } from '../support/smtp-client.ts';
import { type Rig, testByHand } from './by-hand.ts';

describe.runIf(hasExim())('Exim', { timeout: 60_000 }, () => {
  testByHand(startRig);
});

async function startRig(sinkPort: number): Promise<Rig> {
  const server = await startExim({ sinkPort });
  return {
    yaml: `mta: exim
logs: [ ${server.logFile} ]
targets:
  exim: { blockedUsers: ${server.blockedUsers} }
commands:
  exim: [ ${eximProgram()}, -C, ${server.configuration} ]`,
    files: { user: server.blockedUsers, network: server.blockedNetworks },
    lineFor: (id) => `${id}: by hand`,
    account: 'www-data',
    submit: (user, recipient) =>
      sendMail(
        { port: server.port, auth: { user, password: 'secret' } },
        { sender: user, recipients: [recipient] },
      ),
    relay: (address, recipient) =>
      server.smtpFrom(address, [
        'EHLO client.example.net',
        'MAIL FROM:<app@example.net>',
        `RCPT TO:<${recipient}>`,
        'DATA',
        'Subject: x\r\n\r\nx',
        '.',
        'QUIT',
      ]),
    sendmail: (recipient) =>
      server.sendmail('www-data', ['-f', 'app@example.net', recipient], 'Subject: x\n\nx\n'),
    held: async () =>
      (await server.queue()).flatMap((mail) => (mail.frozen ? mail.recipients : [])),
    wire: async () => {},
    log: server.log,
    stop: server.stop,
  };
}
