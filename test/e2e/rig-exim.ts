/** A real Exim with the recipe of docs/mta. */
import { eximProgram, startExim } from '../support/exim.ts';
import { sendMail } from '../support/smtp-client.ts';
import type { Rig } from './pipeline.ts';

/** `queueInterval`: how often Exim tries the queue again. */
export async function startEximRig(sinkPort: number, queueInterval = '5s'): Promise<Rig> {
  const server = await startExim({ sinkPort, recipes: [], queueInterval });
  const { configuration } = server;
  return {
    yaml: `mta: exim
logs: [ ${server.logFile} ]
targets:
  exim: { blockedUsers: ${server.blockedUsers}, blockedSenders: ${server.blockedSenders} }
commands:
  exim: [ ${eximProgram()}, -C, ${configuration} ]`,
    port: server.port,
    files: { user: server.blockedUsers, client: server.blockedUsers },
    check: ['--exim-binary', eximProgram(), '--exim-config', configuration],
    submit: (user, recipients) =>
      sendMail(
        { port: server.port, auth: { user, password: 'secret' } },
        { sender: user, recipients },
      ),
    relay: (address, recipients) =>
      server.smtpFrom(address, [
        'EHLO client.example.net',
        'MAIL FROM:<app@example.net>',
        ...recipients.map((recipient) => `RCPT TO:<${recipient}>`),
        'DATA',
        'Subject: x\r\n\r\nx',
        '.',
        'QUIT',
      ]),
    queue: async () => (await server.queue()).map((mail) => ({ ...mail, held: mail.frozen })),
    remove: (queueId) => server.exim(['-Mrm', queueId]),
    held: async () =>
      (await server.queue()).flatMap((mail) => (mail.frozen ? mail.recipients : [])),
    wire: () => server.reconfigure({ sinkPort, recipes: ['blocked', 'local'] }),
    log: server.log,
    stop: server.stop,
  };
}
