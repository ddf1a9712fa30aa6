/**
 * A process that logs refusals without a pause while its log is rotated; see watch.test.ts.
 *
 *     node watched-writer.mjs LOG rename|reopen-late|copytruncate ROTATIONS LINES
 *
 * Writes LINES numbered lines between two rotations. `rename`: as logrotate with `create`, the writer opens the new file
 * at once. `reopen-late`: it writes to the renamed file for a while, as rsyslog does until its HUP. `copytruncate`: the
 * log is copied and emptied.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  renameSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const [log, how, rotations, lines] = process.argv.slice(2);
let fd = openSync(log, 'a');
let written = 0;

function write() {
  const n = ++written;
  const stamp = new Date().toISOString().replace('Z', '+00:00');
  writeSync(
    fd,
    `${stamp} mx1 postfix/smtpd[9]: NOQUEUE: reject: RCPT from unknown[203.0.113.7]: 550 5.1.1 <r${n}@example.com>: Recipient address rejected: User unknown in local recipient table; from=<s@example.org> to=<r${n}@example.com> proto=ESMTP helo=<h>\n`,
  );
}

async function writeSome(count) {
  for (let line = 0; line < count; line++) {
    write();
    if (line % 10 === 0) await pause(1);
  }
}

function shift() {
  let last = 1;
  while (existsSync(`${log}.${last}`)) last++;
  for (; last > 1; last--) renameSync(`${log}.${last - 1}`, `${log}.${last}`);
}

function reopen() {
  closeSync(fd);
  fd = openSync(log, 'a');
}

async function rotate() {
  shift();
  if (how === 'copytruncate') {
    copyFileSync(log, `${log}.1`);
    truncateSync(log);
    return;
  }
  renameSync(log, `${log}.1`);
  closeSync(openSync(log, 'a'));
  if (how === 'reopen-late') await writeSome(30);
  reopen();
}

for (let rotation = 0; rotation < Number(rotations); rotation++) {
  await writeSome(Number(lines));
  await rotate();
}
await writeSome(Number(lines));
process.stdout.write(`${written}\n`);
