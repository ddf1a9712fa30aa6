/** Backup, restore and forget beside the running service, and killed in the middle. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY } from '../../src/base/time.ts';
import { openRecipientStore } from '../../src/store/recipients.ts';
import { Store } from '../../src/store/store.ts';
import { until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import { RULE } from '../support/rule.ts';
import { accepted, bounced } from './scratch.ts';

const PROGRAM = resolve('dist/cli/main.js');
let postern: Postern;
const at = (name: string) => join(postern.path, name);

beforeEach(() => {
  postern = setUpPostern(`logs: [ mail.log ]
database: db/postern.db
rules: rules
targets: { postfix: { user: { file: maps/sasl_access, type: texthash }, client: false, sender: false, uid: false, reload: [] } }
queue: { hold: false }
commands: { postconf: [ /nonexistent/postconf ] }
`);
  for (const name of ['db', 'maps', 'rules']) mkdirSync(at(name));
  writeFileSync(at('rules/rule.yaml'), RULE);
  writeFileSync(at('mail.log'), '');
});
afterEach(() => postern.remove());

const write = (...lines: string[]) =>
  appendFileSync(at('mail.log'), lines.map((line) => `${line}\n`).join(''));
const mails = (user: string, count: number, name = 'r') =>
  Array.from({ length: count }, (_, n) => bounced(user, `${name}${n}@example.org`)).flat();

function withStore<T>(work: (store: Store) => T, file = 'db/postern.db'): T {
  const store = new Store(at(file));
  try {
    return work(store);
  } finally {
    store.close();
  }
}
const count = (query: object = {}, file?: string) =>
  withStore((store) => [...store.events.query(query)].length, file);
const blocked = (file?: string) =>
  withStore((store) => store.blocks.allRunning().map(({ key }) => key.id), file);
const map = () => readFileSync(at('maps/sasl_access'), 'utf8');

async function started(): Promise<void> {
  await postern.start();
  write(...mails('alice@example.net', 6));
  await until('the block', () => existsSync(at('maps/sasl_access')) && map().includes('alice@'));
}

describe('backup and restore', () => {
  it('copy while the service writes, and put back what was, with the blocks of now', async () => {
    await started();
    const writing = setInterval(() => write(...accepted('carol@example.net')), 5);
    const backup = await postern.command('backup', at('copy.db'), '--format', 'json');
    clearInterval(writing);
    expect(backup).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(backup.stdout)).toMatchObject({ blocks: 1 });
    expect(statSync(at('copy.db')).mode & 0o777).toBe(0o600);
    expect(readdirSync(postern.path).filter((name) => name.startsWith('.copy'))).toEqual([]);

    const refused = await postern.command('restore', at('copy.db'));
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/postern runs as process \d+: stop it first/);

    // After the backup one block ends and another begins.
    expect((await postern.command('unblock', 'alice@example.net')).status).toBe(0);
    write(...mails('bob@example.net', 6));
    await until('the second block', () => map().includes('bob@'));
    await postern.stop();
    const events = count();
    expect(count({}, 'copy.db')).toBeLessThan(events);
    const restored = await postern.command('restore', at('copy.db'));
    expect(restored).toMatchObject({ status: 0, stderr: '' });
    expect(restored.stdout).toContain('is restored, with 1 running block.\n');
    expect(blocked()).toEqual(['bob@example.net']);
    expect(readdirSync(at('db')).filter((name) => name.includes('before-restore'))).toHaveLength(1);

    // The log is read on from where the backup was.
    await postern.start();
    await until('the log to be read again', () => count() === events);
    expect(blocked()).toEqual(['bob@example.net']);
    expect(map()).not.toContain('alice@');
    expect(map()).toContain('bob@');
  });

  it('of a lost database takes the blocks from the block files', async () => {
    await started();
    expect((await postern.command('backup', at('copy.db'))).status).toBe(0);
    write(...mails('bob@example.net', 6));
    await until('the second block', () => map().includes('bob@'));
    await postern.stop();
    writeFileSync(at('db/postern.db'), 'x'.repeat(5000));
    const restored = await postern.command('restore', at('copy.db'));
    expect(restored).toMatchObject({ status: 0 });
    expect(blocked().sort()).toEqual(['alice@example.net', 'bob@example.net']);
    await postern.start();
    expect((await postern.command('blocks', '--format', 'plain')).stdout).toBe(
      'alice@example.net\nbob@example.net\n',
    );
  });

  it('killed at any moment leave a sound database with its blocks', async () => {
    await started();
    expect((await postern.command('backup', at('copy.db'))).status).toBe(0);
    await postern.stop();
    for (const delay of [150, 220, 260, 300, 340, 400]) {
      const argv = [PROGRAM, 'restore', at('copy.db'), '--config', at('postern.yaml')];
      const child = spawn(process.execPath, argv, { stdio: 'ignore' });
      const timer = setTimeout(() => child.kill('SIGKILL'), delay);
      await once(child, 'exit');
      clearTimeout(timer);
      expect(withStore((store) => store.damage({ thorough: true }))).toBeUndefined();
      expect(blocked()).toEqual(['alice@example.net']);
    }
    expect(await postern.command('restore', at('copy.db'))).toMatchObject({
      status: 0,
      stderr: '',
    });
    await postern.start();
    expect((await postern.command('blocks', '--format', 'plain')).stdout).toBe(
      'alice@example.net\n',
    );
  });

  it('refuse what is no backup, and leave the database as it is', async () => {
    await started();
    await postern.stop();
    const before = count();
    writeFileSync(at('text'), 'SELECT 1');
    expect((await postern.command('restore', at('text'))).stderr).toContain(
      `${at('text')}: not a sound database; nothing was changed`,
    );
    expect(await postern.command('restore', at('none'))).toMatchObject({
      status: 1,
      stderr: `postern: ${at('none')}: cannot be read: ENOENT: no such file or directory\n`,
    });
    expect(await postern.command('backup', at('none/copy.db'))).toMatchObject({
      status: 1,
      stderr: `postern: ${at('none/copy.db')}: cannot write: the folder does not exist (ENOENT)\n`,
    });
    expect((await postern.command('backup', at('copy.db'))).status).toBe(0);
    const bytes = readFileSync(at('copy.db'));
    // All pages but the first: a few bytes of a page may be in use by nobody.
    bytes.fill(0xff, 4096);
    writeFileSync(at('broken.db'), bytes);
    const broken = await postern.command('restore', at('broken.db'));
    expect(broken.status).toBe(1);
    expect(broken.stderr).toContain('nothing was changed');
    expect((await postern.command('restore', at('missing'))).status).toBe(1);
    expect(count()).toBe(before);
    expect(readdirSync(at('db')).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('forget', () => {
  it('reaches the running service: later mail has the name, earlier has not, and the count goes on', async () => {
    await postern.start();
    write(...mails('bob@example.net', 4), ...bounced('alice@example.net', 'carol@example.org'));
    await until(
      'the events',
      () => existsSync(at('db/postern.db')) && count({ kinds: ['bounced'] }) === 5,
    );
    const done = await postern.command('forget', 'Bob@example.net', '--format', 'json');
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(done.stdout).events).toBeGreaterThan(7);
    expect(count({ sender: 'bob@example.net' })).toBe(0);
    expect(
      withStore((store) =>
        store.events.names.submittersLike({ type: 'user', id: 'bob@example.net' }),
      ),
    ).toEqual([]);
    // Bytes that were freed are overwritten, and the write-ahead log is empty.
    for (const name of readdirSync(at('db'))) {
      expect(readFileSync(join(at('db'), name), 'latin1')).not.toContain('bob@example.net');
    }
    write(...mails('bob@example.net', 1, 'later'));
    await until(
      'the later mail',
      () => count({ submitter: { type: 'user', id: 'bob@example.net' } }) > 0,
    );
    write(...mails('alice@example.net', 4));
    await until('the block', () => blocked().includes('alice@example.net'));
    const refused = await postern.command('forget', 'alice@example.net');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(
      'alice@example.net is blocked (block 1), and a block needs the name',
    );
    expect((await postern.command('forget', '192.0.2.7')).status).toBe(2);
    const mistyped = await postern.command('forget', 'alcie@example.net');
    expect(mistyped.stdout).toMatch(
      /^Nothing is stored of alcie@example\.net; is the name right\?/,
    );
  });

  it.each(['while the service runs', 'while it does not'])(
    'leaves the address in no byte of any file, %s',
    async (when) => {
      appendFileSync(
        at('postern.yaml'),
        `notify: { to: abuse@example.net, digest: 1s, smtp: { host: 127.0.0.1, port: 9 } }
hooks: [ { name: away, url: 'http://127.0.0.1:9/' } ]
milter: { recipients: { database: db/recipients.db, domains: [ { domain: example.org, servers: '[127.0.0.1]:9' } ] } }
`,
      );
      const bob = 'bob.mason@example.org';
      const answer = { address: bob, isValid: false, time: Date.now() };
      const { store } = openRecipientStore(at('db/recipients.db'), 1000);
      store.write([answer, { ...answer, address: 'other@example.org' }]);
      store.close();
      await postern.start();
      // Blocked by a rule, with evidence, a mail and a hook that wait; then released with a note about him.
      write(...mails(bob, 6), ...bounced('alice@example.net', bob));
      await until('the block', () => existsSync(at('maps/sasl_access')) && map().includes(bob));
      expect((await postern.command('unblock', bob)).status).toBe(0);
      await postern.command('block', 'carol@example.net', '--note', `as ${bob} asked`);
      // Messages that are still in the queue: his, and one to him.
      write(...bounced(bob, 'slow@example.org').slice(0, -1));
      write(...bounced('dave@example.net', bob).slice(0, -1));
      const open = () =>
        withStore((one) => one.erasure.countOpen({ names: [bob], replacement: '' }));
      await until('the open messages', () => open() === 2);
      await until('the mail', () =>
        withStore((one) => one.erasure.countRest({ names: [bob], replacement: 'x' }).mails > 1),
      );
      const before = { events: count(), blocked: blocked() };
      if (when !== 'while the service runs') await postern.stop();
      const { status, stdout, stderr } = await postern.command('forget', bob, '--format', 'json');
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const done = JSON.parse(stdout);
      expect(done).toMatchObject({ messages: 2, blocks: 2, recipients: 1, open: 0 });
      expect({ events: count(), blocked: blocked() }).toEqual(before);
      for (const [file, ...argv] of [
        ['events.csv', 'events', '--format', 'csv'],
        ['events.json', 'events', '--format', 'json'],
        ['blocks.csv', 'blocks', '--all', '--format', 'csv'],
        ['report.json', 'report', '--format', 'json'],
        ['recipients', 'recipients', 'export'],
      ] as const) {
        const exported = await postern.command(...argv);
        expect(exported.status).toBe(0);
        writeFileSync(at(`db/${file}`), exported.stdout);
      }
      expect((await postern.command('backup', at('db/copy.db'))).status).toBe(0);
      for (const name of readdirSync(at('db'))) {
        const text = readFileSync(join(at('db'), name), 'latin1').toLowerCase();
        const found = text.indexOf('bob.mason');
        const around = found < 0 ? '' : text.slice(Math.max(0, found - 300), found + 200);
        expect({ name, around }).toEqual({ name, around: '' });
      }
      // The messages go on: their next lines count for whom they counted before.
      if (when === 'while the service runs') {
        write(...bounced('alice@example.net', 'after@example.org'));
        await until('later events', () => count({ recipient: 'after@example.org' }) > 0);
        expect(withStore((one) => one.damage({ thorough: true }))).toBeUndefined();
      }
    },
  );

  it('killed at any moment leaves a sound database, and the next run finishes', async () => {
    await started();
    write(
      ...Array.from({ length: 60 }, () => bounced('dave@example.net', 'victim@example.com')).flat(),
    );
    await until('the events', () => count({ recipient: 'victim@example.com' }) >= 60);
    const before = count();
    for (const delay of [120, 200, 260, 320]) {
      const child = spawn(process.execPath, [
        PROGRAM,
        'forget',
        'victim@example.com',
        '--config',
        at('postern.yaml'),
      ]);
      const timer = setTimeout(() => child.kill('SIGKILL'), delay);
      await once(child, 'exit');
      clearTimeout(timer);
    }
    expect((await postern.command('forget', 'victim@example.com')).status).toBe(0);
    expect(count({ recipient: 'victim@example.com' })).toBe(0);
    expect(count()).toBe(before);
    expect(withStore((store) => store.damage({ thorough: true }))).toBeUndefined();
    expect(blocked()).toContain('alice@example.net');
  });
});

describe('an exception by command', () => {
  it('takes effect in the running service, ends the block, and can be undone', async () => {
    await started();
    const allowed = await postern.command(
      'allow',
      'alice@example.net',
      '--why',
      'newsletter of the club',
    );
    expect(allowed).toMatchObject({ status: 0, stderr: '' });
    expect(allowed.stdout).toContain('alice@example.net is never blocked from now on');
    expect(allowed.stdout).toContain('alice@example.net is no longer blocked (block 1).');
    await until('the reload', () => postern.log().split('"started"').length > 2);
    write(...mails('alice@example.net', 6, 'again'));
    await until('the verdict', () =>
      withStore((store) =>
        store.verdicts
          .findByKey({ type: 'user', id: 'alice@example.net' })
          .some(({ outcome }) => outcome === 'allowed'),
      ),
    );
    expect(blocked()).toEqual([]);
    // A rule that is told to leave somebody alone counts nothing.
    const excepted = await postern.command(
      'except',
      'invalid-recipients',
      'bob@example.net',
      '--why',
      'tests',
    );
    expect(excepted.status).toBe(0);
    await until('the second reload', () => postern.log().split('"started"').length > 3);
    write(...mails('bob@example.net', 8), ...mails('carol@example.net', 6));
    await until('the block of another', () => blocked().includes('carol@example.net'));
    expect(
      withStore((store) => store.verdicts.findByKey({ type: 'user', id: 'bob@example.net' })),
    ).toEqual([]);
    const undone = await postern.command(
      'except',
      'invalid-recipients',
      'bob@example.net',
      '--undo',
    );
    expect(undone.status).toBe(0);
    await until('the block after it', () => {
      write(...bounced('bob@example.net', `x${Math.random()}@example.org`));
      return blocked().includes('bob@example.net');
    });
  });
});

describe('pseudonyms', () => {
  it('take the place of recipients of old events, with a key that only the service can read', async () => {
    appendFileSync(at('postern.yaml'), 'privacy: { pseudonyms: 30d }\nretention: 90d\n');
    const old = {
      source: 'mail.log',
      line: 1,
      time: Date.now() - 60 * DAY,
      mta: 'postfix',
    } as const;
    withStore((store) =>
      store.commit(() =>
        store.events.insert(
          Array.from({ length: 30 }, (_, n) => ({
            ...old,
            offset: n,
            kind: 'bounced' as const,
            recipient: `r${n % 3}@example.org`,
            reply: `550 <r${n % 3}@example.org> unknown`,
          })),
        ),
      ),
    );
    await started();
    const isDone = () => count({ recipient: 'r1@example.org', until: old.time + 1 }) === 0;
    await postern.stop(); // an hour is too long to wait for the next round
    await postern.start();
    await until('the pseudonyms', isDone);
    const texts = withStore((store) => Array.from(store.events.query({}), ({ event }) => event));
    const renamed = texts.filter(({ recipient }) => recipient?.startsWith('pseudonym-'));
    expect(renamed).toHaveLength(30);
    expect(new Set(renamed.map(({ recipient }) => recipient)).size).toBe(3);
    expect(JSON.stringify(renamed)).not.toMatch(/r\d@example/);
    expect(count({ recipient: 'r1@example.org' })).toBe(1);
    expect(statSync(at('db/postern.db.pseudonyms')).mode & 0o777).toBe(0o600);
    // Whom it stands for can still be forgotten.
    const { stdout } = await postern.command('forget', 'r2@example.org', '--format', 'json');
    expect(JSON.parse(stdout).events).toBeGreaterThan(10);
    const left = withStore((store) =>
      [...store.events.query({})].filter(({ event }) => event.recipient?.startsWith('pseudonym-')),
    );
    expect(left).toHaveLength(20);
  });
});
