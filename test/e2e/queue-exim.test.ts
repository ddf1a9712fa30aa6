/** The queue of a real Exim, see queue.ts. */
import { describe } from 'vitest';
import { eximProgram, hasExim, startExim } from '../support/exim.ts';
import { idOf } from '../support/server.ts';
import { sendMail } from '../support/smtp-client.ts';
import { type QueueRig, testQueue } from './queue.ts';

describe.runIf(hasExim())('the queue of Exim', { timeout: 60_000 }, () => {
  testQueue((sinkPort) => startRig(sinkPort));
});

// As Debian's package configures it.
describe.runIf(hasExim())('the queue of Exim with a split spool', { timeout: 60_000 }, () => {
  testQueue((sinkPort) => startRig(sinkPort, 'split_spool_directory = true'));
});

async function startRig(sinkPort: number, main = ''): Promise<QueueRig> {
  const server = await startExim({ sinkPort, recipes: [], main });
  const { configuration } = server;
  return {
    yaml: `mta: exim
targets:
  exim: { blockedUsers: ${server.blockedUsers}, blockedSenders: ${server.blockedSenders} }
commands:
  exim: [ ${eximProgram()}, -C, ${configuration} ]`,
    account: { uid: String(idOf('/etc/passwd', 'www-data')), logged: 'www-data' },
    unknownId: '1mAbCd-0001Xy-7Z',
    submit: (user, sender, recipients) =>
      sendMail({ port: server.port, auth: { user, password: 'secret' } }, { sender, recipients }),
    relay: (address, sender, recipients) =>
      server.smtpFrom(address, [
        'EHLO client.example.net',
        `MAIL FROM:<${sender}>`,
        ...recipients.map((recipient) => `RCPT TO:<${recipient}>`),
        'DATA',
        'Subject: x\r\n\r\nx',
        '.',
        'QUIT',
      ]),
    local: (sender, recipients, message) =>
      server.sendmail('www-data', ['-f', sender, ...recipients], message),
    list: async () => (await server.queue()).map((mail) => ({ ...mail, held: mail.frozen })),
    hold: (queueId) => server.exim(['-Mf', queueId]),
    log: server.log,
    stop: server.stop,
  };
}
