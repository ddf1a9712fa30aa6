/** A real Postfix with the recipe of docs/mta. */
import { indexedMapType, startPostfix } from '../support/postfix.ts';
import { postfixCommands, postfixLines, postfixTargets } from '../support/recipes.ts';
import { sendMail } from '../support/smtp-client.ts';
import type { Rig } from './pipeline.ts';

export async function startPostfixRig(sinkPort: number): Promise<Rig> {
  const server = await startPostfix({ sinkPort });
  const type = await indexedMapType();
  const { configuration } = server;
  server.folder.write('etc/postern/.keep', '');
  const table = (name: string) => `${configuration}/postern/${name}`;
  return {
    yaml: `mta: postfix
logs: [ ${server.logFile} ]
${postfixTargets(configuration, type)}
${postfixCommands(configuration)}`,
    port: server.smtpPort,
    files: { user: table('sasl_access'), client: table('client_access') },
    check: ['--postfix-config', configuration],
    submit: (user, recipients) =>
      sendMail(
        { port: server.submissionPort, auth: { user, password: 'secret' } },
        { sender: user, recipients },
      ),
    relay: (address, recipients) =>
      sendMail(
        {
          port: server.smtpPort,
          xclient: `ADDR=${address.includes(':') ? 'IPV6:' : ''}${address}`,
        },
        { sender: 'app@example.net', recipients },
      ),
    queue: async () =>
      (await server.queue()).map((mail) => ({ ...mail, held: mail.queue === 'hold' })),
    remove: (queueId) => server.postsuper('-d', queueId),
    held: async () =>
      (await server.queue()).flatMap((mail) => (mail.queue === 'hold' ? mail.recipients : [])),
    wire: () => server.configure(postfixLines(configuration, type)),
    log: server.log,
    stop: server.stop,
  };
}
