/** Mail that a blocked submitter has in the queue: held at once, again a little later, and in spite of failures. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { MINUTE, SECOND } from '../../src/base/time.ts';
import { Enforcer } from '../../src/daemon/enforcer.ts';
import { countHeld, listUnheld } from '../../src/daemon/held-queue.ts';
import { describeMeasures } from '../../src/daemon/in-force.ts';
import { buildPostfixTargets } from '../../src/enforce/postfix.ts';
import { buildPostfixQueue } from '../../src/enforce/queue.ts';
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
});
afterEach(() => {
  store.close();
  folder.remove();
});

/** What postsuper and the reload do from now on, as shell commands. */
function commands({ postsuper = 'true', reload = 'true' }): void {
  script(folder.at('postsuper'), `{ echo "$*"; cat; } >>'${folder.path}/asked'; ${postsuper}`);
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
    reload: [folder.at('reload')],
  });
  const { hold = true, timeout = 30_000 } = options;
  return new Enforcer({
    store,
    targets,
    configured: ['postfix.user'],
    reconcile: (request) => reconcile(targets, request),
    queue: hold ? buildPostfixQueue({ command: [folder.at('postsuper')], timeout }) : undefined,
    clock: { now: () => now },
    log: silentLog,
  });
}

let serial = 0;

/** A message whose line has been read: its queue ID. */
function queued(user: string): string {
  const queueId = (0xabcdef00 + ++serial).toString(16).toUpperCase();
  const submitter = { type: 'user', id: user } as const;
  store.state.saveMessages([{ host: 'mx1', queueId, touched: 1, submitter }], []);
  return queueId;
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
