/** Backscatter on a real Postfix, see backscatter.ts. */
import { chmodSync, mkdirSync } from 'node:fs';
import { describe } from 'vitest';
import { hasPostfix, indexedMapType, startPostfix } from '../support/postfix.ts';
import { postfixCommands, postfixTargets } from '../support/recipes.ts';
import { SmtpClient, sendMail } from '../support/smtp-client.ts';
import { complaintCommand, type Rig, testBackscatter } from './backscatter.ts';

describe.runIf(hasPostfix())('backscatter of Postfix', () => {
  testBackscatter(startRig);
});

async function startRig(sinkPort: number): Promise<Rig> {
  const type = await indexedMapType();
  const server = await startPostfix({
    sinkPort,
    mainCf: `mydestination = example.net
relay_domains =
local_recipient_maps =
alias_maps = ${type}:{dir}/aliases
smtp_address_preference = ipv4`,
  });
  const { configuration, folder } = server;
  // local(8) delivers as nobody.
  chmodSync(folder.path, 0o755);
  mkdirSync(folder.at('mail'));
  chmodSync(folder.at('mail'), 0o777);
  const complaints = folder.at('complaints');
  mkdirSync(complaints);
  chmodSync(complaints, 0o1733);
  folder.write('etc/postern/.keep', '');
  folder.write(
    'etc/aliases',
    `alice: ${folder.at('mail')}/alice\nteam: nobody.team@example.org\nabuse: "|${complaintCommand(complaints)}"\n`,
  );
  await server.postalias(`${type}:${configuration}/aliases`);
  return {
    yaml: `mta: postfix
logs: [ ${server.logFile} ]
${postfixTargets(configuration, type)}
${postfixCommands(configuration)}`,
    complaints,
    isDeferred: () => /to=<abuse@example\.net>.*status=deferred/.test(server.log()),
    submit: (recipients, subject) =>
      sendMail(
        { port: server.submissionPort, auth: { user: 'alice@example.net', password: 'secret' } },
        { sender: 'alice@example.net', recipients, ...(subject && { subject }) },
      ),
    receive: async ({ address, name }, sender, recipient, message = 'Subject: x\r\n\r\nx') => {
      const xclient = `ADDR=${address} NAME=${name}`;
      const client = await SmtpClient.open({ port: server.smtpPort, xclient });
      await client.command(`MAIL FROM:<${sender}>`);
      await client.command(`RCPT TO:<${recipient}>`);
      await client.command('DATA');
      await client.command(`${message}\r\n.`);
      await client.quit();
    },
    log: server.log,
    stop: server.stop,
  };
}
