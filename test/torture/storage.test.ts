/**
 * The disk is full, or the database is locked, damaged or gone. The service must report it, keep what it had, recover by
 * itself, and never start with an empty database without a log line.
 */
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import { openStore } from '../support/database.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { Bench, bounceLines } from './bench.ts';
import { type SmallDisk, smallDisk } from './disk.ts';
import { generator, isLong, seed, sleep } from './form.ts';
import { type Installation, type InstallationOptions, install } from './process.ts';

console.log(`seed ${seed}`);
const random = generator(seed);

/** Takes what is to be closed when the test is over: the cases run side by side, since they mostly wait. */
type AtEnd = (close: () => void | Promise<void>) => void;

async function disk(
  atEnd: AtEnd,
  folder: Folder,
  name: string,
  kibibytes: number,
): Promise<SmallDisk | undefined> {
  const made = await smallDisk(folder.at(name), kibibytes);
  if (made !== undefined) atEnd(() => made.unmount());
  return made;
}

function scratch(atEnd: AtEnd): Folder {
  const folder = scratchFolder('postern-storage-');
  atEnd(() => folder.remove());
  return folder;
}

async function sinkAndPlace(
  atEnd: AtEnd,
  options: InstallationOptions = {},
): Promise<{ sink: Sink; place: Installation }> {
  const sink = await startSink();
  atEnd(() => sink.stop());
  const place = install({
    route: `smtp: { host: 127.0.0.1, port: ${sink.port} }`,
    extra: ['caps: { blocksPerHour: 100000 }'],
    ...options,
  });
  atEnd(() => place.remove());
  return { sink, place };
}

function bounces(user: string, count = 5): string {
  const lines = Array.from({ length: count }, () => bounceLines(user, new Date().toISOString()));
  return lines
    .flat()
    .map((line) => `${line}\n`)
    .join('');
}

const lists = ({ folder }: Installation, user: string) =>
  folder.read('maps/sasl_access').includes(`${user}\t`);

async function inForce(place: Installation, ...users: string[]): Promise<void> {
  const all = () => users.every((user) => lists(place, user));
  await until(`blocks of ${users}`, all, { timeout: 60_000, evidence: place.log });
}

async function content(place: Installation): Promise<void> {
  const isContent = async () => (await place.command('status')).status === 0;
  await until('status to be content', isContent, { timeout: 60_000, evidence: place.log });
}

async function problem(place: Installation, text: string): Promise<void> {
  const tells = async () => {
    const { status, stdout } = await place.command('status');
    return stdout.includes(text) && status === 1;
  };
  await until(`status to tell "${text}"`, tells, { timeout: 60_000, evidence: place.log });
}

describe.concurrent('a full disk', () => {
  it('under the database: the log waits, status tells, nothing is lost or told twice', async ({
    onTestFinished: atEnd,
  }) => {
    const folder = scratch(atEnd);
    const small = await disk(atEnd, folder, 'db', 4096);
    if (small === undefined) return;
    const { sink, place } = await sinkAndPlace(atEnd, { folder, database: 'db/postern.db' });
    folder.write('mail.log', bounces('alice@example.net'));
    place.start();
    await inForce(place, 'alice@example.net');
    small.fill();
    for (let user = 0; user < 60; user++) appendTo(place, bounces(`user${user}@example.net`, 6));
    await problem(place, 'cannot write to the database since');
    expect(place.log()).toContain('cannot write to the database, will try again');
    expect(place.isRunning).toBe(true);
    small.free();
    await inForce(place, ...Array.from({ length: 10 }, (_, user) => `user${user}@example.net`));
    await content(place);
    expect(place.log()).toContain('the database takes writes again');
    await sleep(2500); // the last digest
    await content(place);
    expect(await place.stop()).toBe(0);
    place.withStore((store, db) => {
      const kinds = [...store.events.query({ kinds: ['bounced'] })];
      expect(kinds).toHaveLength(5 + 60 * 6);
      expect(store.blocks.allRunning()).toHaveLength(61);
      const mails = db.prepare('SELECT message_id FROM mail').all();
      expect(sink.messages).toHaveLength(mails.length);
    });
  });

  it('under the block file: the old file stays whole, status tells, the new block follows', async ({
    onTestFinished: atEnd,
  }) => {
    const folder = scratch(atEnd);
    const small = await disk(atEnd, folder, 'maps', 64);
    if (small === undefined) return;
    const { place } = await sinkAndPlace(atEnd, { folder });
    folder.write('mail.log', bounces('alice@example.net'));
    place.start();
    await inForce(place, 'alice@example.net');
    const before = folder.read('maps/sasl_access');
    small.fill();
    appendTo(place, bounces('bob@example.net'));
    await problem(place, 'no space left');
    expect(folder.read('maps/sasl_access')).toBe(before);
    expect(readdirSync(folder.at('maps')).toSorted()).toEqual(['filler', 'sasl_access']);
    await sleep(4000);
    expect(place.log().split('block file not in force').length).toBeLessThan(8);
    small.free();
    await inForce(place, 'alice@example.net', 'bob@example.net');
    await content(place);
  });

  it('under postmap: the old index stays, status tells, the new one follows', async ({
    onTestFinished: atEnd,
  }) => {
    const folder = scratch(atEnd);
    const small = await disk(atEnd, folder, 'maps', 256);
    if (small === undefined || !existsSync('/usr/sbin/postmap')) return;
    folder.write('postfix/main.cf', 'compatibility_level = 3.6\n');
    const { place } = await sinkAndPlace(atEnd, {
      folder,
      postfix: [
        'user: { file: maps/sasl_access, type: hash }',
        `postmap: [ /usr/sbin/postmap, -c, ${folder.at('postfix')} ]`,
        'reload: []',
      ],
    });
    const size = () => statSync(folder.at('maps/sasl_access.db'), { throwIfNoEntry: false })?.size;
    folder.write('mail.log', bounces('alice@example.net'));
    place.start();
    await until('the index', size, { timeout: 60_000, evidence: place.log });
    await content(place);
    const index = readFileSync(folder.at('maps/sasl_access.db'));
    small.fill(12 * 1024); // room for the text and its copy, not for an index
    appendTo(place, bounces('bob@example.net'));
    await problem(place, 'postfix.user:');
    expect(readFileSync(folder.at('maps/sasl_access.db'))).toEqual(index);
    small.free();
    await content(place);
    expect(readFileSync(folder.at('maps/sasl_access.db'), 'latin1')).toContain('bob@example.net');
  });
});

/** Appending, so that the log is not taken for a new one. */
function appendTo({ folder }: Installation, text: string): void {
  const fd = openSync(folder.at('mail.log'), 'a');
  writeSync(fd, text);
  closeSync(fd);
}

describe.concurrent('a batch that cannot be committed', () => {
  it('is committed as it was when there is room: events, verdict, block', async ({
    onTestFinished: atEnd,
  }) => {
    const bench = new Bench();
    atEnd(() => bench.remove());
    const { store, db } = bench;
    const pages = db.pragma('page_count', { simple: true });
    db.pragma(`max_page_count = ${pages}`);
    const lines = Array.from({ length: 40 }, () =>
      bounceLines('alice@example.net', new Date(bench.now).toISOString()),
    ).flat();
    const fed = bench.feed(...lines);
    await sleep(600);
    expect([...store.events.query({})]).toEqual([]);
    expect(store.beside.read().failing?.error).toContain('full');
    db.pragma('max_page_count = 1000000');
    expect((await fed).map(({ outcome }) => outcome)).toEqual(['blocked']);
    expect([...store.events.query({ kinds: ['bounced'] })]).toHaveLength(40);
    expect(store.blocks.allRunning()).toHaveLength(1);
    expect(store.outbox.waiting()).toHaveLength(1);
    expect(store.beside.read().failing).toBeUndefined();
  });
});

describe.concurrent('a database that another process keeps', () => {
  const time = isLong ? 30_000 : 4000;

  it(`locked for ${time / 1000} s: the log waits, status tells, then all is there once`, async ({
    onTestFinished: atEnd,
  }) => {
    const { sink, place } = await sinkAndPlace(atEnd);
    place.folder.write('mail.log', bounces('alice@example.net'));
    place.start();
    await inForce(place, 'alice@example.net');
    const other = openDatabase(place.folder.at('postern.db'));
    atEnd(() => void other.close());
    other.exec('BEGIN IMMEDIATE');
    const begun = Date.now();
    appendTo(place, bounces('bob@example.net'));
    await problem(place, 'cannot write to the database since');
    await sleep(time - (Date.now() - begun));
    expect(lists(place, 'bob@example.net')).toBe(false);
    other.exec('ROLLBACK');
    await inForce(place, 'alice@example.net', 'bob@example.net');
    // In one mail or in two: it depends on whether alice's was on its way when the lock came.
    const told = (user: string) =>
      sink.messages.filter(({ data }) => data.includes(`${user} met the rule`)).length;
    const both = () => told('alice@example.net') > 0 && told('bob@example.net') > 0;
    await until('both notices', both, { timeout: 60_000 });
    await content(place);
    expect(await place.stop()).toBe(0);
    expect(place.withStore((store) => [...store.events.query({ kinds: ['bounced'] })].length)).toBe(
      10,
    );
    expect([told('alice@example.net'), told('bob@example.net')]).toEqual([1, 1]);
  });

  it('read for long: nobody waits, and the write-ahead log shrinks when the reader has gone', async ({
    onTestFinished: atEnd,
  }) => {
    const { place } = await sinkAndPlace(atEnd);
    place.folder.write('mail.log', bounces('alice@example.net'));
    place.start();
    await inForce(place, 'alice@example.net');
    const { store: reader, db } = openStore(place.folder.at('postern.db'));
    atEnd(() => reader.close());
    db.exec('BEGIN');
    reader.events.newest();
    const size = () => statSync(place.folder.at('postern.db-wal')).size;
    let users = 0;
    // How much one commit takes depends on the speed of the machine.
    for (; users < 60 || (users < 2000 && size() < 1_000_000); users++) {
      appendTo(place, bounces(`many${users}@example.net`, 40));
      await sleep(5);
    }
    await inForce(place, `many${users - 1}@example.net`);
    const grown = size();
    expect(grown).toBeGreaterThan(100_000);
    db.exec('COMMIT');
    for (let round = 0; round < 3; round++) {
      appendTo(place, bounces(`later${round}@example.net`, 40));
      await inForce(place, `later${round}@example.net`);
    }
    // Used anew from its beginning: it does not grow any more.
    expect(size()).toBeLessThanOrEqual(Math.max(grown, 67_108_864));
    db.exec('BEGIN');
    expect([...reader.events.query({ kinds: ['bounced'] })]).toHaveLength(5 + users * 40 + 120);
  });
});

describe.concurrent('a damaged database', () => {
  /** Two blocks in force and told, then stopped. */
  async function twoBlocks(atEnd: AtEnd, options: InstallationOptions = {}) {
    const { sink, place } = await sinkAndPlace(atEnd, options);
    place.folder.write('mail.log', bounces('alice@example.net') + bounces('bob@example.net', 3));
    place.start();
    await inForce(place, 'alice@example.net');
    expect((await place.command('block', '--note', 'ticket', 'carol@example.net')).status).toBe(0);
    await inForce(place, 'alice@example.net', 'carol@example.net');
    await until('the notice', () => sink.messages.length === 1, { timeout: 30_000 });
    await content(place);
    return { sink, place };
  }

  /** Every bit of a page turned over. */
  function flip(path: string, page: number): void {
    const fd = openSync(path, 'r+');
    const bytes = Buffer.alloc(4096);
    readSync(fd, bytes, 0, 4096, page * 4096);
    writeSync(
      fd,
      bytes.map((byte) => byte ^ 0xff),
      0,
      4096,
      page * 4096,
    );
    closeSync(fd);
  }

  async function rebuilt(place: Installation, sink: Sink, told: RegExp): Promise<void> {
    await until('the mail that tells', () => sink.messages.length === 2, {
      timeout: 60_000,
      evidence: place.log,
    });
    expect(sink.messages[1]?.data).toMatch(told);
    // What was counted before still counts: two more make five.
    appendTo(place, bounces('bob@example.net', 2));
    await inForce(place, 'alice@example.net', 'bob@example.net', 'carol@example.net');
    await until('the notice about bob', () => sink.messages.length === 3, { timeout: 60_000 });
    expect(await place.stop()).toBe(0);
    expect(sink.messages[2]?.data).toContain('bob@example.net');
    place.withStore((store) => {
      expect(store.blocks.allRunning()).toMatchObject([
        { id: 1, key: { type: 'user', id: 'alice@example.net' }, cause: 'invalid-recipients' },
        { id: 2, key: { type: 'user', id: 'carol@example.net' }, cause: 'manual' },
        { key: { type: 'user', id: 'bob@example.net' }, cause: 'invalid-recipients' },
      ]);
    });
  }

  it.for(isLong ? [0, 1, 2, 3, 4, 5] : [0, 1])(
    'at start (case %i): says so, sets it aside, rebuilds from block files and logs, tells',
    async (number, { onTestFinished: atEnd }) => {
      const { sink, place } = await twoBlocks(atEnd);
      expect(await place.stop()).toBe(0);
      const database = place.folder.at('postern.db');
      const pages = statSync(database).size / 4096;
      flip(database, number === 0 ? 0 : 1 + random(pages - 1));
      const file = place.folder.read('maps/sasl_access');
      place.start();
      await place.started();
      expect(place.log()).toContain('the database is damaged, beginning a new one');
      const aside = readdirSync(place.folder.path).filter((name) => name.includes('.corrupt-'));
      expect(aside).toHaveLength(1);
      expect(place.folder.read('maps/sasl_access')).toBe(file);
      await problem(place, 'the database was damaged and rebuilt');
      await rebuilt(place, sink, /the database was damaged and has been rebuilt/);
    },
  );

  it('that is gone is rebuilt in the same way', async ({ onTestFinished: atEnd }) => {
    const { sink, place } = await twoBlocks(atEnd);
    expect(await place.stop()).toBe(0);
    for (const end of ['', '-wal', '-shm'])
      rmSync(place.folder.at(`postern.db${end}`), { force: true });
    place.start();
    await place.started();
    await rebuilt(place, sink, /the database was lost and has been rebuilt/);
  });

  it('found so while the service runs: it ends with a clear message, the next start rebuilds', async ({
    onTestFinished: atEnd,
  }) => {
    const { sink, place } = await twoBlocks(atEnd);
    const database = place.folder.at('postern.db');
    const other = openDatabase(database);
    other.pragma('wal_checkpoint(TRUNCATE)');
    const pages = statSync(database).size / 4096;
    for (let page = 1; page < pages; page++) flip(database, page);
    // A write of somebody else makes the service read the file anew.
    try {
      other.pragma('user_version = 1');
      other.exec('CREATE TABLE another (x)');
    } catch {
      // It may meet the damage, too.
    }
    other.close();
    appendTo(place, bounces('dave@example.net', 1));
    expect(await place.ended()).toBe(1);
    expect(place.log()).toMatch(
      /postern: .*the database is damaged .* the next start sets it aside/,
    );
    place.start();
    await place.started();
    await rebuilt(place, sink, /the database was damaged and has been rebuilt/);
  });

  it('is not taken away from a service that runs', async ({ onTestFinished: atEnd }) => {
    const { place } = await twoBlocks(atEnd);
    const database = place.folder.at('postern.db');
    flip(database, 0);
    const inode = statSync(database).ino;
    const second = await place.command('run');
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/postern (already )?runs with/);
    expect(statSync(database).ino).toBe(inode);
    flip(database, 0);
  });

  it('of a newer version is left alone', async ({ onTestFinished: atEnd }) => {
    const { place } = await twoBlocks(atEnd);
    expect(await place.stop()).toBe(0);
    const database = place.folder.at('postern.db');
    place.withStore((_, db) => db.pragma('user_version = 999'));
    const bytes = readFileSync(database);
    const { status, stderr } = await place.command('run');
    expect(status).toBe(2);
    expect(stderr).toContain('install the newer Postern again');
    expect(readFileSync(database)).toEqual(bytes);
    expect(readdirSync(place.folder.path).filter((name) => name.includes('.corrupt-'))).toEqual([]);
    renameSync(database, `${database}.kept`);
  });
});
