/**
 * A provider that has had enough of a stolen account, on real mail servers: their own log lines lead `postern listings`
 * to the account, to the mail that waits, and to the end.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { startDns } from '../support/dns.ts';
import { eximProgram, hasExim, startExim } from '../support/exim.ts';
import { until } from '../support/folder.ts';
import { setUpPostern } from '../support/postern.ts';
import { hasPostfix, startPostfix } from '../support/postfix.ts';
import { type SinkReply, startSink } from '../support/sink.ts';
import { sendMail } from '../support/smtp-client.ts';

const REFUSED: SinkReply = {
  code: 451,
  text: '4.7.650 The mail server [192.0.2.7] has been temporarily rate limited due to IP reputation. (S3150)',
};

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

interface Rig {
  readonly yaml: string;
  readonly port: number;
  log(): string;
  queueIds(): Promise<string[]>;
}

async function startOnPostfix(sinkPort: number): Promise<Rig> {
  const server = await startPostfix({ sinkPort });
  stops.push(server.stop);
  return {
    yaml: `mta: postfix\nlogs: [ ${server.logFile} ]\ncommands: { postconf: [ /usr/sbin/postconf, -c, ${server.configuration} ] }\n`,
    port: server.submissionPort,
    log: server.log,
    queueIds: async () => (await server.queue()).map(({ queueId }) => queueId),
  };
}

async function startOnExim(sinkPort: number): Promise<Rig> {
  const server = await startExim({ sinkPort, recipes: [] });
  stops.push(server.stop);
  return {
    yaml: `mta: exim\nlogs: [ ${server.logFile} ]\ncommands: { exim: [ ${eximProgram()}, -C, ${server.configuration} ] }\n`,
    port: server.port,
    log: server.log,
    queueIds: async () => (await server.queue()).map(({ queueId }) => queueId),
  };
}

function testRefusals(start: (sinkPort: number) => Promise<Rig>): void {
  it('names the account whose mail came before, and what waits', async () => {
    let answer: SinkReply | undefined;
    const sink = await startSink({ onRecipient: () => answer });
    stops.push(sink.stop);
    const rig = await start(sink.port);
    const dns = await startDns(() => 'nxdomain');
    stops.push(dns.close);
    const postern = setUpPostern(`${rig.yaml}database: postern.db\nmode: observe\n`);
    stops.push(postern.remove);
    await postern.start();
    const evidence = () => `${postern.log()}\n${rig.log()}`;
    const submit = (user: string, recipient: string) =>
      sendMail(
        { port: rig.port, auth: { user, password: 'secret' } },
        { sender: user, recipients: [recipient] },
      );
    for (let n = 0; n < 5; n++) await submit('alice@example.net', `r${n}@example.org`);
    await until('the mail', () => sink.messages.length === 5, { evidence });
    // The log has whole seconds, and only what came before the first refusal is shown.
    const second = Math.floor(Date.now() / 1000);
    await until('the next second', () => Math.floor(Date.now() / 1000) > second + 1);
    answer = REFUSED;
    await submit('bob@example.net', 'later@example.org');
    const stored = async () => (await postern.command('events')).stdout.includes('S3150');
    await until('the refusal', stored, { evidence });
    const [id = ''] = await rig.queueIds();
    const argv = ['--address', '192.0.2.7', '--list', 'psbl', '--resolver', dns.address];
    const { status, stdout, stderr } = await postern.command('listings', ...argv);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const flat = stdout.replace(/\n {4,}/g, ' ');
    expect(flat).toMatch(
      /127\.0\.0\.0\/24 has refused us since .*Microsoft S3150\); in the day before that alice@example\.net sent it 5\. 451/,
    );
    expect(flat).toContain(`Still queued, to send again once it is over: ${id}\n`);
  });
}

describe.runIf(hasPostfix())('Postfix', () => testRefusals(startOnPostfix));
describe.runIf(hasExim())('Exim', () => testRefusals(startOnExim));
