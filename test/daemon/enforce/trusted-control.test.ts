/** Paths that root may write to, and those that another account can change. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findDistrust } from '../../../src/base/path-trust.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { assertTrusted } from '../../../src/daemon/enforce/trusted-control.ts';
import { available, missingParts } from '../../support/server.ts';

const STRANGER = 64_713;
const runs = available('root and others', missingParts([], []));

describe.runIf(runs)('a path', () => {
  let folder: string;
  const at = (name: string) => join(folder, name);
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'postern-trust-')));
    chmodSync(folder, 0o755);
    for (const name of ['ours', 'theirs', 'ours/maps']) mkdirSync(at(name));
    chownSync(at('theirs'), STRANGER, STRANGER);
    writeFileSync(at('ours/file'), '');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each<[string, () => string]>([
    ['of root', () => at('ours/file')],
    ['that does not exist', () => at('ours/gone/file')],
    [
      'in a folder such as /tmp',
      () => {
        chmodSync(at('ours'), 0o1777);
        return at('ours/file');
      },
    ],
    [
      'that does not exist, in a folder below such a one',
      () => {
        chmodSync(at('ours'), 0o1777);
        return at('ours/maps/gone/file');
      },
    ],
    [
      'through a link of root',
      () => {
        symlinkSync('ours/maps', at('link'));
        return at('link/file');
      },
    ],
    [
      'that the group root may write to',
      () => {
        chmodSync(at('ours/file'), 0o664);
        return at('ours/file');
      },
    ],
  ])('%s is trusted', (_what, path) => {
    expect(findDistrust(path())).toBeUndefined();
  });

  it.each<[string, () => string, RegExp]>([
    ['in a folder of another account', () => at('theirs/maps/file'), /theirs belongs to uid 64713/],
    [
      'that is a file of another account',
      () => {
        chownSync(at('ours/file'), STRANGER, 0);
        return at('ours/file');
      },
      /ours\/file belongs to uid 64713/,
    ],
    [
      'in a folder that everybody may write to',
      () => {
        chmodSync(at('ours'), 0o777);
        return at('ours/maps/file');
      },
      /ours is writable by another account \(mode 777\)/,
    ],
    [
      'that a group may write to',
      () => {
        chownSync(at('ours/file'), 0, STRANGER);
        chmodSync(at('ours/file'), 0o664);
        return at('ours/file');
      },
      /ours\/file is writable by another account/,
    ],
    [
      'that does not exist, in a folder such as /tmp',
      () => {
        chmodSync(at('ours'), 0o1777);
        return at('ours/gone/file');
      },
      /ours\/gone does not exist, and another account could create it/,
    ],
    [
      'through a link that dangles in a folder such as /tmp',
      () => {
        chmodSync(at('ours'), 0o1777);
        symlinkSync('../gone', at('ours/maps/link'));
        return at('ours/maps/link');
      },
      /ours\/gone does not exist/,
    ],
    [
      'through a link of root into a folder of another account',
      () => {
        symlinkSync('../theirs', at('ours/link'));
        return at('ours/link/file');
      },
      /theirs belongs to uid 64713/,
    ],
    [
      'through a link that dangles in a folder of another account',
      () => {
        symlinkSync(at('theirs/gone'), at('ours/link'));
        return at('ours/link');
      },
      /theirs belongs to uid 64713/,
    ],
    [
      'through a loop of links',
      () => {
        symlinkSync('b', at('ours/a'));
        symlinkSync('a', at('ours/b'));
        return at('ours/a');
      },
      /too many symbolic links/,
    ],
  ])('%s is not', (_what, path, reason) => {
    expect(findDistrust(path())).toMatch(reason);
  });

  it('that this account may not examine is not', () => {
    chmodSync(at('ours'), 0o700);
    process.seteuid?.(STRANGER);
    try {
      expect(findDistrust(at('ours/maps/file'))).toMatch(
        /ours\/maps cannot be examined \(EACCES\)/,
      );
    } finally {
      process.seteuid?.(0);
    }
  });

  function config(lines: string) {
    writeFileSync(at('ours/postern.yaml'), '');
    return parseConfig(
      `enforcer: separate\ndatabase: ../theirs/postern.db\n${lines}`,
      at('ours/postern.yaml'),
    );
  }
  const target = (file: string) =>
    `targets: { postfix: { user: { file: ${file} }, client: false, sender: false, uid: false } }`;

  it('of a database may belong to the service, with root above it', () => {
    expect(() => assertTrusted(config(target('maps/user')))).not.toThrow();
    mkdirSync(at('theirs/deeper'));
    const deeper = config(target('maps/user'));
    const database = at('theirs/deeper/postern.db');
    expect(() => assertTrusted({ ...deeper, database })).toThrow(/theirs belongs to uid 64713/);
  });

  it('of a target may not lead into a folder of the service, and the configuration may not belong to it', () => {
    expect(() => assertTrusted(config(target('../theirs/user')))).toThrow(/theirs belongs/);
    symlinkSync('../../theirs/user', at('ours/maps/user'));
    expect(() => assertTrusted(config(target('maps/user')))).toThrow(/theirs belongs/);
    rmSync(at('ours/maps/user'));
    const good = config(target('maps/user'));
    chownSync(at('ours/postern.yaml'), STRANGER, STRANGER);
    expect(() => assertTrusted(good)).toThrow(/postern\.yaml belongs to uid 64713/);
  });
});
