/** Backscatter on a real Postfix, see backscatter.ts. */
import { chmodSync, mkdirSync } from 'node:fs';
import { describe } from 'vitest';
import { hasPostfix, indexedMapType, startPostfix } from '../support/postfix.ts';
import { postfixTargets } from '../support/recipes.ts';
import { sendMail } from '../support/smtp-client.ts';
import { type Rig, testBackscatter } from './backscatter.ts';

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
  folder.write('etc/postern/.keep', '');
  folder.write('etc/aliases', `alice: ${folder.at('mail')}/alice\nteam: nobody.team@example.org\n`);
  await server.postalias(`${type}:${configuration}/aliases`);
  return {
    yaml: `mta: postfix
logs: [ ${server.logFile} ]
${postfixTargets(configuration, type)}
commands:
  postsuper: [ /usr/sbin/postsuper, -c, ${configuration} ]
  postqueue: [ /usr/sbin/postqueue, -c, ${configuration} ]
  postconf: [ /usr/sbin/postconf, -c, ${configuration} ]`,
    submit: (recipients) =>
      sendMail(
        { port: server.submissionPort, auth: { user: 'alice@example.net', password: 'secret' } },
        { sender: 'alice@example.net', recipients },
      ),
    receive: ({ address, name }, sender, recipient) =>
      sendMail(
        { port: server.smtpPort, xclient: `ADDR=${address} NAME=${name}` },
        { sender, recipients: [recipient] },
      ),
    log: server.log,
    stop: server.stop,
  };
}
