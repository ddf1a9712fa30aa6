/**
 * The three ways onto a backscatter list, with a real mail server, the same for each: mail that is accepted and bounces,
 * mail that is forwarded to a server that refuses it, and a stolen account whose bounces come back through the smarthost.
 * example.net is local: alice has a mailbox, team goes to nobody.team@example.org, abuse is the command of `rig.complaints`,
 * everybody else is accepted and unknown.
 */
import { chmodSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildReport } from '../complaint/arf.ts';
import { until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import { type Sink, startSink } from '../support/sink.ts';

/** One mail server as these scenarios need it. */
export interface Rig {
  /** lines of postern.yaml: mta, logs, targets, commands */
  readonly yaml: string;
  /** as alice, after a login */
  submit(recipients: readonly string[], subject?: string): Promise<unknown>;
  /** as a stranger at this address, whose name the mail server has verified */
  receive(from: Host, sender: string, recipient: string, message?: string): Promise<unknown>;
  /** folder of the complaints */
  readonly complaints: string;
  /** whether the log shows that a mail for abuse is tried again */
  isDeferred(): boolean;
  log(): string;
  stop(): Promise<void>;
}

export interface Host {
  readonly address: string;
  readonly name: string;
}

const ALICE = 'alice@example.net';
const SPAMMER = { address: '203.0.113.66', name: 'dsl.example.info' };
const SMARTHOST = { address: '203.0.113.9', name: 'out7.example.org' };
const ELSEWHERE = { address: '203.0.113.140', name: 'mx.example.edu' };
const VICTIM = 'victim@example.com';
/** more than the limits of the rules returned-mail and forged-address */
const MANY = 40;

const recipients = Array.from({ length: MANY }, (_, index) => `list${index}@example.org`);

type Json = Record<string, unknown>;

/** Registers the tests; `start` gets the port of the sink. */
export function testBackscatter(start: (sinkPort: number) => Promise<Rig>): void {
  let sink: Sink;
  let rig: Rig;
  let postern: Postern;
  beforeAll(async () => {
    sink = await startSink();
    rig = await start(sink.port);
    postern = setUpPostern(
      `${rig.yaml}\nmode: observe\ncomplaints: { folder: ${rig.complaints} }\ndatabase: postern.db\ntrustedNetworks: [ 198.51.100.0/24 ]\n`,
    );
    await postern.start();
  });
  afterAll(async () => {
    await postern?.remove();
    await rig?.stop();
    await sink?.stop();
  });

  const evidence = () => `${postern.log()}\n${rig.log()}`;
  const command = async (...args: string[]) => (await postern.command(...args)).stdout;
  const events = async (kind: string): Promise<Json[]> =>
    (await command('events', '--kind', kind, '--format', 'json'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  const find = (kind: string, test: (event: Json) => boolean) =>
    until(`an event ${kind}`, async () => (await events(kind)).find(test), { evidence });
  const causeOf = (event: Json) => event.cause as Json;
  const report = async () => JSON.parse(await command('report', '--format', 'json')) as Report;

  it('names the direct bounce: accepted, and unknown to our own delivery', async () => {
    await rig.receive(SPAMMER, VICTIM, 'ghost@example.net');
    const event = await find('dsn-sent', (one) => causeOf(one).way === 'own-delivery');
    expect(event).toMatchObject({
      recipient: VICTIM,
      client: { address: SPAMMER.address },
      direction: 'inbound',
      cause: { about: 'failure', recipient: 'ghost@example.net' },
    });
  });

  it('names the forward bounce: the alias, the server that refused, and why', async () => {
    await rig.receive(SPAMMER, VICTIM, 'team@example.net');
    const event = await find('dsn-sent', (one) => causeOf(one).way === 'forward');
    expect(event).toMatchObject({
      recipient: VICTIM,
      client: { address: SPAMMER.address },
      direction: 'inbound',
      cause: {
        originalRecipient: 'team@example.net',
        recipient: 'nobody.team@example.org',
        relay: { host: '127.0.0.1' },
        reason: 'invalid-recipient',
        code: 550,
      },
    });
  });

  it('does not blame a DSN to a local sender, or to one who logged in', async () => {
    await rig.receive(SPAMMER, ALICE, 'ghost2@example.net');
    await rig.submit(['nobody.x@example.com']);
    await find('dsn-sent', (one) => causeOf(one).recipient === 'ghost2@example.net');
    await find('dsn-sent', (one) => causeOf(one).recipient === 'nobody.x@example.com');
    expect((await report()).backscatter.notices.map(({ way, count }) => [way, count])).toEqual([
      ['forward', 1],
      ['own-delivery', 1],
    ]);
  });

  it('finds the stolen account by what comes back through the smarthost', async () => {
    await rig.submit(recipients);
    await until('the mail to leave', () =>
      sink.recipients.includes(recipients[MANY - 1] as string),
    );
    await find('delivered', (one) => one.recipient === recipients[MANY - 1]);
    for (let index = 0; index < MANY; index++) await rig.receive(SMARTHOST, '', ALICE);
    await until(
      'the verdict',
      async () => (await report()).verdicts.some(({ rule }) => rule === 'returned-mail'),
      { evidence },
    );
    // The verdict may come before the last of them.
    await until(
      'all of them',
      async () => Number((await report()).backscatter.returned[0]?.count) >= MANY,
      { evidence },
    );
    const { backscatter, verdicts } = await report();
    expect(backscatter.returned).toMatchObject([{ type: 'user', id: ALICE, count: MANY }]);
    expect(backscatter.forged).toEqual([]);
    expect(verdicts).toMatchObject([{ rule: 'returned-mail', key: { type: 'user', id: ALICE } }]);
  }, 60_000);

  it('does not charge her for mail that others sent in her name', async () => {
    for (let index = 0; index < MANY; index++) await rig.receive(ELSEWHERE, '', ALICE);
    await until(
      'the verdict',
      async () => (await report()).verdicts.some(({ rule }) => rule === 'forged-address'),
      { evidence },
    );
    const { backscatter } = await report();
    expect(backscatter.returned).toMatchObject([{ count: MANY }]);
    expect(backscatter.forged).toMatchObject([{ recipient: ALICE, clients: 1 }]);
    const text = await command('report');
    for (const line of [
      'Notices to strangers',
      'team@example.net',
      'sign return paths',
      'returned-mail',
    ]) {
      expect(text).toContain(line);
    }
  }, 60_000);

  const complain = (message: string) =>
    rig.receive(ELSEWHERE, 'fbl@example.edu', 'abuse@example.net', buildReport(read(message)));
  /** What a feedback loop sends about a message that it has got. */
  const read = (message: string) => ({
    feedback: [
      'Feedback-Type: abuse',
      'User-Agent: x',
      'Version: 1',
      `Original-Mail-From: ${ALICE}`,
    ],
    enclosed: message.split('\r\n'),
  });

  it('ties a complaint to the submitter, once, and takes no forged one', async () => {
    await rig.submit(['user@example.com'], 'Buy\r\nMessage-ID: <offer@example.net>');
    const { data } = await sink.messageTo('user@example.com');
    await find('delivered', (one) => one.recipient === 'user@example.com');
    await complain(data.replace('<offer@example.net>', '<forged@example.net>'));
    await complain('Subject: no report that anybody could read');
    await complain(data);
    await complain(data);
    const event = await find('complaint', () => true);
    expect(event).toMatchObject({
      submitter: { type: 'user', id: ALICE },
      messageId: 'offer@example.net',
      recipient: 'user@example.com',
    });
    await until('both reports', () => postern.log().split('complaint refused').length === 3, {
      evidence,
    });
    expect(postern.log()).toMatch(/no such message/);
    expect(postern.log()).toMatch(/known already/);
    expect(await events('complaint')).toHaveLength(1);
    expect(await command('report')).toContain('Complaints of recipients');
    // Nobody gets a notice about a report that is refused.
    expect(sink.recipients).not.toContain('fbl@example.edu');
  }, 60_000);

  it('keeps a complaint in the queue while it cannot be handed over', async () => {
    chmodSync(rig.complaints, 0o700);
    const { data } = await sink.messageTo('user@example.com');
    await complain(data);
    await until('the deferral', () => rig.isDeferred(), { evidence });
    expect(sink.recipients).not.toContain('fbl@example.edu');
  });
}

/** The command of an alias for abuse reports. */
export function complaintCommand(folder: string): string {
  return `${process.execPath} ${resolve('dist/cli/main.js')} complaint --pipe --folder ${folder}`;
}

interface Report {
  readonly verdicts: readonly { readonly rule: string }[];
  readonly backscatter: {
    readonly notices: readonly { readonly way: string; readonly count: number }[];
    readonly forged: readonly Json[];
    readonly returned: readonly Json[];
  };
}
