/**
 * fail2ban where it is installed: the lines that its own filters match (`fail2ban-regex`), counted with the numbers of
 * its jail.conf. All stories of one mail server are one log, since each run takes seconds to start.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Block } from './score.ts';
import type { Mta } from './story.ts';

const JAILS = '/etc/fail2ban/jail.conf';
/** The filters of the jails that belong to each mail server: `[postfix]` and `[postfix-sasl]`, `[exim]`. */
const FILTERS: Readonly<Record<Mta, readonly string[]>> = {
  postfix: ['postfix[mode=more]', 'postfix[mode=auth]'],
  exim: ['exim'],
};

/** `fail2ban 1.0.2`; undefined where it is not installed. */
export function fail2banVersion(): string | undefined {
  const { status, stdout } = spawnSync('fail2ban-regex', ['-V'], { encoding: 'utf8' });
  return status === 0 ? `fail2ban ${stdout.trim()}` : undefined;
}

/** Whom the jails ban in this log, the first time. */
export function playFail2ban(log: string, mta: Mta): Block[] {
  return FILTERS[mta].flatMap((filter) => bans(failures(log, filter)));
}

interface Failure {
  readonly address: string;
  readonly time: number;
}

function failures(log: string, filter: string): Failure[] {
  const args = ['--timezone', 'UTC', '--usedns', 'no', '-o', 'row', log, filter];
  const { stdout } = spawnSync('fail2ban-regex', args, { encoding: 'utf8', maxBuffer: 2 ** 29 });
  const rows = stdout.matchAll(/^\['(?<address>[^']+)',\s*(?<time>[\d.]+),/gm);
  return [...rows].map(({ groups }) => ({
    address: groups?.address as string,
    time: Number(groups?.time) * 1000,
  }));
}

/** `maxretry` failures within `findtime` ban an address. */
function bans(found: readonly Failure[]): Block[] {
  const { maxretry, findtime } = jailNumbers();
  const times = new Map<string, number[]>();
  const blocks: Block[] = [];
  for (const { address, time } of found) {
    const recent = (times.get(address) ?? []).filter((one) => one > time - findtime);
    recent.push(time);
    times.set(address, recent);
    if (recent.length < maxretry) continue;
    blocks.push({ key: `client:${address}`, time });
    times.delete(address);
  }
  return blocks;
}

/** The numbers of the section `[DEFAULT]`; minutes become ms. */
function jailNumbers(): { maxretry: number; findtime: number } {
  const text = readFileSync(JAILS, 'utf8');
  const maxretry = Number(/^maxretry\s*=\s*(\d+)/m.exec(text)?.[1] ?? 5);
  const minutes = Number(/^findtime\s*=\s*(\d+)m/m.exec(text)?.[1] ?? 10);
  return { maxretry, findtime: minutes * 60_000 };
}
