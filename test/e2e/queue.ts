/**
 * The queue of a real mail server, the same for each: mail that was queued before Postern was installed, with no log
 * and no database; found by who handed it in, held, released, delivered, deleted. What Postern says is compared with
 * what the mail server's own listing says.
 */
import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { main } from '../../src/cli/commands.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Enforcer } from '../../src/daemon/enforcer.ts';
import { describeMeasures } from '../../src/daemon/in-force.ts';
import { buildMtaControl } from '../../src/daemon/mta-control.ts';
import { Store } from '../../src/store/store.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { type Sink, type SinkOptions, startSink } from '../support/sink.ts';

/** A message as the mail server's own listing has it. */
interface Listed {
  readonly queueId: string;
  readonly held: boolean;
  /** the mail server has it in its hands this moment; Exim's listing does not say */
  readonly isActive?: boolean;
  readonly sender: string;
  readonly recipients: readonly string[];
}

export interface QueueRig {
  /** lines of postern.yaml: mta, targets, commands */
  readonly yaml: string;
  /** the number of www-data, and how the log names that account */
  readonly account: { readonly uid: string; readonly logged: string };
  /** a queue ID of the right form that no message has */
  readonly unknownId: string;
  submit(user: string, sender: string, recipients: readonly string[]): Promise<unknown>;
  relay(address: string, sender: string, recipients: readonly string[]): Promise<unknown>;
  local(sender: string, recipients: readonly string[], message: string): Promise<unknown>;
  /** the mail server's own listing */
  list(): Promise<Listed[]>;
  /** holds or releases a message without Postern */
  hold(queueId: string): Promise<unknown>;
  log(): string;
  stop(): Promise<void>;
}

interface Message {
  readonly queueId: string;
  readonly held: boolean;
  readonly sender: string;
  readonly time: string;
  readonly size: number;
  readonly recipients: readonly { readonly address: string; readonly reason?: string }[];
  readonly reason?: string;
}

const ALICE = 'alice@example.net';
const BOB = 'bob@example.net';

/** Registers the tests; `start` gets the port of the sink. */
export function testQueue(start: (sinkPort: number) => Promise<QueueRig>): void {
  let sink: Sink;
  let rig: QueueRig;
  let folder: Folder;
  let isOpen = false;
  const sinkOptions: { -readonly [name in keyof SinkOptions]: SinkOptions[name] } = {};

  beforeAll(async () => {
    const busy = { code: 451, text: '4.3.2 come back later' };
    sinkOptions.onRecipient = () => (isOpen ? undefined : busy);
    sink = await startSink(sinkOptions);
    rig = await start(sink.port);
    folder = scratchFolder();
    folder.write('empty.log', '');
    folder.write('rules/x.yaml', RULE);
    writeFileSync(folder.at('postern.yaml'), configuration(rig));
  });
  afterAll(async () => {
    await rig?.stop();
    await sink?.stop();
    folder?.remove();
  });
  afterEach(async () => {
    isOpen = false;
    delete sinkOptions.delay;
    sink.clear();
    const ids = (await rig.list()).map(({ queueId }) => queueId);
    if (ids.length > 0) await postern('queue', '--delete', '--yes', ...ids);
    expect(await rig.list()).toEqual([]);
  });

  async function postern(...args: string[]): Promise<{ status: number; out: string; err: string }> {
    const out: string[] = [];
    const err: string[] = [];
    const io = {
      stdout: (text: string) => void out.push(text),
      stderr: (text: string) => void err.push(text),
      ask: answers.length === 0 ? () => undefined : () => answers.shift(),
    };
    const status = await main([...args, '--config', folder.at('postern.yaml')], io);
    return { status, out: out.join(''), err: err.join('') };
  }
  const answers: string[] = [];

  async function queue(...args: string[]): Promise<{ messages: Message[] }> {
    const { status, out, err } = await postern('queue', '--format', 'json', ...args);
    expect({ status, err }, rig.log()).toEqual({ status: 0, err: '' });
    return JSON.parse(out);
  }
  /** First recipients of the messages that Postern lists for these arguments. */
  const listed = async (...args: string[]) =>
    (await queue(...args)).messages.map(({ recipients }) => recipients[0]?.address).sort();
  /** Waits until the mail server lists mail to these recipients as deferred. */
  const queued = (...recipients: string[]) =>
    until(
      `mail to ${recipients}`,
      async () => {
        const list = await rig.list();
        const found = recipients.map((to) => list.find((m) => m.recipients.includes(to)));
        const isTried = recipients.every((to) => sink.recipients.includes(to));
        const isPutOff = found.every((mail) => mail !== undefined && mail.isActive !== true);
        return isTried && isPutOff && found.map((mail) => mail?.queueId as string);
      },
      { evidence: rig.log },
    );

  it('finds mail of every kind of submitter without log and database, and nobody else’s', async () => {
    await rig.submit(ALICE, ALICE, ['a1@example.org', 'a2@example.org']);
    await rig.submit(ALICE, 'forged@example.com', ['a3@example.org']);
    await rig.submit(BOB, BOB, ['b1@example.org']);
    await rig.relay('198.51.100.7', 'app@example.net', ['c1@example.org']);
    await rig.relay('198.51.100.8', ALICE, ['c2@example.org']);
    await rig.local('web@example.net', ['l1@example.org'], 'Subject: x\n\nx\n');
    await queued('a1@example.org', 'a3@example.org', 'b1@example.org', 'c1@example.org');
    await queued('c2@example.org', 'l1@example.org');
    expect(await listed(ALICE)).toEqual(['a1@example.org', 'a3@example.org']);
    expect(await listed('ALICE@Example.Net')).toEqual(['a1@example.org', 'a3@example.org']);
    expect(await listed(BOB)).toEqual(['b1@example.org']);
    expect(await listed('198.51.100.7')).toEqual(['c1@example.org']);
    expect(await listed('198.51.100.0/24')).toEqual(['c1@example.org', 'c2@example.org']);
    expect(await listed('198.51.100.0/29')).toEqual(['c1@example.org']);
    expect(await listed(`uid:${rig.account.uid}`)).toEqual(['l1@example.org']);
    expect(await listed(`uid:${rig.account.logged}`)).toEqual(['l1@example.org']);
    expect(await listed('uid:0')).toEqual([]);
    expect(await listed(`sender:${ALICE}`)).toEqual(['a1@example.org', 'c2@example.org']);
    expect(await listed(`sender:${ALICE} at 198.51.100.8`)).toEqual(['c2@example.org']);
    expect(await listed(BOB, '198.51.100.8')).toEqual(['b1@example.org', 'c2@example.org']);
    expect(await listed('carol@example.net')).toEqual([]);
  });

  it('shows what the mail server shows: ID, age, size, sender, recipients, state and why', async () => {
    await rig.submit(ALICE, ALICE, ['a1@example.org', 'a2@example.org']);
    const [id] = await queued('a1@example.org');
    await until('the reason', async () => {
      const [message] = (await queue(ALICE)).messages;
      const reasons = [message?.reason, ...(message?.recipients ?? []).map(({ reason }) => reason)];
      return reasons.join().includes('come back later');
    });
    const [message] = (await queue(ALICE)).messages;
    expect(message).toMatchObject({ queueId: id, held: false, sender: ALICE });
    expect(message?.recipients.map(({ address }) => address)).toEqual([
      'a1@example.org',
      'a2@example.org',
    ]);
    expect(message?.size).toBeGreaterThan(100);
    expect(Math.abs(Date.parse(message?.time ?? '') - Date.now())).toBeLessThan(120_000);
    const { out } = await postern('queue', ALICE);
    expect(out).toContain(`from <${ALICE}>\n`);
    expect(out).toContain('    to <a2@example.org>');
    expect(out).toMatch(/\n1 message in the queue, 0 held\.\n$/);
    expect(out).toContain(`${id}  `);
  });

  it('holds, releases and has delivered, and counts what the mail server did', async () => {
    await rig.submit(ALICE, ALICE, ['a1@example.org']);
    await rig.submit(ALICE, ALICE, ['a2@example.org']);
    await rig.submit(BOB, BOB, ['b1@example.org']);
    const [first = ''] = await queued('a1@example.org', 'a2@example.org', 'b1@example.org');
    await rig.hold(first);
    const held = await postern('queue', ALICE, '--hold');
    expect(held.out).toMatch(/\n1 message held, 1 held before\.\n$/);
    expect(held.status).toBe(0);
    const heldIds = (await rig.list()).filter((each) => each.held).map((each) => each.sender);
    expect(heldIds).toEqual([ALICE, ALICE]);
    expect((await postern('queue', ALICE, '--hold')).out).toMatch(
      /\n0 messages held, 2 held before\.\n$/,
    );
    expect((await postern('queue', ALICE)).out).toMatch(/2 messages in the queue, 2 held\.\n$/);
    isOpen = true;
    sink.clear();
    const released = await postern('queue', ALICE, '--release');
    expect(released.out, rig.log()).toMatch(/2 messages released\.\n/);
    expect(released.out).toMatch(/: 2 messages left the queue, 0 still there\.\n$/);
    expect(sink.recipients).toEqual(expect.arrayContaining(['a1@example.org', 'a2@example.org']));
    expect(await postern('queue', ALICE)).toMatchObject({
      status: 0,
      out: `No message of ${ALICE} is in the queue.\n`,
    });
  });

  it('says what is still there after a release, and why', async () => {
    await rig.submit(ALICE, ALICE, ['a1@example.org']);
    const [id] = await queued('a1@example.org');
    await postern('queue', ALICE, '--hold');
    const { out, status } = await postern('queue', ALICE, '--release');
    expect(out).toContain(`${id}  released\n1 message released.\n`);
    expect(out).toContain(': 0 messages left the queue, 1 still there.\n');
    expect(out).toContain('come back later');
    expect(status).toBe(0);
  });

  it('deletes after a question, and says what', async () => {
    await rig.submit(ALICE, ALICE, ['a1@example.org']);
    const [id] = await queued('a1@example.org');
    answers.push('n');
    expect(await postern('queue', ALICE, '--delete')).toMatchObject({ status: 1, out: '' });
    const unasked = await postern('queue', ALICE, '--delete');
    expect(unasked.status).toBe(2);
    expect(unasked.err).toContain('add --yes');
    expect(await rig.list()).toHaveLength(1);
    answers.push('y');
    const { status, out, err } = await postern('queue', ALICE, '--delete');
    expect({ status, out }).toEqual({ status: 0, out: `${id}  deleted\n1 message deleted.\n` });
    expect(err).toContain('    to <a1@example.org>');
    expect(await rig.list()).toEqual([]);
  });

  it('takes queue IDs, and one that no message has is no failure', async () => {
    await rig.submit(ALICE, ALICE, ['a1@example.org']);
    await rig.submit(BOB, BOB, ['b1@example.org']);
    const [a = '', b = ''] = await queued('a1@example.org', 'b1@example.org');
    expect(await listed(a, b, rig.unknownId)).toEqual(['a1@example.org', 'b1@example.org']);
    expect(await listed(`id:${a}`)).toEqual(['a1@example.org']);
    const none = await postern('queue', rig.unknownId, '--hold');
    expect(none).toMatchObject({ status: 0, err: '' });
    expect(none.out).toMatch(/^No message with the queue ID .* is in the queue\.\n$/);
    expect((await queue(a, '--hold')) as unknown).toEqual({
      action: 'hold',
      outcomes: [{ queueId: a, outcome: 'done' }],
    });
    expect((await rig.list()).filter(({ held }) => held).map(({ queueId }) => queueId)).toEqual([
      a,
    ]);
  });

  it('holds what is being delivered just now', async () => {
    sinkOptions.delay = 1500;
    const attempts = () => rig.log().split('come back later').length;
    const before = attempts();
    await rig.submit(ALICE, ALICE, ['a1@example.org']);
    await until('the delivery to begin', () => sink.recipients.includes('a1@example.org'));
    const { status, out } = await postern('queue', ALICE, '--hold');
    expect({ status, out }).toMatchObject({
      status: 0,
      out: expect.stringContaining('\n1 message held.'),
    });
    await until('the end of the attempt', () => attempts() > before, { evidence: rig.log });
    expect(await rig.list()).toMatchObject([{ held: true, recipients: ['a1@example.org'] }]);
  });

  it('does not deliver twice what was held under delivery', async () => {
    sinkOptions.delay = 1500;
    isOpen = true;
    const deliveries = () => rig.log().split(/status=sent| C="/).length;
    const before = deliveries();
    await rig.submit(ALICE, ALICE, ['a1@example.org']);
    await until('the delivery to begin', () => sink.recipients.includes('a1@example.org'));
    expect((await postern('queue', ALICE, '--hold')).status).toBe(0);
    await sink.messageTo('a1@example.org');
    await until('the log of the delivery', () => deliveries() > before);
    await postern('queue', ALICE, '--release');
    expect(await rig.list()).toEqual([]);
    expect(sink.messages).toHaveLength(1);
  });

  it('holds mail at a block that no log has named, and never again what was released', async () => {
    await rig.submit(ALICE, ALICE, ['a1@example.org']);
    await rig.submit(ALICE, 'forged@example.com', ['a2@example.org']);
    await rig.submit(BOB, BOB, ['b1@example.org']);
    await rig.relay('198.51.100.7', 'app@example.net', ['c1@example.org']);
    const [first = ''] = await queued('a1@example.org', 'a2@example.org', 'b1@example.org');
    await queued('c1@example.org');
    const store = new Store(folder.at('postern.db'));
    let now = Date.now();
    const config = loadConfig(folder.at('postern.yaml'));
    const options = { store, clock: { now: () => now }, log: silentLog };
    const enforcer = new Enforcer({ ...buildMtaControl(config), ...options });
    const block = (type: 'user' | 'client' | 'sender', id: string) =>
      store.blocks.start({ key: { type, id }, cause: 'manual', start: now });
    const held = async () =>
      (await rig.list()).flatMap((each) => (each.held ? each.recipients : [])).sort();
    try {
      const alice = block('user', ALICE);
      now += (await enforcer.run()).again ?? 0;
      expect(await held()).toEqual(['a1@example.org', 'a2@example.org']);
      expect(describeMeasures(store, store.blocks.get(alice?.id ?? 0))).toContain(
        'Held in the queue: 2 messages.',
      );
      await postern('queue', first, '--release');
      await rig.submit(ALICE, ALICE, ['a3@example.org']); // was being accepted at the block
      await queued('a3@example.org');
      await enforcer.run();
      expect(await held()).toEqual(['a2@example.org', 'a3@example.org']);
      block('client', '198.51.100.7');
      block('sender', BOB);
      await enforcer.run();
      expect(await held()).toEqual([
        'a2@example.org',
        'a3@example.org',
        'b1@example.org',
        'c1@example.org',
      ]);
    } finally {
      store.close();
    }
  });

  it('does not take a header for the envelope', async () => {
    const forged = [
      '-auth_id bob@example.net',
      'named_attribute: sasl_username=bob@example.net',
      'Received: by mx.example.net (Postfix, from userid 0)',
      '\tid 4ABCDEF012; Sun, 29 Nov 2026 20:54:38 +0000 (UTC)',
      '*** ENVELOPE RECORDS deferred/4/4ABCDEF012 ***',
    ];
    await rig.local('web@example.net', ['l1@example.org'], `${forged.join('\n')}\n\nx\n`);
    await queued('l1@example.org');
    expect(await listed(BOB)).toEqual([]);
    expect(await listed('uid:0')).toEqual([]);
    expect(await listed(`uid:${rig.account.logged}`)).toEqual(['l1@example.org']);
  });

  it('refuses what is neither a queue ID nor an identity', async () => {
    for (const wrong of ['id:ALL', 'id:-d', 'a b', '', '192.0.2.0/33']) {
      const { status, out } = await postern('queue', '--hold', '--', wrong);
      expect({ wrong, status, out }).toEqual({ wrong, status: 2, out: '' });
    }
  });
}

/** A rule, since there has to be one. */
export const RULE =
  'name: x\ndescription: d\ncount: invalid\nper: submitter\nlimit: 3\nperiod: 1h\naction: block\n';

/** postern.yaml in a folder with `rules` and `empty.log`. */
export function configuration({ yaml }: QueueRig): string {
  return `${yaml}
logs: [ empty.log ]
database: postern.db
rules: rules
`;
}
