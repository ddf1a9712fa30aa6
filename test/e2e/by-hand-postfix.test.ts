/** Blocks by hand on a real Postfix, see by-hand.ts. */
import { describe } from 'vitest';
import { hasPostfix, indexedMapType, startPostfix } from '../support/postfix.ts';
import { postfixCommands, postfixLines, postfixTargets } from '../support/recipes.ts';
import { sendMail } from '../support/smtp-client.ts';
import { type Rig, testByHand } from './by-hand.ts';

describe.runIf(hasPostfix())('Postfix', { timeout: 60_000 }, () => {
  testByHand(startRig, { hasActions: true });
});

async function startRig(sinkPort: number): Promise<Rig> {
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
    files: { user: table('sasl_access'), network: table('client_access') },
    lineFor: (id) => `${id}\tHOLD by hand`,
    account: '33',
    submit: (user, recipient) =>
      sendMail(
        { port: server.submissionPort, auth: { user, password: 'secret' } },
        { sender: user, recipients: [recipient] },
      ),
    relay: (address, recipient) =>
      sendMail(
        {
          port: server.smtpPort,
          xclient: `ADDR=${address.includes(':') ? 'IPV6:' : ''}${address}`,
        },
        { sender: 'app@example.net', recipients: [recipient] },
      ),
    sendmail: async (recipient) => {
      const { status, output } = await server.sendmail(
        'www-data',
        [recipient],
        'Subject: x\n\nx\n',
      );
      if (status !== 0) throw new Error(output);
    },
    held: async () =>
      (await server.queue()).flatMap((mail) => (mail.queue === 'hold' ? mail.recipients : [])),
    wire: () => server.configure(postfixLines(configuration, type)),
    log: server.log,
    stop: server.stop,
  };
}
