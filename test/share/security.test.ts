/** Access to the engine, as docs/servers.md sets it up: an ACL user for each host, a password from a file, TLS. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Row } from '../../src/share/batch.ts';
import { readAllKeys, readHosts } from '../../src/share/blocks.ts';
import type { Engine } from '../../src/share/engine.ts';
import { KeyStream } from '../../src/share/stream.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { hasRedis, RedisServer } from '../support/redis.ts';
import { freePorts } from '../support/server.ts';

const PAGE = readFileSync(resolve('docs/servers.md'), 'utf8');
/** The line of the page that adds the user of a host. */
const USER = /^user mx1 .*$/m.exec(PAGE)?.[0] ?? '';
const PASSWORD = 'a-long-random-password';
const RULES = new Map([
  ['many', { name: 'many', distinct: false, limits: [[2, 60_000]] as const }],
]);

describe.runIf(hasRedis)('the engine', () => {
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
      ['user default off', USER, USER.replaceAll('mx1', 'mx2'), ''].join('\n'),
    );
    [port] = (await freePorts(1)) as [number];
    server = new RedisServer(folder.path);
    await server.start([
      ...['--aclfile', folder.at('users.acl'), '--tls-port', String(port), '--bind', '127.0.0.1'],
      ...['--tls-cert-file', folder.at('engine.pem'), '--tls-key-file', folder.at('engine.key')],
      ...['--tls-ca-cert-file', folder.at('ca.pem'), '--tls-auth-clients', 'no'],
    ]);
    mx1 = server.engine('mx1', { user: 'mx1', passwordFile: folder.at('password') });
  });
  afterAll(async () => {
    mx1.close();
    await server.stop();
    folder.remove();
  });

  const row = (member: string): Row => {
    return { kind: 'count', rule: 'many', key: 'user:a', time: Date.now(), member, duration: 0 };
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
    expect(await stream.next()).toEqual([]);
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
      /can't access at least one of the keys/,
    );
    liar.close();
  });

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
