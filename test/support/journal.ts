/** Journals of systemd for the tests: files written by systemd-journal-remote, and a real journald in a namespace. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { until } from './folder.ts';

const WRITER = '/lib/systemd/systemd-journal-remote';
const JOURNALD = '/lib/systemd/systemd-journald';
export const JOURNALCTL = '/usr/bin/journalctl';

/** Whether journals can be written here. Where the end-to-end tests are required, they must be. */
export function hasJournal(): boolean {
  return process.env.POSTERN_E2E === 'required' || existsSync(WRITER);
}

export type EntryFields = Readonly<Record<string, string | undefined>>;

/** Seconds since the epoch of the first entry, 2026-11-01T09:00:00Z. */
export const FIRST_SECOND = 1_793_523_600;
const BOOT = '0123456789abcdef0123456789abcdef';

/** The fields of a line that smtpd logs, as journald keeps them; `second` counts from FIRST_SECOND. */
export function smtpdEntry(second: number, fields: EntryFields): EntryFields {
  return {
    __REALTIME_TIMESTAMP: `${FIRST_SECOND + second}000000`,
    __MONOTONIC_TIMESTAMP: `${second + 1}000000`,
    _BOOT_ID: BOOT,
    _TRANSPORT: 'syslog',
    _HOSTNAME: 'mx1',
    _UID: '0',
    _PID: '811',
    _SYSTEMD_UNIT: 'postfix@-.service',
    SYSLOG_FACILITY: '2',
    SYSLOG_IDENTIFIER: 'postfix/smtpd',
    SYSLOG_PID: '811',
    ...fields,
  };
}

/** Adds entries to a journal file, which is made if there is none. */
export function writeJournal(file: string, entries: readonly EntryFields[]): void {
  const input = Buffer.concat(entries.map(renderExport));
  const { status, stderr } = spawnSync(WRITER, [`--output=${file}`, '-'], { input });
  if (status !== 0) throw new Error(`${WRITER}: ${stderr}`);
}

/** The export format, with nearly every value as binary data (systemd.journal-export(7)), so that it may hold anything. */
function renderExport(fields: EntryFields): Buffer {
  const parts = Object.entries(fields).flatMap(([key, value]) => {
    if (value === undefined) return [];
    if (key.startsWith('__') || key === '_BOOT_ID') return [Buffer.from(`${key}=${value}\n`)];
    const data = Buffer.from(value, 'latin1');
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(data.length));
    return [Buffer.from(`${key}\n`), length, data, Buffer.from('\n')];
  });
  return Buffer.concat([...parts, Buffer.from('\n')]);
}

export interface Journald {
  /** Logs lines as postfix/smtpd of postfix.service. */
  log(lines: readonly string[]): void;
  /** What `journalctl --rotate` does: begins a new file. */
  rotate(): void;
  stop(): Promise<void>;
}

const CGROUPS = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) =>
  existsSync(`${path}/cgroup.procs`),
);
const SLICE = `${CGROUPS}/system.slice`;

/** Whether a journald can run in a namespace of its own, and see the unit of a process by its control group. */
export function canRunJournald(): boolean {
  if (!hasJournal() || process.getuid?.() !== 0 || CGROUPS === undefined) return false;
  return !existsSync(SLICE) && existsSync('/usr/bin/unshare');
}

/** journald with its files in `folder`. It drops what is more than some ten messages in a second. */
export async function startJournald(folder: string): Promise<Journald> {
  const unit = `${SLICE}/postfix.service`;
  mkdirSync(unit, { recursive: true });
  const script = `
    mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/log/journal
    mount --bind ${folder} /run/log/journal
    mount -t tmpfs tmpfs /etc/systemd
    printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\nRateLimitIntervalSec=1s\\nRateLimitBurst=5\\nForwardToSyslog=no\\n' > /etc/systemd/journald.conf
    ${JOURNALD} & echo $!
    while ! [ -S /run/systemd/journal/dev-log ]; do sleep 0.02; done
    (echo 0 > ${unit}/cgroup.procs; exec logger --socket /run/systemd/journal/dev-log -t postfix/smtpd -p mail.info)
    kill $!; wait $!`;
  const shell = spawn('unshare', ['--mount', 'sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const pid = Number(await new Promise((resolve) => shell.stdout.once('data', resolve)));
  await until('journald to begin', () => readdirSync(folder).length > 0);
  return {
    log: (lines) => void shell.stdin.write(`${lines.join('\n')}\n`),
    rotate: () => void process.kill(pid, 'SIGUSR2'),
    stop: () => stop(shell, unit),
  };
}

async function stop(shell: ChildProcess, unit: string): Promise<void> {
  shell.stdin?.end();
  await new Promise((resolve) => shell.once('exit', resolve));
  for (const path of [unit, SLICE]) rmdirSync(path);
}
