/** Access to the engine, as docs/servers.md sets it up: an ACL user for each host, a password from a file, TLS. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { checkShare } from '../../src/setup/share.ts';
import type { Row } from '../../src/share/batch.ts';
import { readAllKeys, readHosts, readKeys } from '../../src/share/blocks.ts';
import type { Engine } from '../../src/share/engine.ts';
import { KeyStream } from '../../src/share/stream.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { ENGINE_PATIENCE, ENGINES, RedisServer } from '../support/redis.ts';
import { freePorts } from '../support/server.ts';

const PAGE = readFileSync(resolve('docs/servers.md'), 'utf8');
/** The line of the page that adds the user of a host. */
const PASSWORD = 'a-long-random-password';
const [, RIGHTS = ''] = /"(user \$server .*)"/.exec(PAGE) ?? [];
const USER = RIGHTS.replaceAll('$server', 'mx1').replace('$(cat mx1.password)', PASSWORD);
const ADMIN = `user admin on >${PASSWORD} ~* +@all`;
const RULES = new Map([
  ['many', { name: 'many', distinct: false, limits: [[2, 60_000]] as const }],
]);

describe.each(ENGINES)('$name', (program) => {
  let folder: Folder;
  let server: RedisServer;
  let port: number;
  let mx1: Engine;

  beforeAll(async () => {
    folder = scratchFolder();
    makeCertificates(folder);
    folder.write('password', `${PASSWORD}\n`, 0o600);
    folder.write(
      'users.acl',
      ['user default off', ADMIN, USER, USER.replaceAll('mx1', 'mx2'), ''].join('\n'),
    );
    [port] = (await freePorts(1)) as [number];
    server = new RedisServer(folder.path, program);
    await server.start([
      ...['--aclfile', folder.at('users.acl'), '--tls-port', String(port), '--bind', '127.0.0.1'],
      ...['--tls-cert-file', folder.at('engine.pem'), '--tls-key-file', folder.at('engine.key')],
      ...['--tls-ca-cert-file', folder.at('ca.pem'), '--tls-auth-clients', 'no'],
    ]);
    mx1 = server.engine('mx1', { user: 'mx1', passwordFile: folder.at('password') });
  }, ENGINE_PATIENCE);
  afterAll(async () => {
    mx1.close();
    await server.stop();
    folder.remove();
  });

  const row = (member: string, key = 'user:a') => {
    return { kind: 'count', rule: 'many', key, time: Date.now(), member, duration: 0 } as const;
  };
  const send = (engine: Engine, rows: readonly Row[]) =>
    engine.send(rows, RULES, { expected: 0, upto: 1, about: {} });

  it('lets the user of a host do all that the host does', async () => {
    await send(mx1, [row('one'), row('two'), { kind: 'tidy', before: 0 }]);
    await send(mx1, [{ kind: 'release', key: 'user:b', time: Date.now() }]);
    expect(await readHosts(mx1)).toEqual(['mx1']);
    expect((await readAllKeys(mx1, ['mx1'], Date.now())).map(({ key }) => key).sort()).toEqual([
      'user:a',
      'user:b',
    ]);
    const stream = new KeyStream(mx1);
    await stream.follow(['mx1']);
    expect(await stream.next()).toEqual({ hosts: [], keys: [] });
    expect(await mx1.call(['INFO'])).toContain('redis_version');
  });

  it.each([
    ['to write in the name of another host', ['HSET', 'postern:mx2:blocks', 'user:x', '1 0 {}']],
    ['to release in the name of another host', ['HSET', 'postern:mx2:released', 'user:x', '1']],
    ['to forget a host', ['SREM', 'postern:hosts', 'mx1']],
    ['other keys', ['GET', 'session:1']],
    ['other commands', ['FLUSHALL']],
    ['the configuration', ['CONFIG', 'GET', '*']],
    ['to read all names of keys', ['KEYS', '*']],
  ])('refuses the user %s', async (_, command) => {
    await expect(mx1.call(command)).rejects.toThrow(/NOPERM/);
  });

  it('refuses a script that writes in the name of another host', async () => {
    const liar = server.engine('mx2', { user: 'mx1', passwordFile: folder.at('password') });
    await expect(send(liar, [row('three')])).rejects.toThrow(
      /can't access at least one of the keys|No permissions to access a key/,
    );
    liar.close();
  });

  describe('with a host that lies', () => {
    const NOW = Date.now();
    let mx2: Engine;
    beforeAll(() => {
      mx2 = server.engine('mx2', { user: 'mx2', passwordFile: folder.at('password') });
    });
    afterAll(() => mx2.close());
    const read = async (keys: readonly string[]) =>
      await readKeys(mx1, await readHosts(mx1), keys, Date.now());

    it('is not kept from counting by what is of another type, or is nonsense', async () => {
      await send(mx2, [{ kind: 'release', key: 'user:z', time: NOW }]);
      await mx2.call(['HSET', 'postern:mx2:c:many:user:c', 'x', '1']);
      await mx2.call(['HDEL', 'postern:mx2:blocks', 'x']);
      await mx2.call([
        'HSET',
        'postern:mx2:blocks',
        'user:c',
        'no block',
        'user:d',
        '9 9 {"rule":1}',
      ]);
      await mx2.call(['HSET', 'postern:mx2:released', 'user:c', 'never']);
      await send(mx1, [row('five', 'user:c'), row('six', 'user:c')]);
      expect(await read(['user:c'])).toMatchObject([{ block: { host: 'mx1' }, released: 0 }]);
    });

    it('cannot block for ever or release in advance by a time in the future', async () => {
      const late = String(NOW + 86_400_000);
      await mx2.call(['HSET', 'postern:mx2:blocks', 'user:e', `${late} 0 {"rule":"many"}`]);
      await mx2.call(['HSET', 'postern:mx2:released', 'user:f', `${late} {}`]);
      await send(mx1, [row('seven', 'user:f'), row('eight', 'user:f')]);
      const [e, f] = await read(['user:e', 'user:f']);
      expect(e).toMatchObject({ future: ['mx2'], block: undefined });
      expect(f).toMatchObject({ future: ['mx2'], block: { host: 'mx1' }, released: 0 });
    });

    it('cannot trim what others counted by a time in the future', async () => {
      await send(mx1, [row('nine', 'user:g')]);
      const ahead: Row = { ...row('ten', 'user:g'), time: NOW + 86_400_000 };
      expect(await send(mx2, [ahead])).toMatchObject({ clamped: 1 });
      expect(await mx1.call(['ZCARD', 'postern:mx1:c:many:user:g'])).toBe(1);
    });

    it('cannot make the others read more than they can take', async () => {
      const entries = Array.from({ length: 20_001 }, (_, at) => [`user:u${at}`, '1 {}']);
      await mx2.call(['HSET', 'postern:mx2:released', ...entries.flat()]);
      await mx2.call([
        'HSET',
        'postern:mx2:blocks',
        'user:h',
        `1 0 {"rule":"${'x'.repeat(5000)}"}`,
      ]);
      const keys = (await readAllKeys(mx1, ['mx2'], Date.now())).map(({ key }) => key);
      expect(keys).toContain('user:e');
      expect(keys.filter((key) => /^user:(u|h)/.test(key))).toEqual([]);
      const names = Array.from({ length: 1500 }, (_, at) => `ghost${at}`);
      await mx2.call(['SADD', 'postern:hosts', 'a:b', '../etc', ...names]);
      expect(await readHosts(mx1)).toEqual(['mx1', 'mx2']);
      await send(mx1, [row('eleven', 'user:i'), row('twelve', 'user:i')]);
      expect(await read(['user:i'])).toMatchObject([{ block: { host: 'mx1' } }]);
    });

    it('adds no more than its share of an hour', async () => {
      const hour = Math.floor(Date.now() / 3_600_000);
      await mx2.call(['HSET', 'postern:mx2:host', 'taken', `${hour} 299999`]);
      const taken = await send(mx2, [row('a', 'user:j'), row('b', 'user:k')]);
      expect(taken).toMatchObject({ refused: 1 });
      expect(await mx2.call(['ZCARD', 'postern:mx2:c:many:user:k'])).toBe(0);
    });
  });

  it.each([
    ['allkeys-lru', [{ level: 'warning', text: /maxmemory-policy allkeys-lru/ }]],
    ['noeviction', []],
  ])('is checked, with its memory policy %s', async (policy, expected) => {
    const admin = server.engine('admin', { user: 'admin', passwordFile: folder.at('password') });
    await admin.call(['CONFIG', 'SET', 'maxmemory-policy', policy]);
    admin.close();
    const found = (await checkEngine('password')).filter(({ level }) => level !== 'ok');
    expect(found).toHaveLength(expected.length);
    expect(found).toMatchObject(
      expected.map((one) => ({ ...one, text: expect.stringMatching(one.text) })),
    );
  });

  it('is checked with the file of the password, which is to be private', async () => {
    folder.write('open', `${PASSWORD}\n`, 0o644);
    const found = (await checkEngine('open')).filter(({ level }) => level !== 'ok');
    expect(found).toMatchObject([
      { area: 'share', text: expect.stringContaining('everybody can read') },
    ]);
  });

  function checkEngine(passwordFile: string) {
    const yaml = `logs: [mail.log]\ndatabase: postern.db\nrules: none\nshare: { url: 'unix:${server.socket}', host: mx1, user: mx1, passwordFile: ${passwordFile} }\n`;
    return checkShare(loadConfig(folder.write('postern.yaml', yaml)));
  }

  it('refuses a wrong password', async () => {
    folder.write('wrong', 'wrong\n');
    const engine = server.engine('mx1', { user: 'mx1', passwordFile: folder.at('wrong') });
    await expect(engine.call(['PING'])).rejects.toThrow(/WRONGPASS/);
    engine.close();
  });

  it.each([
    ['is verified', 'localhost', 'ca.pem', undefined],
    ['of somebody else is refused', 'localhost', 'other.pem', /self-signed|unable to|issuer/],
    ['for another name is refused', '127.0.0.1', 'ca.pem', /altnames|IP/],
  ])('has a certificate that %s', async (_, host, ca, refusal) => {
    const engine = server.engine('mx1', {
      address: { kind: 'tcp', host, port, tls: true },
      user: 'mx1',
      passwordFile: folder.at('password'),
      caFile: folder.at(ca),
    });
    const answer = engine.call(['PING']);
    if (refusal === undefined) expect(await answer).toBe('PONG');
    else await expect(answer).rejects.toThrow(refusal);
    engine.close();
  });
});

/** `ca.pem` has signed `engine.pem` for localhost; `other.pem` has not. */
function makeCertificates(folder: Folder): void {
  const openssl = (...args: string[]) => {
    const done = spawnSync('openssl', args, { cwd: folder.path, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(done.stderr);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  for (const name of ['ca', 'other']) {
    openssl(
      'req',
      '-x509',
      ...key,
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  }
  openssl('req', ...key, '-subj', '/CN=localhost', '-keyout', 'engine.key', '-out', 'engine.csr');
  folder.write('names', 'subjectAltName=DNS:localhost\n');
  openssl(
    ...[
      'x509',
      '-req',
      '-in',
      'engine.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
    ],
    ...['-extfile', 'names', '-out', 'engine.pem'],
  );
}
