/** Blocks by hand on a real Exim, see by-hand.ts. */
import { describe, expect, it } from 'vitest';
import { eximStatements } from '../../src/setup/exim/recipe.ts';
import { Store } from '../../src/store/store.ts';
import { eximProgram, hasExim, startExim } from '../support/exim.ts';
import { setUpPostern } from '../support/postern.ts';
import { sendMail } from '../support/smtp-client.ts';
import { type Rig, stopsNothing, testByHand } from './by-hand.ts';

describe.runIf(hasExim())('Exim', { timeout: 60_000 }, () => {
  testByHand(startRig, { hasActions: false });
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

it.runIf(hasExim())('without the recipe, block says that it stops nothing', async () => {
  const server = await startExim({ sinkPort: 9, recipes: [], main: 'queue_only' });
  const postern = setUpPostern(`mta: exim
database: postern.db
logs: [ ${server.logFile} ]
queue: { hold: false }
targets: { exim: { blockedUsers: ${server.folder.at('listed')}, blockedNetworks: ${server.folder.at('networks')} } }
commands: { exim: [ ${eximProgram()}, -C, ${server.configuration} ] }
`);
  try {
    new Store(`${postern.path}/postern.db`).close();
    const block = () => postern.command('block', 'alice@example.net');
    expect(await block()).toMatchObject(stopsNothing('Exim', 'listed'));
    const statements = eximStatements({
      blockedUsers: server.folder.at('listed'),
      blockedSenders: '/none',
      blockedNetworks: '/none',
    });
    const edit = (text: string) =>
      text.replace(/^acl_check_data:$/m, (line) => `${line}\n${statements}`);
    await server.reconfigure({ sinkPort: 9, recipes: [], main: 'queue_only', edit });
    expect(await block()).toMatchObject({ status: 0, stderr: '' });
  } finally {
    await postern.remove();
    await server.stop();
  }
});
