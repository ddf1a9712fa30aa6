/** Mail that a blocked submitter has in the queue: held at once, again a little later, and in spite of failures. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { MINUTE, SECOND } from '../../src/base/time.ts';
import { Enforcer } from '../../src/daemon/enforcer.ts';
import { countHeld, listUnheld } from '../../src/daemon/held-queue.ts';
import { describeMeasures } from '../../src/daemon/in-force.ts';
import { findAndHold } from '../../src/daemon/queue-access.ts';
import { buildPostfixTargets } from '../../src/enforce/postfix.ts';
import { buildPostfixQueue } from '../../src/enforce/queue/postfix.ts';
import { reconcile } from '../../src/enforce/reconcile.ts';
import { Store } from '../../src/store/store.ts';
import { script } from '../enforce/real-postmap.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

const START = Date.UTC(2096, 10, 10);

let folder: Folder;
let store: Store;
let now = START;
beforeEach(() => {
  folder = scratchFolder();
  store = new Store(folder.at('x.db'));
  now = START;
  commands({});
  folder.write('queue', '');
});
afterEach(() => {
  store.close();
  folder.remove();
});

/** postcat that finds no submitter in any queue file. */
const NOBODY = `shift; for id in "$@"; do echo "*** ENVELOPE RECORDS deferred/0/$id ***"; done`;

/**
 * What postsuper, postqueue and the reload do from now on, as shell commands, before they do their work on the file
 * `queue`: a listing as postqueue prints it.
 */
function commands({
  postsuper = 'true',
  postqueue = 'true',
  postcat = NOBODY,
  reload = 'true',
}): void {
  const hold = `for id in $ids; do grep -q "$id" '${folder.path}/queue' || continue
    sed -i "/$id/s/deferred/hold/" '${folder.path}/queue'
    echo "postsuper: $id: placed on hold" >&2; done`;
  script(
    folder.at('postsuper'),
    `ids=$(cat); { echo "$*"; echo "$ids"; } >>'${folder.path}/asked'; ${postsuper} || exit 1; ${hold}`,
  );
  script(folder.at('postqueue'), `${postqueue} || exit 1; cat '${folder.path}/queue'`);
  script(folder.at('postcat'), postcat);
  script(folder.at('reload'), reload);
}

/** Queue IDs that postsuper was asked to hold, call by call; then forgotten. */
function asked(): string[][] {
  const calls = folder.read('asked').split('-h -\n').slice(1);
  folder.write('asked', '');
  return calls.map((call) => call.trim().split('\n'));
}

function enforcer(options: { hold?: boolean; timeout?: number } = {}): Enforcer {
  const targets = buildPostfixTargets({
    user: { file: folder.at('user'), type: 'texthash' },
    client: { file: folder.at('client'), type: 'cidr' },
    reload: [folder.at('reload')],
  });
  const { hold = true, timeout = 30_000 } = options;
  const command = (name: string) => [folder.at(name)];
  const queue = buildPostfixQueue(
    {
      postsuper: command('postsuper'),
      postqueue: command('postqueue'),
      postcat: command('postcat'),
      postconf: [],
    },
    timeout,
  );
  return new Enforcer({
    store,
    targets,
    configured: ['postfix.user', 'postfix.client'],
    reconcile: (request) => reconcile(targets, request),
    queue: hold ? findAndHold(queue, {}) : undefined,
    clock: { now: () => now },
    log: silentLog,
  });
}

let serial = 0;

/** A queued message whose line has been read: its queue ID. */
function queued(user: string, queue: 'deferred' | 'hold' = 'deferred'): string {
  const queueId = (0xabcdef00 + ++serial).toString(16).toUpperCase();
  const submitter = { type: 'user', id: user } as const;
  store.state.saveMessages([{ host: 'mx1', queueId, touched: 1, submitter }], []);
  const listed = { queue_name: queue, queue_id: queueId, arrival_time: 1, message_size: 1 };
  const line = JSON.stringify({ ...listed, sender: `${user}@example.net`, recipients: [] });
  folder.write('queue', `${folder.read('queue')}${line}\n`);
  return queueId;
}

/** An operator releases all that is on hold. */
function releaseAll(): void {
  folder.write('queue', folder.read('queue').replaceAll('"hold"', '"deferred"'));
}

/** The log says that the message was held. */
function logHeld(queueId: string): void {
  const place = { source: 'mail.log', line: 1, offset: ++serial };
  store.events.insert([
    { ...place, time: now, mta: 'postfix', host: 'mx1', kind: 'held', queueId },
  ]);
}

function block(id: string): number {
  return store.blocks.start({ key: { type: 'user', id }, cause: 'manual', start: now })?.id ?? 0;
}

const measures = (id: number) => describeMeasures(store, store.blocks.get(id)).join('\n');

describe('queued mail of a new block', () => {
  it('is held, also what was accepted before the block and read after it', async () => {
    const one = enforcer();
    const early = queued('alice');
    queued('bob');
    const id = block('alice');
    const { again } = await one.run();
    expect(asked()).toEqual([[early]]);
    expect(measures(id)).toContain('Held in the queue: 1 message.');
    const late = queued('alice');
    now += again ?? 0;
    expect(now).toBeLessThanOrEqual(START + 10 * SECOND);
    expect((await one.run()).again).toBeUndefined();
    expect(asked()).toEqual([[late]]);
    expect(countHeld(store, id)).toBe(2);
    now += MINUTE;
    queued('alice'); // the mail server holds it by itself
    await one.run();
    expect(asked()).toEqual([]);
  });

  it('is held by the next process when this one ends before', async () => {
    block('alice');
    await enforcer().run();
    const late = queued('alice');
    now += MINUTE;
    await enforcer().run();
    expect(asked()).toEqual([[late]]);
  });

  it('is held as it arrives while the mail server does not know the block', async () => {
    commands({ reload: 'exit 1' });
    const one = enforcer();
    block('alice');
    const ids: string[] = [];
    while (now < START + 20 * MINUTE) {
      now += (await one.run()).again ?? 0;
      ids.push(queued('alice'));
    }
    commands({});
    now += 5 * MINUTE;
    const { again = 0 } = await one.run();
    ids.push(queued('alice'));
    now += again;
    expect((await one.run()).again).toBeUndefined();
    expect(asked().flat()).toEqual(ids);
  });

  it('is left alone when the block ends, or the configuration says so', async () => {
    commands({ postsuper: 'exit 1' });
    const alice = block('alice');
    queued('alice');
    block('bob');
    queued('bob');
    await enforcer().run();
    expect(listUnheld(store)).toHaveLength(1);
    store.blocks.release(alice, now, 'operator', 0);
    now += MINUTE;
    await enforcer().run();
    expect(listUnheld(store)).toMatchObject([{ block: 2 }]);
    now += MINUTE;
    asked();
    await enforcer({ hold: false }).run();
    now += MINUTE;
    await enforcer().run();
    expect(listUnheld(store)).toEqual([]);
    expect(asked()).toEqual([]);
  });
});

describe('what an operator has released', () => {
  it('is not held again, though it was held at the block', async () => {
    const one = enforcer();
    const mail = queued('alice');
    block('alice');
    now += (await one.run()).again ?? 0;
    expect(asked()).toEqual([[mail]]);
    releaseAll();
    await one.run();
    expect(asked()).toEqual([]);
  });

  it('is not held again, though it was on hold before the block', async () => {
    const one = enforcer();
    queued('alice', 'hold');
    const id = block('alice');
    now += (await one.run()).again ?? 0;
    releaseAll();
    await one.run();
    expect(asked()).toEqual([]);
    expect(countHeld(store, id)).toBe(0);
  });

  it('is not held again, though it arrived and was held after the block', async () => {
    const one = enforcer();
    block('alice');
    now += (await one.run()).again ?? 0;
    logHeld(queued('alice')); // by the mail server; and released since
    const late = queued('alice');
    await one.run();
    expect(asked()).toEqual([[late]]);
  });

  it('is not held again, though postsuper failed on the way', async () => {
    commands({ postsuper: `sed -i 's/"deferred"/"hold"/' '${folder.path}/queue'; false` });
    const one = enforcer();
    const mail = queued('alice');
    block('alice');
    await one.run();
    expect(asked()).toEqual([[mail]]);
    logHeld(mail);
    releaseAll();
    commands({});
    now += MINUTE;
    await one.run();
    expect(asked()).toEqual([]);
  });
});

describe('mail that a content filter has handed back', () => {
  it('belongs to the user that the log names, not to the host of the filter', async () => {
    const one = enforcer();
    const user = queued('alice');
    const own = queued('-');
    commands({
      postcat: `shift; for id in "$@"; do echo "*** ENVELOPE RECORDS deferred/0/$id ***"
        echo 'sender: x'; echo 'named_attribute: client_address=192.0.2.9'; done`,
    });
    store.state.saveMessages([], [{ host: 'mx1', queueId: own }]);
    store.blocks.start({ key: { type: 'client', id: '192.0.2.9' }, cause: 'manual', start: now });
    await one.run();
    expect(asked()).toEqual([[own]]);
    block('alice');
    await one.run();
    expect(asked()).toEqual([[user]]);
  });
});

describe('the number of held messages', () => {
  it('is what postsuper held, not what it was asked for', async () => {
    const gone = queued('alice');
    queued('alice');
    commands({ postsuper: `sed -i '/${gone}/d' '${folder.path}/queue'` });
    const id = block('alice');
    await enforcer().run();
    expect(asked()[0]).toHaveLength(2);
    expect(countHeld(store, id)).toBe(1);
    expect(listUnheld(store)).toEqual([]);
  });
});

describe('a queue that cannot be listed', () => {
  it('is reported; what the log names is held all the same', async () => {
    commands({ postqueue: '{ echo "postqueue: fatal: no" >&2; exit 1; }' });
    const mail = queued('alice');
    const id = block('alice');
    await enforcer().run();
    expect(asked()).toEqual([[mail]]);
    expect(countHeld(store, id)).toBe(1);
    expect(listUnheld(store)).toMatchObject([{ failure: expect.stringContaining('fatal: no') }]);
  });

  it('in part is reported, and tried again', async () => {
    queued('alice');
    store.state.saveMessages([], [{ host: 'mx1', queueId: queued('bob') }]); // nobody knows whose
    block('alice');
    const one = enforcer();
    commands({ postcat: 'echo "postcat: fatal: no" >&2; exit 1' });
    now += (await one.run()).again ?? 0;
    expect(asked()).toHaveLength(1);
    expect(listUnheld(store)).toMatchObject([{ failure: expect.stringContaining('fatal: no') }]);
    commands({});
    await one.run();
    expect(listUnheld(store)).toEqual([]);
  });
});

describe('postsuper that fails', () => {
  it('is tried again less and less often, and reported until it has worked', async () => {
    commands({ postsuper: 'echo "postsuper: fatal: no" >&2; exit 1' });
    const one = enforcer();
    const mail = queued('alice');
    const id = block('alice');
    const pauses: number[] = [];
    while (pauses.length < 12) {
      const { again = 0 } = await one.run();
      pauses.push(again);
      now += again;
      expect(listUnheld(store)).toEqual([
        { block: id, failure: expect.stringContaining('fatal: no') },
      ]);
    }
    expect(pauses[0]).toBe(2 * SECOND);
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    expect(pauses.at(-1)).toBe(5 * MINUTE);
    expect(asked()).toEqual(Array(12).fill([mail]));
    expect(measures(id)).toMatch(/Queued mail is NOT held yet: .*fatal: no/);
    commands({});
    await enforcer().run();
    expect(asked()).toEqual([[mail]]);
    expect(listUnheld(store)).toEqual([]);
    expect(measures(id)).toContain('Held in the queue: 1 message.');
  });

  it('for one block does not stop the others, and a clock that is set back does not stop the retry', async () => {
    const bad = queued('alice');
    commands({ postsuper: `! tail -n 1 '${folder.path}/asked' | grep -q ${bad}` });
    const one = enforcer();
    block('alice');
    const good = queued('bob');
    block('bob');
    now += (await one.run()).again ?? 0;
    await one.run();
    expect(asked()).toEqual([[bad], [good]]);
    commands({});
    now -= 60 * MINUTE;
    await one.run();
    expect(asked()).toEqual([[bad]]);
  });

  it('and hangs delays a new block by one command', async () => {
    commands({ postsuper: 'sleep 600' });
    const one = enforcer({ timeout: 200 });
    for (const user of ['alice', 'bob', 'carol']) {
      queued(user);
      block(user);
    }
    await one.run();
    expect(asked()).toHaveLength(1);
    await one.run();
    await one.run();
    expect(listUnheld(store)).toHaveLength(3);
  });
});
