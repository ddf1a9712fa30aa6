/**
 * The whole way with a real mail server, the same for each: mail to addresses that do not exist, the log, the
 * block, the MTA honouring it, the notice, and back. Each test builds on the one before, as an operator's day does.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import { type Sink, type SinkReply, startSink, unknownNobody } from '../support/sink.ts';

/** One mail server as this scenario needs it. */
export interface Rig {
  /** lines of postern.yaml: mta, logs, targets, commands */
  readonly yaml: string;
  /** port that takes mail for abuse@example.net */
  readonly port: number;
  /** files in which a blocked user and a blocked relay client stand */
  readonly files: { readonly user: string; readonly client: string };
  /** arguments with which `postern check` finds this instance */
  readonly check: readonly string[];
  submit(user: string, recipients: readonly string[]): Promise<unknown>;
  /** without authentication, from this address */
  relay(address: string, recipients: readonly string[]): Promise<unknown>;
  /** the mail server's own listing */
  queue(): Promise<
    { readonly queueId: string; readonly held: boolean; readonly recipients: readonly string[] }[]
  >;
  /** deletes a message without Postern */
  remove(queueId: string): Promise<unknown>;
  /** recipients of mail that is held or frozen */
  held(): Promise<string[]>;
  /** Applies the recipe of docs/mta. */
  wire(): Promise<void>;
  log(): string;
  stop(): Promise<void>;
}

const ALICE = 'alice@example.net';
const BOB = 'bob@example.net';
/** more than the limit of the shipped rule invalid-recipients */
const MANY = 110;

const addresses = (prefix: string) =>
  Array.from({ length: MANY }, (_, index) => `${prefix}${index}@example.org`);

type Send = (recipient: string) => Promise<unknown>;

/** Registers the tests; `start` gets the port of the sink. */
export function testPipeline(start: (sinkPort: number) => Promise<Rig>): void {
  let sink: Sink;
  let rig: Rig;
  let postern: Postern;
  let lateAnswer: SinkReply = { code: 450, text: '4.2.1 try again later' };

  beforeAll(async () => {
    const onRecipient = (recipient: string) =>
      recipient.startsWith('late') ? lateAnswer : unknownNobody(recipient);
    sink = await startSink({ onRecipient });
    rig = await start(sink.port);
    postern = setUpPostern(configuration(rig));
  });
  afterAll(async () => {
    await postern?.remove();
    await rig?.stop();
    await sink?.stop();
  });

  const evidence = () => `${postern.log()}\n${rig.log()}`;
  const blocked = (file: string, id: string, is = true) =>
    until(
      `${id} ${is ? 'in' : 'out of'} ${file}`,
      () => readFileSync(file, 'utf8').toLowerCase().includes(id) === is,
      { evidence },
    );
  let probes = 0;
  /** What becomes of one mail. */
  const fate = async (send: Send): Promise<'held' | 'delivered'> => {
    const recipient = `friend${++probes}@example.org`;
    await send(recipient);
    return until(
      `the fate of the mail to ${recipient}`,
      async () => {
        if (sink.recipients.includes(recipient)) return 'delivered';
        return (await rig.held()).includes(recipient) ? 'held' : false;
      },
      { evidence },
    );
  };
  /** Sends mail until it meets that fate: a changed file takes effect a moment later. From then on it stays so. */
  const settles = async (expected: 'held' | 'delivered', send: Send) => {
    await until(`mail to be ${expected}`, async () => (await fate(send)) === expected, {
      evidence,
    });
    expect(await fate(send)).toBe(expected);
  };
  const from = (user: string) => (recipient: string) => rig.submit(user, [recipient]);
  const command = async (...args: string[]) => {
    const result = await postern.command(...args);
    expect(result, evidence()).toMatchObject({ status: 0 });
    return result.stdout;
  };

  it('check finds the wiring that is missing, and is content with the recipe', async () => {
    const before = await postern.command('check', ...rig.check);
    expect(before.status, before.stdout + before.stderr).toBe(2);
    await postern.start();
    await rig.wire();
    const after = await postern.command('check', ...rig.check);
    expect(after.status, after.stdout + after.stderr).toBe(0);
  });

  it('blocks a user who goes over the limit, and the MTA holds the next mail', async () => {
    expect(await fate(from(ALICE))).toBe('delivered');
    await rig.submit(ALICE, addresses('nobody-a'));
    await blocked(rig.files.user, ALICE);
    await settles('held', from(ALICE));
  });

  it('leaves another user alone', async () => {
    expect(await fate(from(BOB))).toBe('delivered');
  });

  it('tells the abuse address, with the evidence', async () => {
    const mail = await sink.messageTo('abuse@example.net');
    expect(mail.data).toContain('Auto-Submitted: auto-generated');
    for (const text of [ALICE, 'invalid-recipients', 'nobody-a', '127.0.0.1', 'postern unblock']) {
      expect(mail.data).toContain(text);
    }
    expect(sink.messages.filter((m) => m.recipients.includes('abuse@example.net'))).toHaveLength(1);
  });

  it('delivers again after unblock', async () => {
    await command('unblock', ALICE);
    await blocked(rig.files.user, ALICE, false);
    await settles('delivered', from(ALICE));
  });

  it('takes a line that is deleted by hand as unblock', async () => {
    await command('block', ALICE);
    await settles('held', from(ALICE));
    const lines = readFileSync(rig.files.user, 'utf8').split('\n');
    writeFileSync(rig.files.user, lines.filter((line) => !line.includes(ALICE)).join('\n'));
    await until('the block to end', async () => !(await command('blocks')).includes(ALICE), {
      evidence,
    });
    await settles('delivered', from(ALICE));
  });

  it.each([
    ['198.51.100.7', '198.51.100.8'],
    ['2001:db8:1::7', '2001:db8:1::8'],
  ])('blocks the infected relay client %s', async (infected, healthy) => {
    await rig.relay(infected, addresses(`nobody-${infected.replaceAll(/[.:]/g, '-')}-`));
    await blocked(rig.files.client, infected);
    await settles('held', (recipient) => rig.relay(infected, [recipient]));
    expect(await fate((recipient) => rig.relay(healthy, [recipient]))).toBe('delivered');
  });

  it('counts a bounce for the right user that comes after a restart', async () => {
    await rig.submit(BOB, addresses('late-b'));
    await until('the deferral', () => sink.recipients.includes('late-b109@example.org'), {
      evidence,
    });
    await until(
      'the deferral to be stored',
      async () => (await command('events')).includes('late-b109'),
      {
        evidence,
      },
    );
    await postern.stop();
    lateAnswer = { code: 550, text: '5.1.1 User unknown' };
    await until('the bounce', () => /late-b109@example\.org.* 550 5\.1\.1/.test(rig.log()), {
      evidence,
    });
    await postern.start();
    await blocked(rig.files.user, BOB);
  }, 60_000);
}

function configuration(rig: Rig): string {
  return `${rig.yaml}
database: postern.db
trustedNetworks: [ 198.51.100.0/24, "2001:db8:1::/64" ]
notify:
  to: abuse@example.net
  from: postern@example.net
  smtp: { host: 127.0.0.1, port: ${rig.port} }
  digest: 1s
`;
}
