/**
 * The printed fix of each finding of Exim, made in the configuration as the fix says: Exim takes it, the finding ends, and
 * mail for somebody who exists still goes through.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { audit } from '../../src/audit/audit.ts';
import type { Finding } from '../../src/audit/finding.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { AuditId } from '../../src/model/audit.ts';
import { eximProgram, hasExim } from '../support/exim.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { run } from '../support/server.ts';

const CASES = new URL('cases/exim/', import.meta.url).pathname;
const VERB = /^\s*(?:accept|defer|deny|discard|drop|require|warn)\b/;

/** Lines of the configuration, the place of the finding (from 0), and the lines of Exim in its fix. */
interface Edit {
  readonly lines: readonly string[];
  readonly at: number;
  readonly fix: readonly string[];
  readonly text: string;
}
type MakeFix = (edit: Edit) => readonly string[];

/** Where the statement at `at` ends. */
function endOf(lines: readonly string[], at: number): number {
  const length = lines.slice(at + 1).findIndex((line) => VERB.test(line) || line.trim() === '');
  return at + 1 + length;
}

const putBefore: MakeFix = ({ lines, at, fix }) => lines.toSpliced(at, 0, ...fix);
const putBehindLabel: MakeFix = ({ lines, at, fix }) => lines.toSpliced(at + 1, 0, ...fix);
const removeStatement: MakeFix = ({ lines, at }) => lines.toSpliced(at, endOf(lines, at) - at);
const removeLine: MakeFix = ({ lines, at }) => lines.toSpliced(at, 1);
const setOption: MakeFix = ({ lines, at, text }) =>
  lines.toSpliced(at, 1, text.replace(' (the default)', ''));
const replaceCondition: MakeFix = ({ lines, at, text }) =>
  lines.with(at, (lines[at] as string).replace(/dnslists = .*/, text));
const denyForWarn: MakeFix = ({ lines, at }) =>
  lines.with(at, (lines[at] as string).replace('warn', 'deny'));
/** `move this statement behind FILE:LINE` */
const moveBehind: MakeFix = ({ lines, at, text }) => {
  const end = endOf(lines, at);
  const target = endOf(lines, Number(/:(\d+)$/.exec(text)?.[1]) - 1);
  return [
    ...lines.slice(0, at),
    ...lines.slice(end, target),
    ...lines.slice(at, end),
    ...lines.slice(target),
  ];
};
/** `remove NETWORK from the list` */
const removeItem: MakeFix = ({ lines, at, text }) => {
  const item = /^remove (\S+) from/.exec(text)?.[1] as string;
  return lines.with(at, (lines[at] as string).replace(new RegExp(`\\s*:?\\s*${item}`), ' '));
};
const putBeforeFirst =
  (pattern: RegExp): MakeFix =>
  ({ lines, fix }) =>
    lines.toSpliced(
      lines.findIndex((line) => pattern.test(line)),
      0,
      ...fix,
    );

const FIXES: readonly (readonly [name: string, id: AuditId, make: MakeFix])[] = [
  ['open-relay-no-check', 'open-relay', putBefore],
  ['permit-before-relay-check', 'permit-before-relay-check', moveAside],
  ['wide-mynetworks', 'wide-mynetworks', removeItem],
  ['percent-hack', 'percent-hack', removeLine],
  ['no-recipient-check', 'no-recipient-check', putBefore],
  ['backup-mx-blind', 'backup-mx-blind', putBeforeEnd],
  ['dead-blocklist', 'dead-blocklist', replaceCondition],
  ['duplicate', 'duplicate', removeStatement],
  ['order', 'order', moveBehind],
  ['warn-left', 'warn-left', denyForWarn],
  ['helo-not-required', 'helo-not-required', setOption],
  ['no-pipelining-check', 'no-pipelining-check', setOption],
  ['vrfy', 'vrfy', removeLine],
  ['no-error-limit', 'no-error-limit', setOption],
  ['null-sender-refused', 'null-sender-refused', removeStatement],
  ['auth-without-tls', 'auth-without-tls', putBehindLabel],
  ['sender-not-bound', 'sender-not-bound', putBefore],
  ['no-rate-limit', 'no-rate-limit', putBeforeFirst(/^\s+accept authenticated = \*/)],
];

/** Before the last statement of the RCPT ACL, which accepts. */
function putBeforeEnd({ lines, fix }: Edit): readonly string[] {
  return lines.toSpliced(lines.lastIndexOf('  accept'), 0, ...fix);
}

/** `or add to it: domains = ...` */
function moveAside({ lines, at, text }: Edit): readonly string[] {
  const condition = /or add to it: (.*)/.exec(text)?.[1] as string;
  return lines.toSpliced(at + 1, 0, `         ${condition}`);
}

let folder: Folder | undefined;
afterEach(() => folder?.remove());

async function findingsOf(file: string): Promise<readonly Finding[]> {
  const text = `mta: exim\ncommands: { exim: [ ${eximProgram()} ] }\n`;
  const config = parseConfig(text, '/etc/postern/postern.yaml');
  const { findings, notes } = await audit({ mta: 'exim', config, source: file, dns: 'offline' });
  expect(notes).toEqual([]);
  return findings;
}

/** The code of the answer to RCPT for an account of this system, in a session that delivers nothing (`exim -bh`). */
async function answer(file: string): Promise<string | undefined> {
  const commands = [
    'EHLO client.example.org',
    'MAIL FROM:<>',
    'RCPT TO:<daemon@example.net>',
    'QUIT',
  ];
  const said = await run(
    [eximProgram(), '-C', file, '-bh', '198.51.100.77'],
    commands.map((line) => `${line}\r\n`).join(''),
  );
  return said.match(/^\d{3}(?= )/gm)?.at(3);
}

describe.runIf(hasExim())('the fix', () => {
  it.each(FIXES)('of %s ends %s', async (name, id, make) => {
    folder = scratchFolder('postern-fixes-');
    cpSync(join(CASES, name), folder.path, { recursive: true });
    for (const each of readdirSync(folder.path)) {
      const path = folder.at(each);
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll('/etc/exim4', folder.path));
    }
    if (!existsSync(folder.at('aliases'))) folder.write('aliases', '');
    const file = folder.at('exim.conf');
    const finding = (await findingsOf(file)).find((each) => each.id === id) as Finding;
    const text = finding.fix;
    const lines = make({
      lines: readFileSync(file, 'utf8').split('\n'),
      at: (finding.evidence.line as number) - 1,
      fix: text.split('\n').filter((line) => line.startsWith('  ')),
      text,
    });
    writeFileSync(file, lines.join('\n'));
    await run([eximProgram(), '-C', file, '-bV']);
    expect((await findingsOf(file)).map((each) => each.id)).not.toContain(id);
    // Those with a blocklist would wait for the DNS.
    if (!lines.some((line) => line.includes('dnslists'))) expect(await answer(file)).toBe('250');
  });
});
