/**
 * Exim configurations in test/audit/cases/exim, checked by the real Exim as well. A case is a folder that stands for
 * /etc/exim4: `expected` lists every finding (severity, id, place); `near.conf` is a configuration beside it which nearly has
 * the same hole, or has the fix, and must not give the ids that the case is about.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { audit } from '../../src/audit/audit.ts';
import type { Finding } from '../../src/audit/finding.ts';
import { parseConfig } from '../../src/config/load.ts';
import { AUDIT_IDS } from '../../src/model/audit.ts';
import { eximProgram, hasExim } from '../support/exim.ts';
import { etcExim, hasDebianConfiguration } from '../support/exim-debian.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { run } from '../support/server.ts';
import { postern } from './rehearsal.ts';

const CASES = new URL('cases/exim/', import.meta.url).pathname;
const names = readdirSync(CASES);
const withNear = names.filter((name) => existsSync(join(CASES, name, 'near.conf')));
/** What only the DNS shows, and what Exim does not have. */
const ELSEWHERE = [...AUDIT_IDS.slice(AUDIT_IDS.indexOf('ptr')), 'soft-bounce'];

let folder: Folder | undefined;
afterEach(() => folder?.remove());

/** A copy of a case whose paths exist; returns the configuration file. */
function place(name: string, variant: 'exim' | 'near'): string {
  folder = scratchFolder('postern-audit-');
  cpSync(join(CASES, name), folder.path, { recursive: true });
  for (const file of readdirSync(folder.path)) {
    const path = folder.at(file);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('/etc/exim4', folder.path));
  }
  if (variant === 'near') cpSync(folder.at('near.conf'), folder.at('exim.conf'));
  return folder.at('exim.conf');
}

async function auditFile(file: string, yaml?: string) {
  const text = yaml ?? `commands: { exim: [ ${eximProgram()} ] }\n`;
  const own = `${text.includes('commands') ? text : `${text}commands: { exim: [ ${eximProgram()} ] }\n`}`;
  const config = parseConfig(
    `mta: exim\n${own.replace('mta: exim\n', '')}`,
    '/etc/postern/postern.yaml',
  );
  const result = await audit({ mta: 'exim', config, source: file, dns: 'offline' });
  // Only one case is about this one.
  const findings = result.findings.filter(({ id }) => id !== 'not-wired' || yaml !== undefined);
  return { ...result, findings };
}

function yamlOf(name: string): string | undefined {
  const file = join(CASES, name, 'postern.yaml');
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function shown(findings: readonly Finding[], from: string): string[] {
  return findings
    .map(({ severity, id, evidence: { file, line } }) => {
      return `${severity} ${id} ${relative(from, file)}${line === null ? '' : `:${line}`}`;
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

/** What Exim answers to RCPT from a stranger, in a session that delivers nothing (`exim -bh`). */
async function answerToStranger(file: string, recipient: string): Promise<string> {
  const input = `EHLO client.example.org\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<${recipient}>\r\nQUIT\r\n`;
  const said = await run([eximProgram(), '-C', file, '-bh', '198.51.100.77'], input);
  return (
    said
      .split('\n')
      .filter((line) => /^\d\d\d[ -]/.test(line))
      .at(-2) ?? said
  );
}

describe.runIf(hasExim())('configurations of Exim', () => {
  it('have a case for each id, with a near miss', () => {
    const shows = new Set(withNear.flatMap(expectedOf).map((line) => line.split(' ')[1]));
    expect(AUDIT_IDS.filter((id) => !shows.has(id) && !ELSEWHERE.includes(id))).toEqual([]);
  });

  it.each(names)('%s: exactly what is expected', async (name) => {
    const file = place(name, 'exim');
    const { findings, failure, notes } = await auditFile(file, yamlOf(name));
    expect({ failure, notes }).toEqual({ failure: undefined, notes: [] });
    expect(shown(findings, join(file, '..'))).toEqual(expectedOf(name));
    for (const { evidence, why, fix } of findings) {
      expect(evidence.text).not.toBe('');
      expect(why.split(/\.(?:\s|$)/).length).toBeGreaterThan(2);
      expect(fix).not.toBe('');
    }
  });

  it.each(withNear)('%s: the near miss has none of it', async (name) => {
    const ids = worstIds(expectedOf(name));
    const { findings, notes } = await auditFile(place(name, 'near'), yamlOf(name));
    expect(notes).toEqual([]);
    expect(findings.filter(({ id }) => ids.has(id))).toEqual([]);
  });

  it.each(
    withNear.filter((name) => /^(?:open-relay(?:-hosts)?|permit-before-relay-check)$/.test(name)),
  )('%s: Exim relays with it, and refuses with the near miss', async (name) => {
    const recipient = name.startsWith('permit') ? 'postmaster@example.com' : 'x@example.com';
    const before = await answerToStranger(place(name, 'exim'), recipient);
    folder?.remove();
    const after = await answerToStranger(place(name, 'near'), recipient);
    expect([before.slice(0, 3), after.slice(0, 3)]).toEqual(['250', '550']);
  });
});

describe.runIf(hasExim() && hasDebianConfiguration())("Debian's configuration", () => {
  /** As update-exim4.conf makes it from the pieces of conf.d: no comments, its own macros in between. */
  function generate(): string {
    folder = scratchFolder('postern-audit-');
    cpSync(join(etcExim(), 'conf.d'), folder.at('conf.d'), { recursive: true });
    const macros = [
      '##############################################',
      '# the following macro definitions were created',
      'MAIN_LOCAL_DOMAINS = @:mx.example.net:example.net',
      'MAIN_RELAY_TO_DOMAINS =',
      'MAIN_RELAY_NETS = 127.0.0.1 : ::::1',
      'ETC_MAILNAME = example.net',
      'LOCAL_DELIVERY = mail_spool',
      'DC_eximconfig_configtype = internet',
      'DCconfig_internet = 1',
      '.ifndef MAIN_HARDCODE_PRIMARY_HOSTNAME',
      'MAIN_HARDCODE_PRIMARY_HOSTNAME = mx.example.net',
      '.endif',
      '.ifndef LOCAL_DELIVERY',
      'LOCAL_DELIVERY=mail_spool',
      '.endif',
      '##############################################',
    ];
    const sections = ['main', 'acl', 'router', 'transport', 'retry', 'rewrite', 'auth'];
    const lines = sections.flatMap((section) =>
      readdirSync(join(etcExim(), 'conf.d', section))
        .sort()
        .flatMap((piece) =>
          readFileSync(join(etcExim(), 'conf.d', section, piece), 'utf8').split('\n'),
        )
        .filter((line) => !/^\s*(?:#|$)/.test(line)),
    );
    const text = lines
      .join('\n')
      .replace('UPEX4CmacrosUPEX4C = 1', `UPEX4CmacrosUPEX4C = 1\n${macros.join('\n')}`);
    return folder.write('config.autogenerated', text);
  }

  it('gives advice only, and names the piece of conf.d', async () => {
    const file = generate();
    const { findings, notes } = await auditFile(file, '');
    expect(notes).toEqual([]);
    expect(shown(findings, join(file, '..'))).toEqual(
      ['warning not-wired conf.d/main/02_exim4-config_options:NN'].map((line) =>
        line.replace('NN', String(findLine(file))),
      ),
    );
  });

  it('takes the hardening by the hook that the package has for it', async () => {
    const file = generate();
    const yaml = (folder as Folder).write(
      'postern.yaml',
      `mta: exim\ncommands: { exim: [ ${eximProgram()} ] }\n`,
    );
    const options = { exim: file, config: yaml, harden: true };
    const printed = await postern(options);
    expect(printed.stdout).toContain('(CHECK_RCPT_LOCAL_ACL_FILE = FILE)');
    const statements = (folder as Folder).write('harden.conf', printed.stdout);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, `CHECK_RCPT_LOCAL_ACL_FILE = ${statements}\n${text}`);
    await run([eximProgram(), '-C', file, '-bV']);
    expect((await postern(options)).stdout).toContain('Nothing to change');
  });

  function findLine(file: string): number {
    const piece = readFileSync(join(file, '../conf.d/main/02_exim4-config_options'), 'utf8');
    return piece.split('\n').findIndex((line) => line.startsWith('acl_smtp_data')) + 1;
  }
});

describe.runIf(hasExim())('what cannot be audited', () => {
  it('is everything when the file is not there', async () => {
    const { failure } = await auditFile('/nonexistent/exim.conf');
    expect(failure).toBe('/nonexistent/exim.conf cannot be read (ENOENT)');
  });

  it('is said when Exim refuses the file, and the text is audited', async () => {
    const file = place('vrfy', 'exim');
    writeFileSync(file, `no_such_option = 1\n${readFileSync(file, 'utf8')}`);
    const { findings, notes } = await auditFile(file);
    expect(notes.join()).toContain('only the text of the configuration was audited');
    expect(findings.map(({ id }) => id)).toEqual(['vrfy']);
  });
});

describe('docs/audit.md', () => {
  it('has every id in its order', () => {
    const page = readFileSync('docs/audit.md', 'utf8');
    const list = page.slice(page.indexOf('## All ids'));
    const rows = [...list.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, id]) => id);
    expect(rows).toEqual([...AUDIT_IDS]);
  });
});
