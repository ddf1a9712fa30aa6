/** Blocks by hand on a real Postfix, see by-hand.ts. */
import { describe, expect, it } from 'vitest';
import { Store } from '../../src/store/store.ts';
import { setUpPostern } from '../support/postern.ts';
import { hasPostfix, indexedMapType, startPostfix } from '../support/postfix.ts';
import { postfixCommands, postfixLines, postfixTargets } from '../support/recipes.ts';
import { sendMail } from '../support/smtp-client.ts';
import { type Rig, stopsNothing, testByHand } from './by-hand.ts';

describe.runIf(hasPostfix())('Postfix', { timeout: 60_000 }, () => {
  testByHand(startRig, { hasActions: true });
});

it.runIf(hasPostfix())(
  'without the recipe, block says that it stops nothing',
  { timeout: 60_000 },
  async () => {
    const server = await startPostfix({ sinkPort: 9 });
    const { configuration } = server;
    const type = await indexedMapType();
    server.folder.write('etc/postern/.keep', '');
    const postern = setUpPostern(`mta: postfix
database: postern.db
logs: [ ${server.logFile} ]
queue: { hold: false }
${postfixTargets(configuration, type)}
${postfixCommands(configuration)}`);
    try {
      new Store(`${postern.path}/postern.db`).close();
      const block = () => postern.command('block', 'alice@example.net');
      expect(await block()).toMatchObject(stopsNothing('Postfix', 'sasl_access'));
      await server.configure(postfixLines(configuration, type));
      expect(await block()).toMatchObject({ status: 0, stderr: '' });
    } finally {
      await postern.remove();
      await server.stop();
    }
  },
);

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
