/** What the process with root's rights loads: nothing that reads logs or the database, or that only the daemon needs. */
import { describe, expect, it } from 'vitest';
import { loadedWith } from '../../support/static-imports.ts';

const STAGES =
  /^(?:follow|parse|correlate|classify|judge|interpret|store|notify|policy|report|setup)\//;

const CHANGES = ['daemon/mta-control.ts', 'daemon/mtas.ts', 'daemon/queue-access.ts'];

describe.each<[string, string[]]>([
  ['cli/enforce.ts', [...CHANGES, 'daemon/rounds.ts', 'daemon/spellings.ts']],
  ['daemon/enforce/step.ts', [...CHANGES, 'daemon/spellings.ts']],
])('%s', (file, expected) => {
  const loaded = [...loadedWith(file)];

  it('loads no SQLite and no mail client', () => {
    expect(loaded).not.toContain('better-sqlite3');
    expect(loaded).not.toContain('nodemailer');
  });

  it('loads no stage but enforce', () => {
    expect(loaded.filter((name) => STAGES.test(name))).toEqual([]);
  });

  it('loads of the daemon only the step and what changes the mail server', () => {
    const daemon = loaded.filter((name) => name.startsWith('daemon/'));
    expect(daemon.filter((name) => !name.startsWith('daemon/enforce/')).sort()).toEqual(expected);
    expect(daemon.filter((name) => /reader\.ts|watch|remote/.test(name))).toEqual([]);
  });
});
