/** As whom `postern check` asks: the accounts of installed units, their groups, and what those accounts may do. */
import { chmodSync, chownSync, constants, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { logFindings, targetFindings } from '../../src/setup/access.ts';
import { checkFiles } from '../../src/setup/files.ts';
import { findServiceAccounts } from '../../src/setup/service-account.ts';
import { readUnit } from '../../src/setup/units.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { available, idOf, missingParts } from '../support/server.ts';

let folder: Folder;
beforeEach(() => {
  folder = scratchFolder('postern-units-');
});
afterEach(() => folder.remove());

describe('a unit', () => {
  it('is read with its drop-ins, in which an empty value resets those before', () => {
    folder.write('lib/a.service', '[Service]\nUser=no\nGroup=x\n');
    folder.write(
      'etc/a.service',
      '[Unit]\nUser=unit\n[Service]\n# User=comment\nUser=one\nSupplementaryGroups=adm \\\n  postdrop\n',
    );
    folder.write('etc/a.service.d/20.conf', '[Service]\nSupplementaryGroups=\n');
    folder.write('lib/a.service.d/10.conf', '[Service]\nUser=two\nSupplementaryGroups=tty\n');
    folder.write('lib/a.service.d/30.conf', '[Service]\nSupplementaryGroups=mail\n');
    const settings = readUnit('a.service', [folder.at('etc'), folder.at('lib')]);
    expect(Object.fromEntries(settings ?? [])).toEqual({
      User: ['one', 'two'],
      SupplementaryGroups: ['mail'],
    });
    expect(readUnit('b.service', [folder.at('etc')])).toBeUndefined();
  });
});

const canAsk = available('setpriv', missingParts(['/usr/bin/setpriv'], ['www-data', 'backup']));

describe.runIf(canAsk)('the accounts of the service', () => {
  const unit = (name: string, settings: string) =>
    folder.write(`units/${name}.service`, `[Service]\n${settings}\n`);
  const config = (more: string) => {
    folder.write('p.yaml', `logs: [ mail.log ]\ndatabase: state/postern.db\n${more}`);
    return loadConfig(folder.at('p.yaml'));
  };
  const SEPARATE = 'enforcer: separate\ntargets: { postfix: { user: { file: maps/users } } }\n';
  const find = (more: string) => findServiceAccounts(config(more), [folder.at('units')]);

  beforeEach(() => {
    for (const name of ['state', 'maps', 'units']) mkdirSync(folder.at(name));
    folder.write('mail.log', '', 0o640);
    chownSync(folder.at('mail.log'), 0, idOf('/etc/group', 'adm') as number);
    chownSync(folder.at('state'), idOf('/etc/passwd', 'www-data') as number, 0);
  });

  it('in separate mode are asked each for its own half', () => {
    unit('postern', 'User=www-data\nSupplementaryGroups=adm');
    unit('postern-enforce', 'CapabilityBoundingSet=CAP_SETUID');
    const { run, enforce, problems } = find(SEPARATE);
    expect([run?.name, enforce?.name, problems]).toEqual([
      'www-data (postern.service)',
      'root (postern-enforce.service)',
      [],
    ]);
    // The service may not write the maps, and need not.
    expect(run?.may(folder.at('maps'), constants.W_OK)).toBe(false);
    expect(enforce?.may(folder.at('maps'), constants.W_OK)).toBe(true);
    expect(run?.may(folder.at('state'), constants.W_OK | constants.X_OK)).toBe(true);
    // Root without its capabilities is not almighty.
    expect(enforce?.may(folder.at('state'), constants.W_OK)).toBe(false);
    const targets = targetFindings(config(SEPARATE), enforce);
    expect(targets.filter(({ isOk }) => !isOk)).toEqual([]);
  });

  it.each([
    ['adm', true],
    ['tty', false],
  ])('read the log through the group %s: %s', (group, isReadable) => {
    unit('postern', `User=www-data\nSupplementaryGroups=${group}`);
    const { run } = find(SEPARATE);
    const [finding] = logFindings(config(SEPARATE), run);
    expect(finding?.isOk).toBe(isReadable);
    expect(finding?.text).toBe(
      `${folder.at('mail.log')} ${isReadable ? 'is readable' : 'cannot be read'} by www-data (postern.service)`,
    );
  });

  it('that do not exist are named, and groups that do not', () => {
    unit('postern', 'User=no-such-user');
    unit('postern-enforce', 'SupplementaryGroups=no-such-group');
    expect(find(SEPARATE).problems.map(({ text }) => text)).toEqual([
      'postern.service runs as no-such-user, and there is no such account',
      'postern-enforce.service wants the group no-such-group, and there is no such group',
    ]);
  });

  it('that do not exist beside Exim are a drop-in that is missing', () => {
    unit('postern', 'User=no-such-user');
    const [problem] = find('mta: exim\n').problems;
    expect(problem?.fix).toMatch(
      /^install -D -m 0644 \S+\/systemd\/postern-exim\.conf \S+\/postern\.service\.d\/exim\.conf$/m,
    );
  });

  it('without a unit are the owner of the folder of the database', () => {
    const name = `uid ${idOf('/etc/passwd', 'www-data')} (owner of ${folder.at('state')})`;
    expect(find(SEPARATE).run?.name).toBe(name);
  });

  it('have to read the configuration, the rules, the leases and the password', async () => {
    unit('postern', 'User=www-data\nSupplementaryGroups=adm');
    folder.write('secret', 'word\n', 0o600);
    folder.write('leases', '', 0o600);
    folder.write('rules/a.yaml', '', 0o600);
    const more = `${SEPARATE}rules: rules\nleases: [ { file: leases, format: isc-dhcpd, field: client-hostname } ]\nnotify: { to: a@example.net, smtp: { user: u, passwordFile: secret } }\n`;
    const loaded = config(more);
    chmodSync(folder.at('p.yaml'), 0o600);
    const accounts = findServiceAccounts(loaded, [folder.at('units')]);
    const wrong = (await checkFiles(loaded, accounts)).filter(({ level }) => level === 'wrong');
    const texts = wrong.map(({ text }) => text.replaceAll(folder.path, '@'));
    for (const [option, file] of [
      ['', 'p.yaml'],
      ['rules: ', 'rules/a.yaml'],
      ['leases: ', 'leases'],
      ['notify.smtp.passwordFile: ', 'secret'],
    ])
      expect(texts).toContain(`${option}@/${file} cannot be read by www-data (postern.service)`);
  });
});
