/** The journal as a log: real journal files, the real journalctl, a real journald. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JournalFollower, type JournalFollowerOptions } from '../../src/follow/journal/follower.ts';
import type { JournalPosition } from '../../src/follow/journal/position.ts';
import { JournalFilter } from '../../src/follow/journal/selection.ts';
import { type FollowNotice, noticeText } from '../../src/follow/notice.ts';
import { Envelope } from '../../src/parse/envelope/envelope.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import {
  canRunJournald,
  type EntryFields,
  FIRST_SECOND,
  hasJournal,
  JOURNALCTL,
  smtpdEntry,
  startJournald,
  writeJournal,
} from '../support/journal.ts';

let folder: Folder;
let sessions: Session[];
let written: number;

beforeEach(() => {
  folder = scratchFolder('postern-journal-');
  mkdirSync(folder.at('journal'));
  sessions = [];
  written = 0;
});

afterEach(async () => {
  await Promise.all(sessions.map((session) => session.stop()));
  folder.remove();
});

const LIVE = () => folder.at('journal/remote.journal');

/** Writes as many messages, `m1`, `m2` and so on. */
function write(count: number): string[] {
  const numbers = Array.from({ length: count }, () => ++written);
  writeJournal(
    LIVE(),
    numbers.map((number) => smtpdEntry(number, { MESSAGE: `m${number}` })),
  );
  return numbers.map((number) => `m${number}`);
}

/** Renames the live file as journald names archived ones, which vacuuming deletes. */
function rotate(): void {
  const serial = `${readdirSync(folder.at('journal')).length}`.padStart(16, '0');
  const name = `remote@${'0123456789abcdef'.repeat(2)}-${serial}-${serial}.journal`;
  renameSync(LIVE(), folder.at(`journal/${name}`));
}

/** A follower that runs until it is stopped, and what it has given so far. */
class Session {
  readonly messages: string[] = [];
  readonly notices: FollowNotice[] = [];
  readonly follower: JournalFollower;
  position: JournalPosition | undefined;
  readonly #controller = new AbortController();
  readonly #done: Promise<void>;

  constructor(position?: JournalPosition, options: Partial<JournalFollowerOptions> = {}) {
    this.position = position;
    const stored = position && { position: JSON.parse(JSON.stringify(position)) };
    this.follower = new JournalFollower({
      source: {
        name: 'journal',
        units: ['postfix@-.service', 'postfix.service'],
        containers: [],
        directory: folder.at('journal'),
      },
      command: [JOURNALCTL],
      signal: this.#controller.signal,
      pollInterval: 20,
      onNotice: (notice) => this.notices.push(notice),
      ...stored,
      ...options,
    });
    this.#done = this.#run();
    sessions.push(this);
  }

  async #run(): Promise<void> {
    for await (const { lines, position } of this.follower) {
      for (const { bytes } of lines) this.messages.push(JSON.parse(bytes).MESSAGE);
      this.position = position;
    }
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await this.#done;
  }

  caughtUp(): Promise<unknown> {
    return until('the follower to catch up', () => this.follower.status().behind === 0);
  }

  got(count: number): Promise<unknown> {
    return until(`${count} messages`, () => this.messages.length >= count, {
      evidence: () => `${this.messages} ${this.notices.map(noticeText)}`,
    });
  }

  /** What it reports, in words. */
  get told(): string[] {
    return this.notices.map(noticeText);
  }
}

describe.runIf(hasJournal())('a journal', () => {
  it('gives every entry once, those there are and those that come', async () => {
    write(3);
    const session = new Session();
    await session.caughtUp();
    expect(session.messages).toEqual(['m1', 'm2', 'm3']);
    write(2);
    await session.got(5);
    expect(session.messages).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
    expect(session.told).toEqual([]);
  });

  it('is continued behind the stored cursor', async () => {
    write(3);
    const first = new Session();
    await first.got(3);
    await first.stop();
    write(2);
    const second = new Session(first.position);
    await second.got(2);
    await second.caughtUp();
    expect(second.messages).toEqual(['m4', 'm5']);
    expect(second.told).toEqual(['journal: continuing behind the entry that was read last']);
  });

  it('has lines whose places never repeat', async () => {
    write(2);
    const first = new Session();
    await first.got(2);
    await first.stop();
    write(1);
    const second = new Session(first.position);
    await second.got(1);
    expect(second.position).toMatchObject({ line: 4, cursor: expect.stringMatching(/^s=/) });
    expect(second.position?.offset).toBeGreaterThan(first.position?.offset ?? 0);
  });

  it('may be rotated while it is followed, and while it is not', async () => {
    write(2);
    const first = new Session();
    await first.got(2);
    rotate();
    write(2);
    await first.got(4);
    await first.stop();
    write(1);
    rotate();
    write(1);
    rotate();
    write(1);
    const second = new Session(first.position);
    await second.got(3);
    await second.caughtUp();
    expect([...first.messages, ...second.messages]).toEqual(
      Array.from({ length: 7 }, (_, index) => `m${index + 1}`),
    );
  });

  it('says when vacuuming has deleted what was not read', async () => {
    write(2);
    const first = new Session();
    await first.got(2);
    await first.stop();
    write(2);
    rotate();
    write(2);
    const vacuum = ['--directory', folder.at('journal'), '--vacuum-files=1'];
    expect(spawnSync(JOURNALCTL, vacuum).status).toBe(0);
    const second = new Session(first.position);
    await second.got(2);
    await second.caughtUp();
    expect(second.messages).toEqual(['m5', 'm6']);
    expect(second.told).toEqual([
      'journal: the entry that was read last is gone; continuing with the next one, what journald deleted in between is lost',
    ]);
  });

  it('loses nothing when vacuuming deletes what was read', async () => {
    write(2);
    rotate();
    write(2);
    const session = new Session();
    await session.got(4);
    rmSync(
      folder.at(`journal/${readdirSync(folder.at('journal')).find((name) => name.includes('@'))}`),
    );
    write(1);
    await session.got(5);
    expect(session.told).toEqual([]);
  });

  it('can begin at a time', async () => {
    write(4);
    const session = new Session(undefined, { since: (FIRST_SECOND + 3) * 1000 });
    await session.caughtUp();
    expect(session.messages).toEqual(['m3', 'm4']);
  });

  it('may be missing, and come and go', async () => {
    rmSync(folder.at('journal'), { recursive: true });
    const session = new Session();
    await until('a notice', () => session.notices.length > 0);
    expect(session.told).toEqual(['journal: does not exist; waiting for it']);
    expect(session.follower.status()).toMatchObject({ present: false, reading: undefined });
    mkdirSync(folder.at('journal'));
    write(1);
    await session.got(1);
    expect(session.follower.status()).toMatchObject({ present: true, failure: undefined });
  });

  it('is read again when journalctl has been killed or hangs', async () => {
    write(1);
    const session = new Session(undefined, { longestSilence: 50 });
    await session.got(1);
    for (let count = 2; count < 6; count++) {
      write(1);
      await session.got(count);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(session.messages).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
    expect(session.told).toEqual([]);
  });

  it.each([
    {
      what: 'there is no journalctl',
      command: ['/nonexistent/journalctl'],
      reason: '/nonexistent/journalctl cannot be started: ENOENT',
    },
    {
      what: 'the account may not read it',
      command: ['/usr/bin/setpriv', '--reuid=65534', '--clear-groups', JOURNALCTL],
      reason: 'this account may not read it; it needs the group systemd-journal',
    },
    {
      what: 'journalctl does not know an option',
      command: [JOURNALCTL, '--nonsense'],
      reason: "/usr/bin/journalctl: /usr/bin/journalctl: unrecognized option '--nonsense'",
    },
  ])('says once why it cannot be read: $what', async ({ command, reason }) => {
    write(1);
    chmodSync(LIVE(), 0o600);
    const session = new Session(undefined, { command, pollInterval: 1 });
    await until('a failure', () => session.follower.status().failure);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(session.told).toEqual([`journal: cannot be read (${reason}); will try again`]);
    expect(session.follower.status()).toMatchObject({ reading: undefined, failure: reason });
  });

  it('gives every entry once, whatever happens', { timeout: 60_000 }, async () => {
    const action = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('write'), count: fc.nat(5) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('rotate'), count: fc.constant(0) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart'), count: fc.constant(0) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 3, maxLength: 12 }), async (actions) => {
        rmSync(folder.at('journal'), { recursive: true });
        mkdirSync(folder.at('journal'));
        written = 0;
        let session = new Session();
        const read: string[] = [];
        for (const { kind, count } of actions) {
          if (kind === 'write' && count > 0) write(count);
          if (kind === 'rotate' && readdirSync(folder.at('journal')).includes('remote.journal'))
            rotate();
          if (kind !== 'restart') continue;
          await session.stop();
          read.push(...session.messages);
          session = new Session(session.position);
        }
        await session.got(written - read.length);
        await session.stop();
        read.push(...session.messages);
        expect(read).toEqual(Array.from({ length: written }, (_, index) => `m${index + 1}`));
      }),
      { numRuns: 8 },
    );
  });
});

describe('entries', () => {
  const accepts = (fields: EntryFields, selection: { containers?: string[]; uids?: string[] }) =>
    new JournalFilter({
      units: selection.containers === undefined ? ['postfix@*.service'] : [],
      containers: [],
      ...selection,
    }).accepts(smtpdEntry(0, fields));

  it.each<[string, EntryFields, { containers?: string[]; uids?: string[] }, boolean]>([
    ['of the unit', {}, {}, true],
    ['of another instance', { _SYSTEMD_UNIT: 'postfix@out.service' }, {}, true],
    ['of the unit, by a daemon with an account', { _UID: '110' }, {}, true],
    ['of the unit, by a .forward of a user', { _UID: '1000' }, {}, false],
    ['of the unit, by a .forward of a user of systemd-homed', { _UID: '60001' }, {}, false],
    ['of the unit, by a .forward of a user of a directory', { _UID: '1234567890' }, {}, false],
    ['of the unit, by a daemon with a number that systemd chose', { _UID: '61234' }, {}, true],
    ['of a shell that calls itself postfix', { _SYSTEMD_UNIT: 'session-1.scope' }, {}, false],
    ['of a unit with a longer name', { _SYSTEMD_UNIT: 'postfix@-.service.d' }, {}, false],
    ['without a unit', { _SYSTEMD_UNIT: undefined }, {}, false],
    [
      'that claim a unit in a field of their own',
      { _SYSTEMD_UNIT: 'cron.service', UNIT: 'postfix@-.service' },
      {},
      false,
    ],
    ['by a listed account', { _UID: '5000' }, { uids: ['5000'] }, true],
    ['by an account that is not listed', { _UID: '0' }, { uids: ['5000'] }, false],
    [
      'of a container',
      { CONTAINER_NAME: 'mx', _SYSTEMD_UNIT: 'docker.service' },
      { containers: ['mx'] },
      true,
    ],
    [
      'of another container',
      { CONTAINER_NAME: 'web', _SYSTEMD_UNIT: 'docker.service' },
      { containers: ['mx'] },
      false,
    ],
    [
      'by a user that claims to be a container',
      { CONTAINER_NAME: 'mx', _UID: '1000' },
      { containers: ['mx'] },
      false,
    ],
    [
      'of a container of podman without root',
      { CONTAINER_NAME: 'mx', _UID: '1000' },
      { containers: ['mx'], uids: ['1000'] },
      true,
    ],
  ])('%s', (_, fields, selection, expected) => {
    expect(accepts(fields, selection)).toBe(expected);
  });

  it.runIf(hasJournal())('of a listed ordinary user are read as lines', async () => {
    const message = '4F0A1B2C3D: removed';
    writeJournal(LIVE(), [smtpdEntry(1, { MESSAGE: message, _UID: '1000', CONTAINER_NAME: 'mx' })]);
    const source = { name: 'journal', units: [], containers: ['mx'], uids: ['1000'] };
    const controller = new AbortController();
    const options = { command: [JOURNALCTL], signal: controller.signal };
    const follower = new JournalFollower({
      source: { ...source, directory: folder.at('journal') },
      ...options,
    });
    for await (const { lines } of follower) {
      const [line] = lines;
      const read = line && new Envelope({ reference: 0, zone: 'UTC' }).read(line);
      expect(read).toMatchObject({ host: 'mx1', program: 'smtpd', pid: '811', text: message });
      controller.abort();
    }
  });
});

describe.runIf(canRunJournald())('journald', () => {
  it('may rotate, and drop what is too much', { timeout: 30_000 }, async () => {
    const journald = await startJournald(folder.at('journal'));
    const session = new Session();
    try {
      journald.log(['one', 'two']);
      await session.got(2);
      journald.rotate();
      await until(
        'a new file',
        () => spawnSync('find', [folder.path, '-name', 'system@*']).stdout.length > 0,
      );
      journald.log(['three']);
      await session.got(3);
      expect(session.messages).toEqual(['one', 'two', 'three']);
      journald.log(Array.from({ length: 200 }, (_, index) => `flood ${index}`));
      await new Promise((resolve) => setTimeout(resolve, 1200)); // RateLimitIntervalSec
      journald.log(['after the flood']);
      await until('the last message', () => session.messages.includes('after the flood'));
    } finally {
      await journald.stop();
    }
    expect(session.told).toEqual([
      expect.stringMatching(
        /^journal: journald dropped \d+ message\(s\) of postfix\.service; raise/,
      ),
    ]);
    const [dropped] = session.messages.filter((message) => message.startsWith('Suppressed'));
    const flood = session.messages.filter((message) => message.startsWith('flood')).length;
    expect(dropped).toBe(`Suppressed ${200 - flood} messages from postfix.service`);
  });
});
