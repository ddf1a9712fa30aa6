/**
 * Postfix configurations in test/audit/cases/postfix, read by the real postconf and postmap. A case is a folder that stands
 * for /etc/postfix: `expected` lists every finding (severity, id, place); `near.cf` (with `near-master.cf`) is a main.cf
 * beside it which nearly has the same hole, and must not give the ids that the case is about. Several at a time: postmap
 * waits for a second before it ends for a table that it cannot open.
 */
import { cpSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { audit } from '../../src/audit/audit.ts';
import type { Finding } from '../../src/audit/finding.ts';
import { loadConfig } from '../../src/config/load.ts';
import { AUDIT_IDS } from '../../src/model/audit.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { hasPostfix } from '../support/postfix.ts';
import { run } from '../support/server.ts';

const CASES = new URL('cases/postfix/', import.meta.url).pathname;
const names = readdirSync(CASES).filter((name) => !name.includes('.'));
/** What only the DNS shows. */
const DNS_IDS = AUDIT_IDS.slice(AUDIT_IDS.indexOf('ptr'));

const folders: Folder[] = [];
afterAll(() => {
  for (const folder of folders) folder.remove();
});

/** A copy of a case whose paths exist; `/etc` is the scratch folder. */
function place(name: string, variant: 'main' | 'near'): string {
  const folder = scratchFolder('postern-audit-');
  folders.push(folder);
  const etc = folder.path;
  const at = join(etc, 'postfix');
  cpSync(join(CASES, name), at, { recursive: true, preserveTimestamps: true });
  if (existsSync(join(at, 'etc')))
    cpSync(join(at, 'etc'), etc, { recursive: true, preserveTimestamps: true });
  if (!existsSync(join(at, 'master.cf'))) cpSync(join(CASES, 'master.cf'), join(at, 'master.cf'));
  if (variant === 'near') {
    cpSync(join(at, 'near.cf'), join(at, 'main.cf'));
    if (existsSync(join(at, 'near-master.cf')))
      cpSync(join(at, 'near-master.cf'), join(at, 'master.cf'));
  }
  const written = ['main.cf', 'master.cf', 'postern.yaml', 'aliases', 'near-aliases'];
  for (const file of written.map((each) => join(at, each))) {
    if (existsSync(file))
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll('/etc/postfix', at));
    makeOld(file);
  }
  return at;
}

/** Postfix reads a file that was written within the last second again and again until it is older (dict_load_file_xt). */
function makeOld(file: string): void {
  const then = Date.now() / 1000 - 60;
  if (existsSync(file)) utimesSync(file, then, then);
}

async function auditCase(at: string) {
  const yaml = join(at, 'postern.yaml');
  const text = existsSync(yaml) ? readFileSync(yaml, 'utf8') : undefined;
  if (text !== undefined && !text.includes('targets'))
    writeFileSync(
      yaml,
      `${text}targets: { postfix: { user: { file: ${at}/postern/sasl_access }, client: { file: ${at}/postern/client_access }, sender: { file: ${at}/postern/sender_access } } }\n`,
    );
  const config = text === undefined ? undefined : loadConfig(yaml);
  const result = await audit({ mta: 'postfix', config, source: at, dns: 'offline' });
  // Without a configuration, every case gives this one.
  const findings = result.findings.filter(({ id }) => id !== 'not-wired' || config !== undefined);
  return { ...result, findings };
}

function shown(findings: readonly Finding[], at: string): string[] {
  return findings
    .map(({ severity, id, evidence: { file, line } }) => {
      const name = relative(at, file).replace(/^\.\.\//, '');
      return `${severity} ${id} ${name}${line === null ? '' : `:${line}`}`;
    })
    .sort();
}

function expectedOf(name: string): string[] {
  return readFileSync(join(CASES, name, 'expected'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .sort();
}

/** The ids of the highest severity that a case has: what it is about. */
function worstIds(expected: readonly string[]): Set<string | undefined> {
  const words = expected.map((line) => line.split(' '));
  const worst = ['error', 'warning', 'advice'].find((each) =>
    words.some(([level]) => level === each),
  );
  return new Set(words.filter(([level]) => level === worst).map(([, id]) => id));
}

describe.runIf(hasPostfix()).concurrent('configurations of Postfix', () => {
  it('have a case for each id, with a near miss', () => {
    const shows = names
      .filter((name) => existsSync(join(CASES, name, 'near.cf')))
      .flatMap(expectedOf);
    const shown = new Set(shows.map((line) => line.split(' ')[1]));
    expect(AUDIT_IDS.filter((id) => !shown.has(id) && !DNS_IDS.includes(id))).toEqual([]);
  });

  it.each(names)('%s: exactly what is expected, and its fix ends it', async (name) => {
    const at = place(name, 'main');
    const { findings, failure } = await auditCase(at);
    expect(failure).toBeUndefined();
    expect(shown(findings, at)).toEqual(expectedOf(name));
    for (const { evidence, why, fix } of findings) {
      expect(evidence.text).not.toBe('');
      expect(why.split(/\.(?:\s|$)/).length).toBeGreaterThan(2);
      expect(fix).not.toBe('');
    }
    if (name.startsWith('sound'))
      expect(findings.filter(({ severity }) => severity !== 'advice')).toEqual([]);
    const fixed = findings.filter(({ fix }) => COMMAND.test(fix));
    if (fixed.length === 0) return;
    for (const { fix } of fixed)
      for (const [command] of fix.matchAll(new RegExp(COMMAND, 'g'))) await apply(command, at);
    const ids = new Set(fixed.map(({ id }) => id));
    const after = (await auditCase(at)).findings;
    expect(after.filter(({ id, fix }) => ids.has(id) && COMMAND.test(fix))).toEqual([]);
  });

  it.each(names.filter((name) => existsSync(join(CASES, name, 'near.cf'))))(
    '%s: the near miss has none of it',
    async (name) => {
      const ids = worstIds(expectedOf(name));
      const at = place(name, 'near');
      const { findings } = await auditCase(at);
      expect(findings.filter(({ id }) => ids.has(id))).toEqual([]);
    },
  );
});

const COMMAND = /postconf -[eP](?: '(?:[^']|'\\'')*')+/;

/** The arguments as a shell would make them. */
async function apply(command: string, at: string): Promise<void> {
  const args = [...command.matchAll(/'((?:[^']|'\\'')*)'/g)].map(([, text = '']) =>
    text.replaceAll("'\\''", "'"),
  );
  await run(['postconf', '-c', at, command.slice(9, 11), ...args]);
  for (const name of ['main.cf', 'master.cf']) makeOld(join(at, name));
}

describe.runIf(hasPostfix())('what cannot be audited', () => {
  it('is said for tables, and the rest is audited', async () => {
    const at = place('unreadable-tables', 'main');
    const { notes } = await auditCase(at);
    expect(notes.join('\n')).toContain(`texthash:${at}/gone cannot be read (ENOENT)`);
    expect(notes.join('\n')).toContain('proxy:mysql:');
  });

  it('is everything when main.cf is broken', async () => {
    const at = place('vrfy', 'main');
    writeFileSync(join(at, 'main.cf'), 'compatibility_level = 3.6\nmydestination\n');
    const { failure, findings } = await auditCase(at);
    expect(failure).toContain("main.cf, line 2: missing '=' after attribute name");
    expect(findings).toEqual([]);
  });
});
