/** The configuration file: one mistake a file in bad/, whose first line is the message it must give. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXIT, PosternError } from '../../src/base/errors.ts';
import { DAY } from '../../src/base/time.ts';
import { describeConfig, listOptions } from '../../src/config/describe.ts';
import {
  DEFAULT_CONFIG_FILE,
  loadConfig,
  openConfig,
  parseConfig,
  SHIPPED_RULES,
} from '../../src/config/load.ts';
import { reply } from '../../src/config/option.ts';
import { configSchema } from '../../src/config/schema.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import { isAction } from '../../src/enforce/postfix-format.ts';

const BAD = join(import.meta.dirname, 'bad');

function failure(run: () => unknown): PosternError {
  try {
    run();
  } catch (error) {
    if (error instanceof PosternError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a configuration with a mistake', () => {
  it.each(readdirSync(BAD))('%s', (name) => {
    const file = join(BAD, name);
    const expected = readFileSync(file, 'utf8').split('\n', 1)[0]?.replace(/^# /, '');
    const error = failure(() => loadConfig(file));
    expect(error.message).toBe(`${file}:${expected}`);
    expect(error.exitStatus).toBe(EXIT.usage);
    expect(error.place.file).toBe(file);
  });

  it('reports every mistake at once, in the order of the file', () => {
    const { message } = failure(() =>
      parseConfig('mode: watch\nretention: 30\nlog: [a]\ncaps: { blocksPerHour: x }\n', 'p.yaml'),
    );
    expect(message.split('\n').map((line) => line.split(': ', 2).join(': '))).toEqual([
      'p.yaml:1: mode',
      'p.yaml:2: retention',
      'p.yaml:3: log',
      'p.yaml:4: caps.blocksPerHour',
    ]);
  });

  it('reports every mistake at once beside a key that stands there twice', () => {
    const { message } = failure(() =>
      parseConfig('mode: observe\nretention: 30\nmode: watch\nlog: [a]\n', 'p.yaml'),
    );
    expect(message.split('\n')).toEqual([
      'p.yaml:2: retention: expected a duration such as 30d, found 30',
      'p.yaml:3: expected one YAML document, found a mistake: Map keys must be unique',
      'p.yaml:3: mode: expected one of enforce, observe, found "watch"',
      'p.yaml:4: log: expected a known key, found an unknown one (did you mean logs?)',
    ]);
  });

  it('says where the YAML is broken', () => {
    const { message } = failure(() =>
      parseConfig('logs: [/var/log/mail.log\nmode: observe\n', 'p'),
    );
    expect(message).toMatch(/^p:2: expected one YAML document, found a mistake: .* end with a \]/m);
  });

  it('says how to get a file when there is none', () => {
    const { message, exitStatus } = failure(() => loadConfig('/nonexistent/postern.yaml'));
    expect(message).toContain('/nonexistent/postern.yaml: expected a configuration file');
    expect(message).toContain('postern init');
    expect(exitStatus).toBe(EXIT.usage);
  });

  it('says when a folder was named instead', () => {
    const { message } = failure(() => loadConfig(import.meta.dirname));
    expect(message).toBe(
      `${import.meta.dirname}: expected a configuration file, found a directory`,
    );
  });

  it('never fails in any other way, whatever the text', () => {
    const keys = [...Object.keys(configSchema.shape), 'x', '__proto__', 'constructor'];
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('7d', [], {}, ['a'], 10, true));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), value), fc.string(), (tree, text) => {
        for (const content of [JSON.stringify(tree), text]) {
          try {
            parseConfig(content, 'p.yaml');
          } catch (error) {
            if (!(error instanceof PosternError)) throw error;
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a configuration in order', () => {
  it('is Debian with Postfix when it is empty', () => {
    expect(parseConfig('', DEFAULT_CONFIG_FILE)).toMatchObject({
      mta: 'postfix',
      logs: ['/var/log/mail.log'],
      database: '/var/lib/postern/postern.db',
      mode: 'enforce',
      retention: 30 * DAY,
      caps: { blocksPerHour: 10 },
      queue: { hold: true },
      targets: {
        postfix: {
          user: { file: '/etc/postfix/postern/sasl_access', type: 'lmdb', action: 'HOLD' },
          client: { type: 'cidr' },
          reload: ['/usr/sbin/postfix', 'reload'],
        },
      },
    });
    expect(parseConfig('', DEFAULT_CONFIG_FILE).notify).toBeUndefined();
    expect(parseConfig('', DEFAULT_CONFIG_FILE).trustedNetworks).toBeUndefined();
  });

  it('allows nobody beyond those who are never blocked, and uses the shipped rules', () => {
    // `postern replay` without a configuration relies on both.
    const { allow, rules } = parseConfig('', DEFAULT_CONFIG_FILE);
    expect(allow).toEqual({ users: [], networks: [], uids: ['0', 'root'] });
    for (const id of allow.uids)
      expect(makeAllowList({}).reason({ type: 'uid', id })).toBeDefined();
    expect(rules).toBe(SHIPPED_RULES);
  });

  it('takes the log of Exim for Exim', () => {
    expect(parseConfig('mta: exim', 'p.yaml').logs).toEqual(['/var/log/exim4/mainlog']);
  });

  it('resolves paths from the folder of the file', () => {
    const config = parseConfig(
      'logs: [log/mail.log, ./log/mail.log]\ndatabase: ../state.db\nrules: rules\n' +
        'targets: { exim: { blockedUsers: users }, postfix: { user: { file: maps/u } } }\n' +
        'notify: { to: a@example.net, smtp: { user: u, passwordFile: secret } }\n',
      '/srv/postern/p.yaml',
    );
    expect(config.file).toBe('/srv/postern/p.yaml');
    expect(config.logs).toEqual(['/srv/postern/log/mail.log']);
    expect(config.database).toBe('/srv/state.db');
    expect(config.rules).toBe('/srv/postern/rules');
    expect(config.targets.exim.blockedUsers).toBe('/srv/postern/users');
    expect(config.targets.postfix.user?.file).toBe('/srv/postern/maps/u');
    expect(config.notify?.transport).toMatchObject({ passwordFile: '/srv/postern/secret' });
  });

  it('switches a map off', () => {
    const { postfix } = parseConfig('targets: { postfix: { sender: false } }', 'p.yaml').targets;
    expect(postfix.sender).toBeUndefined();
    expect(postfix.user).toBeDefined();
  });

  it('gives each action its text', () => {
    const config = parseConfig(
      'targets: { postfix: { user: { action: REJECT }, client: { action: REJECT, text: Ask us } } }',
      'p.yaml',
    );
    expect(config.targets.postfix.user?.text).toMatch(/^5\.7\.1 /);
    expect(config.targets.postfix.client?.text).toBe('Ask us');
  });

  it('takes a text for an action when a Postfix map does', () => {
    const texts = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.constantFrom(' a', 'a ', ' ', '~', 'ä'),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const isText = text !== '' && isAction(`HOLD ${text}`);
        expect(reply.safeParse(text).success).toBe(isText);
      }),
    );
  });

  it('tells one address or several', () => {
    const one = parseConfig('notify: { to: a@example.net }', 'p.yaml');
    expect(one.notify).toMatchObject({
      to: ['a@example.net'],
      transport: { kind: 'sendmail', path: '/usr/sbin/sendmail' },
    });
    expect(one.report.to).toEqual(['a@example.net']);
    const two = parseConfig('notify: { to: [a@example.net, b@example.net], smtp: {} }', 'p.yaml');
    expect(two.notify?.to).toHaveLength(2);
    expect(two.notify?.transport).toMatchObject({ kind: 'smtp', host: '127.0.0.1', port: 25 });
  });

  it.each(['Europe/Berlin', 'UTC', '+01:00', '-03:30'])('knows the zone %s', (zone) => {
    expect(parseConfig(`zone: ${zone}`, 'p.yaml').zone).toBe(zone);
  });

  it('compares users in lower case, and takes uids as numbers and names', () => {
    const { allow } = parseConfig('allow: { users: [Boss@Example.NET], uids: [33, root] }', 'p');
    expect(allow).toMatchObject({ users: ['boss@example.net'], uids: ['33', 'root'] });
  });
});

it('knows what its file says of an option', () => {
  const { config, placeOf, isNamed } = openConfig(join(BAD, '../named.yaml'));
  expect(config.targets.postfix.user?.file).toBe('/srv/users');
  expect(isNamed(['targets', 'postfix', 'user', 'file'])).toBe(true);
  expect(isNamed(['targets', 'postfix', 'client', 'file'])).toBe(false);
  const place = { file: config.file, line: 4, key: 'targets.postfix.user.file' };
  expect(placeOf(['targets', 'postfix', 'user', 'file'])).toEqual(place);
  expect(placeOf(['targets', 'postfix', 'client', 'file'])).toMatchObject({ line: 4 });
});

describe('the manual', () => {
  it('is docs/config.md', () => {
    const path = join(import.meta.dirname, '../../docs/config.md');
    expect(readFileSync(path, 'utf8')).toBe(describeConfig());
  });

  it('says what every option means', () => {
    for (const { key, about } of listOptions(configSchema, '')) expect(about, key).toMatch(/\.$/);
  });

  it('shows an example that is valid', () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(describeConfig())?.[1] ?? '';
    expect(parseConfig(example, 'p.yaml').trustedNetworks).toHaveLength(2);
  });
});

it('takes the Postfix instance of the reload command over to the other commands', () => {
  const text =
    'targets: { postfix: { reload: [postfix, -c, /srv/postfix, reload] } }\ncommands: { postsuper: [postsuper, -c, /other] }\n';
  const { targets, commands } = parseConfig(text, 'postern.yaml');
  expect(targets.postfix.postmap).toEqual(['/usr/sbin/postmap', '-c', '/srv/postfix']);
  expect(commands.postconf).toEqual(['/usr/sbin/postconf', '-c', '/srv/postfix']);
  expect(commands.postsuper).toEqual(['postsuper', '-c', '/other']);
  expect(commands.exim).not.toContain('-c');
});
