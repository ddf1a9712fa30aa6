import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Follower,
  type FollowerOptions,
  type FollowNotice,
  type FollowPosition,
} from '../../src/follow/follower.ts';
import { isFollowPosition } from '../../src/follow/position.ts';
import type { Line } from '../../src/model/line.ts';

let folder: string;
let log: string;
let open: Follower[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-follow-'));
  log = join(folder, 'mail.log');
});

afterEach(async () => {
  await Promise.all(open.map((follower) => follower.close()));
  open = [];
  rmSync(folder, { recursive: true, force: true });
});

/** A follower that the test polls, with the lines and notices it has given. */
class Session {
  readonly lines: Line[] = [];
  readonly notices: FollowNotice[] = [];
  readonly follower: Follower;
  position: FollowPosition | undefined;

  constructor(options: Partial<FollowerOptions> = {}) {
    this.position = options.position;
    this.follower = new Follower({
      path: log,
      signal: new AbortController().signal,
      grace: 0,
      watch: false,
      onNotice: (notice) => this.notices.push(notice),
      ...options,
    });
    open.push(this.follower);
  }

  /** All lines that there are now, as texts. */
  async read(): Promise<string[]> {
    const start = this.lines.length;
    for (;;) {
      const batch = await this.follower.poll();
      if (batch === undefined) return this.lines.slice(start).map((line) => line.bytes);
      this.lines.push(...batch.lines);
      this.position = JSON.parse(JSON.stringify(batch.position));
      expect(isFollowPosition(this.position)).toBe(true);
    }
  }

  /** Stops, and starts again from the last position. */
  async restart(between: () => void = () => {}): Promise<Session> {
    await this.follower.close();
    between();
    return new Session(this.position === undefined ? {} : { position: this.position });
  }

  get said(): string[] {
    return this.notices.map((notice) => notice.kind);
  }
}

function add(text: string, path = log): void {
  appendFileSync(path, text, 'latin1');
}

function compress(path: string): void {
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
  rmSync(path);
}

/** `.1` becomes `.2` and so on, the log `.1`. */
function rotate(): void {
  for (let number = 9; number > 0; number--) {
    for (const name of readdirSync(folder)) {
      if (name !== `mail.log.${number}` && name !== `mail.log.${number}.gz`) continue;
      renameSync(join(folder, name), join(folder, name.replace(`.${number}`, `.${number + 1}`)));
    }
  }
  renameSync(log, `${log}.1`);
}

describe('a growing log', () => {
  test('lines come once, a partial line when it is whole', async () => {
    add('a\nb\npar');
    const session = new Session();
    expect(await session.read()).toEqual(['a', 'b']);
    add('tial');
    expect(await session.read()).toEqual([]);
    add('\r\nc\n');
    expect(await session.read()).toEqual(['partial', 'c']);
    expect(session.lines.map(({ source, line, offset }) => [source, line, offset])).toEqual([
      [log, 1, 0],
      [log, 2, 2],
      [log, 3, 4],
      [log, 4, 13],
    ]);
  });

  test('small batches say how much is behind them', async () => {
    add('one\ntwo\nthree\n');
    const session = new Session({ maxBatchBytes: 5 });
    const behind: number[] = [];
    for (let batch = await session.follower.poll(); batch; batch = await session.follower.poll()) {
      behind.push(batch.behind);
    }
    expect(behind).toEqual([14, 9, 4, 0]);
    add('four\n');
    expect(session.follower.status()).toMatchObject({
      present: true,
      behind: 5,
      failure: undefined,
      reading: log,
    });
  });

  test('from the end: only what comes later, with true line numbers', async () => {
    add('a\nb\nhalf ');
    const session = new Session({ from: 'end' });
    expect(await session.read()).toEqual([]);
    add('line\n');
    expect(await session.read()).toEqual(['half line']);
    expect(session.lines[0]).toMatchObject({ line: 3, offset: 4 });
  });

  test('from the end, stopped before the first line: nothing written meanwhile is missed', async () => {
    add('old\n');
    const session = new Session({ from: 'end' });
    await session.read();
    const next = await session.restart(() => {
      add('new\n');
      rotate();
      add('newer\n');
    });
    expect(await next.read()).toEqual(['new', 'newer']);
  });

  test('a line that is too long is cut and reported', async () => {
    add(`${'x'.repeat(200_000)}\nnext\n`);
    const session = new Session();
    expect((await session.read()).map((text) => text.length)).toEqual([65_536, 4]);
    expect(session.lines[1]).toMatchObject({ line: 2, offset: 200_001 });
    expect(session.notices).toEqual([
      { kind: 'line-too-long', path: log, file: log, line: 2, count: 1 },
    ]);
  });
});

describe('rename rotation', () => {
  test('the old file is read to its end, then the new one from its beginning', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    add('b\nlast');
    rotate();
    add('c\n');
    expect(await session.read()).toEqual(['b', 'last', 'c']);
    expect(session.lines.at(-1)).toMatchObject({ source: log, line: 1, offset: 0 });
    expect(session.notices).toEqual([{ kind: 'rotated', path: log, from: `${log}.1`, to: log }]);
  });

  test('what is written to the renamed file before its writer turns to the new one is read', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    rotate();
    writeFileSync(log, '');
    expect(await session.read()).toEqual([]);
    add('late\n', `${log}.1`);
    expect(await session.read()).toEqual(['late']);
    add('new\n');
    expect(await session.read()).toEqual(['new']);
  });

  test('several writers: the renamed file must give nothing for the grace period', async () => {
    add('a\n');
    let now = statSync(log).mtimeMs + 10;
    const session = new Session({ grace: 1000, clock: { now: () => now } });
    await session.read();
    rotate();
    add('new\n');
    expect(await session.read()).toEqual([]);
    now += 900;
    add('late\n', `${log}.1`);
    utimesSync(`${log}.1`, now / 1000, now / 1000);
    expect(await session.read()).toEqual(['late']);
    now += 900;
    expect(await session.read()).toEqual([]);
    now += 200;
    expect(await session.read()).toEqual(['new']);
  });

  test('a clock that is set back: the grace period begins again', async () => {
    add('a\n');
    let now = statSync(log).mtimeMs + 10;
    const session = new Session({ grace: 1000, clock: { now: () => now } });
    await session.read();
    rotate();
    add('new\n');
    expect(await session.read()).toEqual([]);
    now -= 3_600_000;
    expect(await session.read()).toEqual([]);
    now += 999;
    expect(await session.read()).toEqual([]);
    now += 1;
    expect(await session.read()).toEqual(['new']);
  });

  test('two rotations between two looks, and an empty file among them', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    rotate();
    add('b\n');
    rotate();
    writeFileSync(log, '');
    rotate();
    add('c\n');
    expect(await session.read()).toEqual(['b', 'c']);
    expect(session.lines.map((line) => line.source)).toEqual([log, `${log}.2`, log]);
  });

  test('several rotations and compression while down', async () => {
    add('a\nb\n');
    const session = new Session({ maxBatchBytes: 2 });
    await session.follower.poll();
    const first = await session.follower.poll();
    expect(first?.lines.map((line) => line.bytes)).toEqual(['a']);
    session.position = first?.position;
    const next = await session.restart(() => {
      add('c\nend');
      rotate();
      add('d\n');
      compress(`${log}.1`);
      rotate();
      add('e\n');
      rotate();
      add('f\n');
      compress(`${log}.2`);
    });
    expect(await next.read()).toEqual(['b', 'c', 'end', 'd', 'e', 'f']);
    expect(next.lines.map(({ source, line, offset }) => [source, line, offset])).toEqual([
      [`${log}.3.gz`, 2, 2],
      [`${log}.3.gz`, 3, 4],
      [`${log}.3.gz`, 4, 6],
      [`${log}.2.gz`, 1, 0],
      [`${log}.1`, 1, 0],
      [log, 1, 0],
    ]);
    expect(next.said).toEqual(['resumed', 'rotated', 'rotated', 'rotated']);
  });

  test.each([
    ['logrotate dateext', ['mail.log-20261108.gz', 'mail.log-20261109', 'mail.log-20261110']],
    [
      'logrotate dateformat with hours',
      ['mail.log-2026110923.gz', 'mail.log-2026111000', 'mail.log-2026111001'],
    ],
    ['logrotate extension', ['mail-20261108.log.gz', 'mail-20261109.log.gz', 'mail-20261110.log']],
    ['numbers with extension', ['mail.3.log', 'mail.2.log.gz', 'mail.1.log']],
    ['exicyclog', ['mail.log.12.gz', 'mail.log.02.gz', 'mail.log.01']],
    ['BSD numbers from 0', ['mail.log.2.gz', 'mail.log.1.gz', 'mail.log.0']],
  ])('names: %s', async (_, names) => {
    add('a\n');
    const session = new Session();
    await session.read();
    const next = await session.restart(() => {
      add('b\n');
      for (const [index, name] of names.entries()) {
        const plain = join(folder, name.replace(/\.gz$/, ''));
        renameSync(log, plain);
        if (name.endsWith('.gz')) compress(plain);
        add(`after ${index}\n`);
      }
      add('not a log of ours\n', `${log}.old`);
      add('nor this\n', join(folder, 'mail.logger.1'));
    });
    expect(await next.read()).toEqual(['b', 'after 0', 'after 1', 'after 2']);
  });

  test('a stop right after a rotation, before the new file has a line', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    rotate();
    writeFileSync(log, '');
    await session.read();
    const next = await session.restart(() => {
      add('b\n');
      rotate();
      compress(`${log}.1`);
      add('c\n');
    });
    expect(await next.read()).toEqual(['b', 'c']);
  });

  test('other device numbers after a reboot', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    session.position = { ...(session.position as FollowPosition), device: '4711', inode: '1' };
    const next = await session.restart(() => add('b\n'));
    expect(await next.read()).toEqual(['b']);
  });
});

describe('copytruncate', () => {
  test('while running: the rest is read from the copy', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    add('b\n');
    copyFileSync(log, `${log}.1`);
    truncateSync(log);
    add('c\n');
    expect(await session.read()).toEqual(['b', 'c']);
    expect(session.lines.map((line) => line.source)).toEqual([log, `${log}.1`, log]);
    expect(session.notices[0]).toEqual({
      kind: 'truncated',
      path: log,
      offset: 2,
      copy: `${log}.1`,
    });
  });

  test('grown beyond the old place before the next look', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    writeFileSync(log, 'much longer than before\nagain\n');
    expect(await session.read()).toEqual(['much longer than before', 'again']);
    expect(session.notices).toEqual([{ kind: 'truncated', path: log, offset: 2 }]);
    expect(session.lines[1]).toMatchObject({ line: 1, offset: 0 });
  });

  test('while down, then the copy compressed', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    const next = await session.restart(() => {
      add('b\n');
      copyFileSync(log, `${log}.1`);
      compress(`${log}.1`);
      writeFileSync(log, 'a line that is longer\n');
    });
    expect(await next.read()).toEqual(['b', 'a line that is longer']);
  });

  test('a partial line that was read before the file was emptied is not joined to the next one', async () => {
    add('a\npart');
    const session = new Session();
    await session.read();
    writeFileSync(log, 'whole line\n');
    expect(await session.read()).toEqual(['whole line']);
  });
});

describe('a log that comes and goes', () => {
  test('missing, then there', async () => {
    const session = new Session();
    expect(await session.read()).toEqual([]);
    expect(await session.read()).toEqual([]);
    expect(session.said).toEqual(['waiting']);
    expect(session.follower.status()).toMatchObject({ present: false, reading: undefined });
    add('a\n');
    expect(await session.read()).toEqual(['a']);
  });

  test('missing at a start from the end: then everything in it is new', async () => {
    const session = new Session({ from: 'end' });
    await session.read();
    add('a\n');
    expect(await session.read()).toEqual(['a']);
  });

  test('deleted and created again: the rest of the deleted file, then the new one', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    add('b\n');
    rmSync(log);
    expect(await session.read()).toEqual(['b']);
    expect(session.said).toEqual(['waiting']);
    add('c\n');
    expect(await session.read()).toEqual(['c']);
  });

  test('deleted while down: reports what is lost, and reads the rest', async () => {
    add('old\n', `${log}.1`);
    add('a\n');
    const session = new Session();
    await session.read();
    const next = await session.restart(() => {
      rmSync(log);
      add('b\n');
      rotate();
      add('c\n');
    });
    expect(await next.read()).toEqual(['b', 'c']);
    expect(next.notices[0]).toEqual({
      kind: 'lost',
      path: log,
      file: log,
      offset: 2,
      next: `${log}.1`,
    });
  });

  test('rotated away for good while down: all that changed since is read', async () => {
    add('older\n', `${log}.1`);
    add('a\n');
    const session = new Session();
    await session.read();
    const next = await session.restart(() => {
      rmSync(`${log}.1`);
      rmSync(log);
      add('b\n', `${log}.2`);
      add('c\n', `${log}.1`);
      add('d\n');
      // the rotations have the same distance from each other and from the stop
      session.position = { ...(session.position as FollowPosition), modified: 1 };
    });
    expect(await next.read()).toEqual(['b', 'c', 'd']);
    expect(next.said).toContain('lost');
  });

  test('same inode, another content while down', async () => {
    add('a\nb\n');
    const session = new Session();
    await session.read();
    const next = await session.restart(() => writeFileSync(log, 'x\ny\nz\n'));
    expect(await next.read()).toEqual(['x', 'y', 'z']);
  });

  test('a symbolic link: its target is followed, rotated and switched', async () => {
    const [first, second] = [join(folder, 'a', 'first.log'), join(folder, 'b', 'second.log')];
    mkdirSync(join(folder, 'a'));
    mkdirSync(join(folder, 'b'));
    symlinkSync(first, log);
    const session = new Session();
    expect(await session.read()).toEqual([]);
    add('a\n', first);
    expect(await session.read()).toEqual(['a']);
    add('b\n', first);
    renameSync(first, `${first}.1`);
    add('c\n', first);
    expect(await session.read()).toEqual(['b', 'c']);
    const next = await session.restart(() => {
      add('d\n', first);
      add('e\n', second);
      rmSync(log);
      symlinkSync(second, log);
    });
    expect(await next.read()).toEqual(['d', 'e']);
    add('f\n', second);
    expect(await next.read()).toEqual(['f']);
  });
});

describe('a log that cannot be read', () => {
  test.each([
    ['folder', () => mkdirSync(log)],
    ['FIFO', () => spawnSync('mkfifo', [log])],
    ['device', () => spawnSync('mknod', [log, 'c', '1', '5'])], // /dev/zero has no end
  ])('a %s in its place, then a file', async (kind, make) => {
    make();
    const session = new Session();
    await session.read();
    await session.read();
    expect(session.notices).toMatchObject([
      { kind: 'unreadable', path: log, file: log, skipped: false },
    ]);
    expect(session.follower.status().failure).toBe(`it is a ${kind}, not a file`);
    rmSync(log, { recursive: true });
    add('a\n');
    expect(await session.read()).toEqual(['a']);
    expect(session.follower.status().failure).toBeUndefined();
  });

  test('the file after a rotation: reported once, and the failure ends when it can be read', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    rotate();
    mkdirSync(log);
    for (let times = 0; times < 3; times++) expect(await session.read()).toEqual([]);
    expect(session.said).toEqual(['unreadable']);
    expect(session.follower.status()).toMatchObject({
      present: true,
      failure: 'it is a folder, not a file',
    });
    rmSync(log, { recursive: true });
    add('b\n');
    expect(await session.read()).toEqual(['b']);
    expect(session.follower.status().failure).toBeUndefined();
  });

  test('a name that leads nowhere: the failure ends with it, before the next line', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    rotate();
    symlinkSync(log, log);
    await session.read();
    await session.read();
    expect(session.said).toEqual(['unreadable']);
    expect(session.follower.status().failure).toMatch(/^ELOOP/);
    rmSync(log);
    add('');
    await session.read();
    expect(session.follower.status().failure).toBeUndefined();
    symlinkSync(log, `${log}.new`);
    renameSync(`${log}.new`, log);
    await session.read();
    expect(session.said).toEqual(['unreadable', 'unreadable']);
  });

  test('the status reports nothing and changes nothing', async () => {
    symlinkSync(log, log);
    const session = new Session();
    expect(session.follower.status()).toMatchObject({ present: false, failure: undefined });
    expect(session.said).toEqual([]);
  });

  test('a link to itself', async () => {
    symlinkSync(log, log);
    const session = new Session();
    await session.read();
    expect(session.said).toEqual(['unreadable']);
    rmSync(log);
    add('a\n');
    expect(await session.read()).toEqual(['a']);
  });

  test('without permission: a notice, and it continues where it was once it has permission', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    const next = await session.restart(() => add('b\n'));
    chmodSync(folder, 0o755);
    chmodSync(log, 0);
    // root may read everything, so another account has to try
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      expect(await next.read()).toEqual([]);
      expect(await next.read()).toEqual([]);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    expect(next.said).toEqual(['unreadable']);
    chmodSync(log, 0o600);
    expect(await next.read()).toEqual(['b']);
  });

  test('a damaged gzip file in between: its whole lines, a notice, then the next file', async () => {
    add('a\n');
    const session = new Session();
    await session.read();
    const next = await session.restart(() => {
      add('b\n');
      add('c\n'.repeat(100_000));
      const packed = gzipSync(readFileSync(log));
      writeFileSync(`${log}.1.gz`, packed.subarray(0, packed.length - 20));
      rmSync(log);
      add('new\n');
    });
    const lines = await next.read();
    expect([lines[0], lines.at(-1)]).toEqual(['b', 'new']);
    expect(next.notices).toContainEqual(
      expect.objectContaining({ kind: 'unreadable', file: `${log}.1.gz`, skipped: true }),
    );
  });
});

test('a damaged gzip file without a whole line is skipped once', async () => {
  const session = new Session();
  await session.read();
  writeFileSync(`${log}.1.gz`, gzipSync('part of a line').subarray(0, -8));
  add('a\n');
  expect(await session.read()).toEqual(['a']);
  add('b\n');
  expect(await session.read()).toEqual(['b']);
  expect(session.said.filter((kind) => kind === 'unreadable')).toEqual(['unreadable']);
});

describe('as it runs', () => {
  /** Runs a follower until `enough` says so. */
  async function follow(
    options: Partial<FollowerOptions>,
    enough: (lines: readonly Line[]) => boolean,
  ): Promise<Line[]> {
    const controller = new AbortController();
    const lines: Line[] = [];
    const follower = new Follower({ path: log, signal: controller.signal, ...options });
    for await (const batch of follower) {
      lines.push(...batch.lines);
      if (enough(lines)) controller.abort();
    }
    return lines;
  }

  test('events wake it: each line comes at once, none by the timer', async () => {
    add('0\n');
    const started = performance.now();
    const lines = await follow({ pollInterval: 60_000, grace: 0 }, (all) => {
      if (all.length === 10) rotate();
      // Later, when it has nothing to read and waits.
      if (all.length > 0 && all.length < 20) setTimeout(() => add(`${all.length}\n`), 5);
      return all.length === 20;
    });
    expect(lines.map((line) => line.bytes)).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('without events the timer does', async () => {
    const lines = await follow({ watch: false, pollInterval: 5 }, (all) => {
      if (all.length < 3) setTimeout(() => add(`${all.length}\n`), 1);
      return all.length === 3;
    });
    expect(lines.length).toBe(3);
  });

  test('a successor that cannot be read is tried once per interval', async () => {
    add('a\n');
    const controller = new AbortController();
    const pollInterval = 200;
    const tries: number[] = [];
    // The clock is read once each time that the file might be finished.
    const now = () => {
      tries.push(performance.now());
      if (tries.length === 4) controller.abort();
      return Number.MAX_SAFE_INTEGER;
    };
    const { signal } = controller;
    const follower = new Follower({
      path: log,
      signal,
      watch: false,
      pollInterval,
      clock: { now },
    });
    for await (const batch of follower) {
      if (batch.lines.length === 0) continue;
      rotate();
      mkdirSync(log);
    }
    const [first = 0, last = 0] = [tries[0], tries.at(-1)];
    expect(last - first).toBeGreaterThan(2.5 * pollInterval);
  });

  test('aborting while it waits ends the iteration and closes everything', async () => {
    const list = '/proc/self/fd';
    const descriptors = () => (existsSync(list) ? readdirSync(list).length : 0);
    const before = descriptors();
    add('a\n');
    const controller = new AbortController();
    const follower = new Follower({ path: log, signal: controller.signal, pollInterval: 60_000 });
    let batches = 0;
    for await (const batch of follower) {
      batches += batch.lines.length;
      if (batch.lines.length > 0) setImmediate(() => controller.abort());
    }
    expect(batches).toBe(1);
    await new Promise(setImmediate);
    expect(descriptors()).toBeLessThanOrEqual(before + 1); // chokidar's inotify instance may stay open
  });

  test('a writer that rotates and compresses as fast as it can', async () => {
    const script = join(folder, 'writer.cjs');
    writeFileSync(script, WRITER);
    const writer = spawn(process.execPath, [script, log, '12000', '400'], { stdio: 'inherit' });
    const lines = await follow(
      { grace: 20, pollInterval: 20, maxBatchBytes: 4096 },
      (all) => all.at(-1)?.bytes === 'the end',
    );
    expect(lines.map((line) => line.bytes)).toEqual([
      ...Array.from({ length: 12_000 }, (_, n) => `line ${n}`),
      'the end',
    ]);
    writer.kill();
  });
});

/** Writes each line at once, rotates every few lines, and compresses the file before the last one as gzip does. */
const WRITER = `
const fs = require('node:fs');
const { gzipSync } = require('node:zlib');
const [, , log, count, every] = process.argv;
let fd = fs.openSync(log, 'a');
for (let n = 0; n < Number(count); n++) {
  fs.writeSync(fd, 'line ' + n + '\\n');
  if (n % Number(every) !== Number(every) - 1) continue;
  for (let old = 60; old > 0; old--) {
    for (const end of ['', '.gz']) {
      if (fs.existsSync(log + '.' + old + end)) fs.renameSync(log + '.' + old + end, log + '.' + (old + 1) + end);
    }
  }
  fs.renameSync(log, log + '.1');
  fs.closeSync(fd);
  fd = fs.openSync(log, 'a');
  if (!fs.existsSync(log + '.2')) continue;
  fs.writeFileSync(log + '.2.gz', gzipSync(fs.readFileSync(log + '.2')));
  fs.rmSync(log + '.2');
}
fs.writeSync(fd, 'the end\\n');
`;
