/** The queue of a real Postfix, see queue.ts. */
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { loadConfig } from '../../src/config/load.ts';
import { readSubmitters } from '../../src/enforce/queue/postcat.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { hasPostfix, startPostfix } from '../support/postfix.ts';
import { idOf } from '../support/server.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { sendMail } from '../support/smtp-client.ts';
import { configuration, type QueueRig, RULE, testQueue } from './queue.ts';

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

const PROGRAM = resolve('dist/cli/main.js'); // scripts/prepare.mjs builds it before the tests
/** What systemd/postern-single.service and postern-enforce.service leave of root. */
const UNIT = [
  'setpriv',
  '--bounding-set=-all,+setuid,+setgid',
  '--no-new-privs',
  '--groups=postdrop',
];

describe.runIf(hasPostfix())('with the rights of the service unit', { timeout: 60_000 }, () => {
  let sink: Sink;
  let rig: QueueRig;
  let folder: Folder;
  beforeAll(async () => {
    sink = await startSink({ onRecipient: () => ({ code: 451, text: '4.3.2 come back later' }) });
    rig = await startRig(sink.port);
    folder = scratchFolder();
    folder.write('rules/x.yaml', RULE);
    folder.write('postern.yaml', configuration(rig));
  });
  afterAll(async () => {
    await rig?.stop();
    await sink?.stop();
    folder?.remove();
  });

  it('mail is found and held, though root may not read the files of others', async () => {
    await rig.submit('alice@example.net', 'a@example.net', ['a1@example.org']);
    await rig.local('web@example.net', ['l1@example.org'], 'Subject: x\n\nx\n');
    await until('two messages', async () => (await rig.list()).length === 2);
    const queue = (...args: string[]) => {
      const config = folder.at('postern.yaml');
      const argv = [...UNIT, process.execPath, PROGRAM, 'queue', '--config', config, ...args];
      return runCommand(argv, { timeout: 30_000 });
    };
    expect(await queue('alice@example.net', '--hold')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/\n1 message held\.\n/),
    });
    expect((await rig.list()).filter(({ held }) => held)).toMatchObject([
      { recipients: ['a1@example.org'] },
    ]);
    expect((await queue('uid:www-data')).stdout).toContain('to <l1@example.org>');
  });

  it('messages that leave the queue while it is read are skipped', async () => {
    const ids = (await rig.list()).map(({ queueId }) => queueId);
    const gone = ['4ABCDEF011', '4ABCDEF012', '4ABCDEF013'];
    const options = { withHeader: true, end: performance.now() + 30_000 };
    const { commands } = loadConfig(folder.at('postern.yaml'));
    const read = await readSubmitters(commands, [...gone, ...ids, ...gone], options);
    expect(read).toMatchObject({ unread: 0 });
    expect([...read.files.keys()]).toEqual(ids);
    expect([...read.files.values()].map(({ submitter }) => submitter?.type).sort()).toEqual([
      'uid',
      'user',
    ]);
  });
});

async function startRig(sinkPort: number, mainCf = ''): Promise<QueueRig> {
  const server = await startPostfix({ sinkPort, mainCf });
  const { configuration } = server;
  const command = (name: string) => `${name}: [ /usr/sbin/${name}, -c, ${configuration} ]`;
  const uid = String(idOf('/etc/passwd', 'www-data'));
  return {
    yaml: `mta: postfix
targets:
  postfix:
    user: { file: sasl_access, type: texthash }
    client: { file: client_access, type: cidr }
    sender: { file: sender_access, type: texthash }
    reload: []
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
      (await server.queue()).map((mail) => ({
        ...mail,
        held: mail.queue === 'hold',
        isActive: mail.queue === 'active',
      })),
    hold: (queueId) => server.postsuper('-h', queueId),
    log: server.log,
    stop: server.stop,
  };
}
