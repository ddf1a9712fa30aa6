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
import { COMMANDS } from '../src/cli/commands.ts';
import { DEFAULT_CONFIG_FILE, parseConfig } from '../src/config/load.ts';
import { available, isRoot } from './support/server.ts';

const UNITS = join(import.meta.dirname, '../systemd');
const units = readdirSync(UNITS).filter((name) => /\.(?:service|timer)$/.test(name));
const services = units.filter((name) => name.endsWith('.service'));
const daemons = [
  'postern.service',
  'postern-enforce.service',
  'postern-single.service',
  'postern-milter.service',
  'postern-web.service',
];
const reports = ['postern-report.service', 'postern-report-weekly.service'];
const HIGHEST = 2.0;

function contentOf(name: string): string {
  return readFileSync(join(UNITS, name), 'utf8');
}

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

  it.each(units)('has nothing to say about %s', (unit) => {
    const { status, stdout, stderr } = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', join(folder, unit)],
      { encoding: 'utf8' },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it.each(services)('finds %s well shut', (unit) => {
    expect(exposure(join(folder, unit))).toBeLessThanOrEqual(HIGHEST);
  });

  it('finds the service better shut than all of it in one process', () => {
    const single = exposure(join(folder, 'postern-single.service'));
    expect(exposure(join(folder, 'postern.service'))).toBeLessThan(single);
  });

  it('finds it no worse shut beside Exim', () => {
    // `security --offline` reads no drop-ins, so the settings are appended, as systemd itself would do.
    const unit = contentOf('postern.service').replace(/\[Install\][\s\S]*/, '');
    const merged = join(folder, 'merged');
    mkdirSync(merged);
    const path = join(merged, 'postern.service');
    writeFileSync(path, `${unit}\n${contentOf('postern-exim.conf')}`);
    expect(exposure(path)).toBeLessThanOrEqual(exposure(join(folder, 'postern.service')));
  });
});

function hasSysusers(): boolean {
  const found = spawnSync('systemd-sysusers', ['--version']).status === 0 && isRoot();
  return available('systemd-sysusers', found ? undefined : 'it is missing, or needs root');
}

describe.runIf(hasSysusers())('systemd-sysusers', () => {
  it.each([
    ['postern', 'Postern'],
    ['postern-milter', "Postern's milter"],
  ])('makes the account %s', (name, title) => {
    const root = mkdtempSync(join(tmpdir(), 'postern-sysusers-'));
    try {
      mkdirSync(join(root, 'etc'));
      copyFileSync(join(UNITS, `${name}.sysusers.conf`), join(root, 'account.conf'));
      execFileSync('systemd-sysusers', [`--root=${root}`, join(root, 'account.conf')]);
      const account = new RegExp(
        `^${name}:x:\\d+:\\d+:${title}:/var/lib/${name}:/usr/sbin/nologin$`,
        'm',
      );
      expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toMatch(account);
      expect(readFileSync(join(root, 'etc/group'), 'utf8')).toMatch(new RegExp(`^${name}:`, 'm'));
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});

describe('the units', () => {
  const settings = (unit: string, name: string) =>
    [...contentOf(unit).matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value);

  it.each(services)('%s starts a command that there is', (unit) => {
    const [start = ''] = settings(unit, 'ExecStart');
    const command = /^\/usr\/bin\/env postern (\S+) /.exec(start)?.[1];
    expect(COMMANDS.map(({ usage }) => usage.split(' ')[0])).toContain(command);
  });

  it.each(daemons)('%s does not start again after a wrong configuration', (unit) => {
    expect(settings(unit, 'RestartPreventExitStatus')).toEqual(['2']);
  });

  it.each(daemons)('%s is started again for as long as anything else takes', (unit) => {
    expect(settings(unit, 'Restart')).toEqual(['on-failure']);
    expect(settings(unit, 'RestartSec')).toEqual(['5s']);
    const [head = ''] = contentOf(unit).split('[Service]');
    expect(head).toMatch(/^StartLimitIntervalSec=0$/m);
  });

  it('run the service without root and without any capability', () => {
    expect(settings('postern.service', 'User')).toEqual(['postern']);
    expect(settings('postern.service', 'CapabilityBoundingSet')).toEqual(['']);
    expect(settings('postern.service', 'AmbientCapabilities')).toEqual(['']);
    expect(settings('postern.service', 'ReadWritePaths').join()).not.toContain('/etc');
  });

  it('run the milter without rights, with descriptors for its sessions, and let it finish them', () => {
    expect(settings('postern-milter.service', 'User')).toEqual(['postern-milter']);
    expect(settings('postern-milter.service', 'CapabilityBoundingSet')).toEqual(['']);
    expect(settings('postern-milter.service', 'LimitNOFILE')).toEqual(['65536']);
    expect(settings('postern-milter.service', 'TimeoutStopSec')).toEqual(['6min']);
    const { milter } = parseConfig('milter: {}', DEFAULT_CONFIG_FILE);
    const [place] = milter?.listen ?? [];
    const folder = place?.kind === 'unix' ? dirname(place.path) : '';
    expect(settings('postern-milter.service', 'ReadWritePaths')).toEqual([`-${folder}`]);
    expect(contentOf('postern-milter.tmpfiles.conf')).toContain(`d ${folder} 2750`);
    const [runtime] = settings('postern-milter.service', 'RuntimeDirectory');
    expect(dirname(milter?.state ?? '')).toBe(`/run/${runtime}`);
  });

  it('differ only in their period, if they send a report', () => {
    const [daily, weekly] = reports.map((unit) =>
      contentOf(unit)
        .replaceAll('postern-report-weekly', 'postern-report')
        .replaceAll(/the last week|weekly|--week last|yesterday|daily|--day yesterday/g, 'PERIOD'),
    );
    expect(weekly).toBe(daily);
  });

  it('run the page without root, and let it write no more than the database', () => {
    expect(settings('postern-web.service', 'User')).toEqual(['postern']);
    expect(settings('postern-web.service', 'CapabilityBoundingSet')).toEqual(['']);
    expect(settings('postern-web.service', 'StateDirectory')).toEqual([]);
    expect(settings('postern-web.service', 'ReadWritePaths')).toEqual(['-/var/lib/postern']);
  });

  it('leave the part with rights no more than to change its account', () => {
    const capabilities = settings('postern-enforce.service', 'CapabilityBoundingSet');
    expect(capabilities).toEqual(['CAP_SETUID CAP_SETGID']);
    expect(settings('postern-enforce.service', 'IPAddressAllow')).toEqual([]);
  });

  it('give the database to the service alone', () => {
    // StateDirectory= makes everything in it the unit's user's own, each time the unit starts.
    const { database } = parseConfig('', DEFAULT_CONFIG_FILE);
    expect(dirname(database)).toBe('/var/lib/postern');
    for (const unit of ['postern.service', 'postern-single.service'])
      expect(settings(unit, 'StateDirectory')).toEqual(['postern']);
    for (const unit of ['postern-enforce.service', ...reports, 'postern-watch.service']) {
      expect(settings(unit, 'StateDirectory')).toEqual([]);
      expect(settings(unit, 'ReadWritePaths').join(' ')).toContain('-/var/lib/postern');
    }
  });

  it('never run one process and two at the same time', () => {
    const single = settings('postern-single.service', 'Conflicts');
    expect(single).toEqual(['postern.service postern-enforce.service']);
    for (const unit of ['postern.service', 'postern-enforce.service'])
      expect(settings(unit, 'Conflicts')).toEqual(['postern-single.service']);
  });

  it.each([
    ['postern-single.service', 'postfix'],
    ['postern-enforce.service', 'postfix'],
    ['postern-exim.conf', 'exim'],
  ] as const)('%s may write where the default configuration does', (unit, mta) => {
    const { targets } = parseConfig('', DEFAULT_CONFIG_FILE);
    const file = mta === 'exim' ? targets.exim.blockedUsers : targets.postfix.user?.file;
    const writable = settings(unit, 'ReadWritePaths').join(' ').split(' ');
    expect(writable).toContain(`-${dirname(file ?? '')}`);
  });
});
