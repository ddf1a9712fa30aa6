/** `postern replay` beside the peers that are installed, and beside the floor. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { floor, LINES, ROUNDS, replay, table } from './contestants.ts';
import { writeLog } from './generate.ts';
import type { Contestant } from './measure.ts';

/** The first of these files that exists. */
function installed(...paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path));
}

function postfixPeers(log: string): Contestant[] {
  const peers: Contestant[] = [];
  const parser =
    process.env.SSHG_PARSER ??
    installed(
      '/usr/libexec/sshguard/sshg-parser',
      '/usr/lib/x86_64-linux-gnu/sshg-parser',
      '/usr/lib/sshguard/sshg-parser',
    );
  if (parser !== undefined) peers.push({ name: 'sshg-parser', argv: [parser], input: log });
  const summary = installed('/usr/sbin/pflogsumm', '/usr/bin/pflogsumm');
  if (summary !== undefined) peers.push({ name: 'pflogsumm', argv: [summary, log] });
  return peers;
}

export function throughput(folder: string): void {
  const postfix = join(folder, 'postfix.log');
  const exim = join(folder, 'exim.log');
  writeLog(postfix, { mta: 'postfix', lines: LINES });
  writeLog(exim, { mta: 'exim', lines: LINES });
  const peers = postfixPeers(postfix);
  table(
    'Postfix, 1,000,000 lines',
    LINES,
    [replay('postern replay', postfix), floor(postfix), ...peers],
    ROUNDS,
  );
  const ordinary = join(folder, 'ordinary.log');
  writeLog(ordinary, { mta: 'postfix', lines: LINES, mixture: 'ordinary' });
  table(
    'Postfix, 1,000,000 lines of an ordinary week',
    LINES,
    [replay('postern replay', ordinary), ...postfixPeers(ordinary)],
    ROUNDS,
  );
  const stats = process.env.EXIMSTATS ?? installed('/usr/sbin/eximstats');
  const eximPeers = stats === undefined ? [] : [{ name: 'eximstats', argv: ['perl', stats, exim] }];
  table(
    'Exim, 1,000,000 lines',
    LINES,
    [replay('postern replay', exim), floor(exim), ...eximPeers],
    ROUNDS,
  );
  const fail2ban = installed('/usr/bin/fail2ban-regex');
  if (fail2ban === undefined) return;
  const part = join(folder, 'part.log');
  writeLog(part, { mta: 'postfix', lines: LINES / 10 });
  table(
    'Postfix, 100,000 lines (fail2ban is too slow for more)',
    LINES / 10,
    [replay('postern replay', part), { name: 'fail2ban-regex', argv: [fail2ban, part, 'postfix'] }],
    1,
  );
}
