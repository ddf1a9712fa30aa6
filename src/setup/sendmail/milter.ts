/** Whether Sendmail asks the milter, as its sendmail.cf says. Does not see whether Sendmail was restarted since. */
import { readFileSync } from 'node:fs';
import { getMessage } from '../../base/errors.ts';
import {
  formatListenAddress,
  type ListenAddress,
  parseMilterAddress,
} from '../../base/listen-address.ts';
import type { MilterConfig } from '../../config/load.ts';
import { type Finding, ok, warning, wrong } from '../finding.ts';

export const SENDMAIL_CONFIG = '/etc/mail/sendmail.cf';

/** One `X` line: `Xpostern, S=local:/run/postern-milter/milter, F=T, T=C:5s;S:5s;R:60s;E:5m`. */
interface Filter {
  readonly name: string;
  readonly socket: string;
  readonly flags: string;
}

export function checkSendmailMilter(file: string, { listen }: MilterConfig): Finding[] {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    return [wrong('milter', getMessage(error), 'name it: --sendmail-config FILE')];
  }
  const used = readUsed(text);
  const ours = readFilters(text).filter(({ socket }) => isOneOf(socket, listen));
  const filter = ours.find(({ name }) => used.includes(name));
  if (filter === undefined) {
    const name = ours[0]?.name;
    const problem =
      name === undefined
        ? 'does not name the milter'
        : `defines ${name}, which InputMailFilters does not list`;
    const fix = `add this to sendmail.mc, make sendmail.cf, restart Sendmail:\n${filterLine(listen[0] as ListenAddress)}`;
    return [wrong('milter', `${file} ${problem}`, fix)];
  }
  return [ok('milter', `Sendmail asks ${filter.socket}`), ...checkFilter(filter)];
}

function checkFilter({ name, socket, flags }: Filter): Finding[] {
  const findings: Finding[] = [];
  if (/@\[[\d.]+\]$/.test(socket))
    findings.push(
      wrong(
        'milter',
        `Sendmail 8.17 cannot connect to ${socket}`,
        `write the address without brackets: S=${socket.replace(/[[\]]/g, '')}`,
      ),
    );
  if (flags === '')
    findings.push(
      warning(
        'milter',
        `while the milter is down, Sendmail takes mail as if there were none: ${name} has no F=`,
        'F=T: Sendmail then tells clients to come again',
      ),
    );
  return findings;
}

/** `INPUT_MAIL_FILTER` for sendmail.mc. Sendmail waits 10 s for a reply unless told otherwise. */
function filterLine(address: ListenAddress): string {
  const socket =
    address.kind === 'unix' ? `local:${address.path}` : `inet:${address.port}@${address.host}`;
  return `INPUT_MAIL_FILTER(\`postern', \`S=${socket}, F=T, T=C:5s;S:5s;R:60s;E:5m')`;
}

/** `O InputMailFilters=a, b`; the last one counts. */
function readUsed(text: string): string[] {
  const value = [...text.matchAll(/^O InputMailFilters=(.*)$/gm)].at(-1)?.[1] ?? '';
  return value.split(/[,;\s]+/).filter((name) => name !== '');
}

function readFilters(text: string): Filter[] {
  return [...text.matchAll(/^X([^\s,]+)(,.*)$/gm)].map(([, name = '', equates = '']) => {
    const value = (key: string) =>
      new RegExp(`,\\s*${key}=\\s*([^,]*?)\\s*(?=,|$)`).exec(equates)?.[1] ?? '';
    return { name, socket: value('S'), flags: value('F') };
  });
}

function isOneOf(socket: string, listen: readonly ListenAddress[]): boolean {
  const address = parseMilterAddress(socket);
  if (address === undefined) return false;
  const wanted = listen.map(plainText);
  return wanted.includes(plainText(address));
}

function plainText(address: ListenAddress): string {
  return formatListenAddress(address).replace('inet:localhost:', 'inet:127.0.0.1:');
}
