/** Paths that root may write to, and those where somebody else could lead it astray. */
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
import { parseConfig } from '../../../src/config/load.ts';
import { distrust } from '../../../src/daemon/enforce/path-trust.ts';
import { assertTrusted } from '../../../src/daemon/enforce/step.ts';
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
    ['that is not there', () => at('ours/gone/file')],
    [
      'in a folder such as /tmp',
      () => {
        chmodSync(at('ours'), 0o1777);
        return at('ours/file');
      },
    ],
    [
      'that is not there, in a folder below such a one',
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
      'that the group root may write',
      () => {
        chmodSync(at('ours/file'), 0o664);
        return at('ours/file');
      },
    ],
  ])('%s is trusted', (_what, path) => {
    expect(distrust(path())).toBeUndefined();
  });

  it.each<[string, () => string, RegExp]>([
    ['in a folder of somebody else', () => at('theirs/maps/file'), /theirs belongs to uid 64713/],
    [
      'that is a file of somebody else',
      () => {
        chownSync(at('ours/file'), STRANGER, 0);
        return at('ours/file');
      },
      /ours\/file belongs to uid 64713/,
    ],
    [
      'in a folder that everybody may write',
      () => {
        chmodSync(at('ours'), 0o777);
        return at('ours/maps/file');
      },
      /ours can be written by others than root \(mode 777\)/,
    ],
    [
      'that a group may write',
      () => {
        chownSync(at('ours/file'), 0, STRANGER);
        chmodSync(at('ours/file'), 0o664);
        return at('ours/file');
      },
      /ours\/file can be written/,
    ],
    [
      'that is not there, in a folder such as /tmp',
      () => {
        chmodSync(at('ours'), 0o1777);
        return at('ours/gone/file');
      },
      /ours\/gone does not exist, and others than root could make it/,
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
      'through a link of root into a folder of somebody else',
      () => {
        symlinkSync('../theirs', at('ours/link'));
        return at('ours/link/file');
      },
      /theirs belongs to uid 64713/,
    ],
    [
      'through a link that dangles in a folder of somebody else',
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
    expect(distrust(path())).toMatch(reason);
  });

  it('that this account may not look at is not', () => {
    chmodSync(at('ours'), 0o700);
    process.seteuid?.(STRANGER);
    try {
      expect(distrust(at('ours/maps/file'))).toMatch(/ours\/maps cannot be looked at \(EACCES\)/);
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

  it('of a target may not lead into a folder of the service, nor the configuration be its', () => {
    expect(() => assertTrusted(config(target('../theirs/user')))).toThrow(/theirs belongs/);
    symlinkSync('../../theirs/user', at('ours/maps/user'));
    expect(() => assertTrusted(config(target('maps/user')))).toThrow(/theirs belongs/);
    rmSync(at('ours/maps/user'));
    const good = config(target('maps/user'));
    chownSync(at('ours/postern.yaml'), STRANGER, STRANGER);
    expect(() => assertTrusted(good)).toThrow(/postern\.yaml belongs to uid 64713/);
  });
});
