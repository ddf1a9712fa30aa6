/** The queue of a real Postfix, see queue.ts. */
import { describe } from 'vitest';
import { hasPostfix, startPostfix } from '../support/postfix.ts';
import { idOf } from '../support/server.ts';
import { sendMail } from '../support/smtp-client.ts';
import { type QueueRig, testQueue } from './queue.ts';

describe.runIf(hasPostfix())('the queue of Postfix', { timeout: 60_000 }, () => {
  testQueue((sinkPort) => startRig(sinkPort));
});

describe.runIf(hasPostfix())(
  'the queue of Postfix with long queue IDs',
  { timeout: 60_000 },
  () => {
    testQueue((sinkPort) => startRig(sinkPort, 'enable_long_queue_ids = yes'));
  },
);

async function startRig(sinkPort: number, mainCf = ''): Promise<QueueRig> {
  const server = await startPostfix({ sinkPort, mainCf });
  const { configuration } = server;
  const command = (name: string) => `${name}: [ /usr/sbin/${name}, -c, ${configuration} ]`;
  const uid = String(idOf('/etc/passwd', 'www-data'));
  return {
    yaml: `mta: postfix
commands:
${['postsuper', 'postqueue', 'postcat', 'postconf'].map((name) => `  ${command(name)}`).join('\n')}`,
    account: { uid, logged: uid },
    unknownId: mainCf === '' ? '4ABCDEF012' : '4jWpyC4cRyzJQ8B',
    submit: (user, sender, recipients) =>
      sendMail(
        { port: server.submissionPort, auth: { user, password: 'secret' } },
        { sender, recipients },
      ),
    relay: (address, sender, recipients) =>
      sendMail({ port: server.smtpPort, xclient: `ADDR=${address}` }, { sender, recipients }),
    local: (sender, recipients, message) =>
      server.sendmail('www-data', ['-f', sender, ...recipients], message),
    list: async () =>
      (await server.queue()).map((mail) => ({ ...mail, held: mail.queue === 'hold' })),
    hold: (queueId) => server.postsuper('-h', queueId),
    log: server.log,
    stop: server.stop,
  };
}
