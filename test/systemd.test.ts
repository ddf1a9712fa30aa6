/** The units in systemd/, as systemd itself judges them: verified, and how exposed they are. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultConfig } from '../src/config.ts';

const UNITS = join(import.meta.dirname, '../systemd');
const HIGHEST = 2.0;

function hasAnalyze(): boolean {
  const found = spawnSync('systemd-analyze', ['--version']).status === 0;
  if (!found) {
    if (process.env.POSTERN_E2E === 'required')
      throw new Error('POSTERN_E2E=required, but there is no systemd-analyze');
    process.stderr.write('NOT RUN: tests of systemd units: there is no systemd-analyze\n');
  }
  return found;
}

/** The number in "Overall exposure level for postern.service: 2.0 OK". */
function exposure(unit: string): number {
  const output = execFileSync(
    'systemd-analyze',
    ['security', '--offline=true', '--no-pager', unit],
    { encoding: 'utf8' },
  );
  return Number(/Overall exposure level for \S+: (\d+\.\d)/.exec(output)?.[1]);
}

describe.runIf(hasAnalyze())('systemd', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-units-'));
    for (const name of readdirSync(UNITS)) copyFileSync(join(UNITS, name), join(folder, name));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(['postern.service', 'postern-report.service', 'postern-report.timer'])(
    'has nothing to say about %s',
    (unit) => {
      const { status, stdout, stderr } = spawnSync(
        'systemd-analyze',
        ['verify', '--man=no', join(folder, unit)],
        { encoding: 'utf8' },
      );
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    },
  );

  it.each(['postern.service', 'postern-report.service'])('finds %s well shut', (unit) => {
    expect(exposure(join(folder, unit))).toBeLessThanOrEqual(HIGHEST);
  });

  it('finds it better shut beside Exim, without root', () => {
    // `security --offline` reads no drop-ins, so the settings are appended, as systemd itself would do.
    const unit = readFileSync(join(UNITS, 'postern.service'), 'utf8').replace(
      /\[Install\][\s\S]*/,
      '',
    );
    const dropIn = readFileSync(join(UNITS, 'postern-exim.conf'), 'utf8');
    const merged = join(folder, 'merged');
    mkdirSync(merged);
    const path = join(merged, 'postern.service');
    writeFileSync(path, `${unit}\n${dropIn}`);
    expect(exposure(path)).toBeLessThan(exposure(join(folder, 'postern.service')));
  });
});

describe('the units', () => {
  const service = readFileSync(join(UNITS, 'postern.service'), 'utf8');
  const exim = readFileSync(join(UNITS, 'postern-exim.conf'), 'utf8');

  it('start the command, and do not start again after a wrong configuration', () => {
    expect(service).toMatch(/^ExecStart=\S+ postern run /m);
    expect(service).toMatch(/^RestartPreventExitStatus=2$/m);
  });

  it('let the service write where the default configuration does', () => {
    const writable = `${service}${exim}`.match(/^ReadWritePaths=.*$/gm)?.join(' ');
    const { targets, database } = defaultConfig();
    expect(writable).toContain(`-${dirname(targets.postfix.user?.file ?? '')} `);
    expect(writable).toContain(`-${dirname(targets.exim.blockedUsers)} `);
    expect(dirname(database)).toBe('/var/lib/postern'); // StateDirectory=postern
  });
});
