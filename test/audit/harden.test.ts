/**
 * What the hardening prints for configurations of Postfix and Exim, read by the real programs: nothing that is there is
 * lost or moved, nothing that is there is proposed, and the audit finds no new hole afterwards.
 */
import { cpSync, existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { splitWords } from '../../src/setup/postfix/restriction-list.ts';
import { eximProgram, hasExim } from '../support/exim.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { hasPostfix } from '../support/postfix.ts';
import { run } from '../support/server.ts';
import { postern } from './rehearsal.ts';

const CASES = new URL('cases/', import.meta.url).pathname;

let folder: Folder | undefined;
afterEach(() => folder?.remove());

interface Printed {
  readonly changes: readonly {
    readonly where: string;
    readonly now: string;
    readonly additions: readonly {
      readonly name: string;
      readonly why: string;
      readonly effect: string;
    }[];
    readonly change: string;
  }[];
}

async function hardenJson(options: Parameters<typeof postern>[0]): Promise<Printed> {
  const { stdout, status } = await postern({ ...options, harden: true, format: 'json' });
  expect(status).toBe(0);
  return JSON.parse(stdout);
}

/** The value that a command sets a parameter to. */
function findValue({ changes }: Printed, where: string): string | undefined {
  const change = changes.find((each) => each.where === where)?.change;
  return change === undefined ? undefined : /=\s*(.*)'$/.exec(change)?.[1];
}

describe.runIf(hasPostfix())('the hardening of Postfix', () => {
  /** A folder with these lines in main.cf, and a service for strangers in master.cf. */
  function place(main: string, master = 'smtp inet n - y - - smtpd\n'): string {
    folder = scratchFolder('postern-harden-');
    folder.write(
      'main.cf',
      `compatibility_level = 3.6\nmyhostname = mx.example.net\nmydestination = example.net\nmynetworks = 127.0.0.0/8\nalias_maps =\n${main}\n`,
    );
    folder.write('master.cf', master);
    makeOld(folder.path);
    return folder.path;
  }

  /** Postfix reads a file again and again that was written within the last second. */
  function makeOld(at: string): void {
    const then = Date.now() / 1000 - 60;
    for (const name of ['main.cf', 'master.cf']) utimesSync(join(at, name), then, then);
  }

  const LIST = 'smtpd_recipient_restrictions';
  const LOCAL =
    'reject_non_fqdn_sender, reject_unlisted_sender, reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname';
  const DNS =
    'reject_unknown_sender_domain, reject_unknown_reverse_client_hostname, reject_unknown_helo_hostname';
  const LISTS =
    'reject_rbl_client zen.spamhaus.org=127.0.0.[2..11], reject_rhsbl_sender dbl.spamhaus.org=127.0.1.[2..106]';

  it.each([
    ['an empty list', '', `permit_mynetworks, ${LOCAL}, ${DNS}, ${LISTS}`],
    [
      'users who log in',
      'smtpd_sasl_auth_enable = yes',
      `permit_mynetworks, permit_sasl_authenticated, ${LOCAL}, ${DNS}, ${LISTS}`,
    ],
    [
      'the relay check in this list, and a permit at its end',
      `smtpd_relay_restrictions =\n${LIST} = permit_mynetworks reject_unauth_destination permit`,
      `permit_mynetworks, reject_unauth_destination, ${LOCAL}, ${DNS}, ${LISTS}, permit`,
    ],
    [
      'a table that may permit, then dear checks: cheap ones go between',
      `${LIST} = permit_mynetworks, check_client_access cidr:/x, reject_rbl_client dnsbl.example, check_policy_service unix:grey`,
      `permit_mynetworks, check_client_access cidr:/x, ${LOCAL}, ${DNS}, reject_rbl_client dnsbl.example, reject_rhsbl_sender dbl.spamhaus.org=127.0.1.[2..106], check_policy_service unix:grey`,
    ],
    [
      'checks without any permit: what is there goes on checking everybody',
      `${LIST} = reject_non_fqdn_recipient, reject_rbl_client dnsbl.example`,
      `reject_non_fqdn_recipient, reject_rbl_client dnsbl.example, permit_mynetworks, ${LOCAL}, ${DNS}, reject_rhsbl_sender dbl.spamhaus.org=127.0.1.[2..106]`,
    ],
    [
      'names of other parameters and groups in braces, as they are written',
      `mine = permit_mynetworks\n${LIST} = $mine, check_policy_service { inet:127.0.0.1:9998, timeout=10s }`,
      `$mine, check_policy_service { inet:127.0.0.1:9998, timeout=10s }, permit_mynetworks, ${LOCAL}, ${DNS}, ${LISTS}`,
    ],
    [
      'checks in other lists, under old names, and postscreen',
      `smtpd_helo_restrictions = permit_mynetworks, reject_invalid_hostname, reject_non_fqdn_helo_hostname\nsmtpd_client_restrictions = permit_mynetworks, reject_unknown_client_hostname\npostscreen_dnsbl_sites = dnsbl.example`,
      `permit_mynetworks, reject_non_fqdn_sender, reject_unlisted_sender, reject_unknown_sender_domain, reject_unknown_helo_hostname, reject_rhsbl_sender dbl.spamhaus.org=127.0.1.[2..106]`,
    ],
  ])('%s', async (_, main, expected) => {
    const at = place(main);
    expect(findValue(await hardenJson({ postfix: at }), LIST)).toBe(expected);
  });

  it('enforces what was rehearsed where it stands, and rehearses nothing twice', async () => {
    const at = place(
      `smtpd_helo_restrictions = permit_mynetworks, warn_if_reject reject_unknown_helo_hostname, warn_if_reject check_helo_access hash:/x\n${LIST} = permit_mynetworks, warn_if_reject reject_rbl_client dnsbl.example`,
    );
    const enforced = await hardenJson({ postfix: at });
    expect(findValue(enforced, 'smtpd_helo_restrictions')).toBe(
      'permit_mynetworks, reject_unknown_helo_hostname, warn_if_reject check_helo_access hash:/x',
    );
    expect(findValue(enforced, LIST)).toMatch(
      /^permit_mynetworks, .*reject_rbl_client dnsbl\.example/,
    );
    expect(findValue(enforced, LIST)).not.toContain('warn_if_reject');
    const rehearsed = await hardenJson({ postfix: at, rehearse: true });
    expect(findValue(rehearsed, 'smtpd_helo_restrictions')).toBeUndefined();
    expect(findValue(rehearsed, LIST)).toMatch(
      /^permit_mynetworks, warn_if_reject reject_non_fqdn_sender, .*, warn_if_reject reject_rbl_client dnsbl\.example, /,
    );
  });

  it('changes master.cf for a service with a list of its own, and leaves submission alone', async () => {
    const at = place(
      `${LIST} = permit_mynetworks`,
      `smtp inet n - y - - smtpd\n  -o ${LIST}=permit_mynetworks,reject_non_fqdn_sender\nsubmission inet n - y - - smtpd\n  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject\n`,
    );
    const { changes } = await hardenJson({ postfix: at });
    const lists = changes.filter(({ where }) => where.startsWith(LIST));
    expect(lists.map(({ where }) => where)).toEqual([`${LIST} of smtp/inet in master.cf`]);
    expect(lists[0]?.change).toMatch(
      /^postconf -P 'smtp\/inet\/smtpd_recipient_restrictions=permit_mynetworks,reject_non_fqdn_sender,reject_unlisted_sender,/,
    );
  });

  it('keeps limits that are set, and explains each line', async () => {
    const at = place('smtpd_client_message_rate_limit = 5000\nsmtpd_helo_required = yes');
    const { changes } = await hardenJson({ postfix: at });
    const places = changes.map(({ where }) => where);
    expect(places).not.toContain('smtpd_client_message_rate_limit');
    expect(places).not.toContain('smtpd_helo_required');
    expect(places.slice(-2)).toEqual([
      'smtpd_client_connection_rate_limit',
      'smtpd_client_recipient_rate_limit',
    ]);
    for (const { additions } of changes)
      for (const { why, effect } of additions) expect([why, effect].join(' ')).toMatch(/\. .*\.$/);
    const { stdout } = await postern({ postfix: at, harden: true });
    expect(stdout).toContain(
      '# Rate limits count for each client address, not for each account, in 60s, and exempt smtpd_client_event_limit_exceptions (by default $mynetworks; now: 127.0.0.0/8).',
    );
    const commands = stdout.split('\n').filter((line) => !/^#|^$/.test(line));
    for (const line of commands) expect(line).toMatch(/^postconf -[eP] '[^']*'$|^postfix reload$/);
  });

  it.each([
    'sound-debian',
    'sound-docker-mailserver',
    'sound-iredmail',
    'sound-mailcow',
    'order',
    'permit-before-class',
    'warn-left',
  ])('of the case %s keeps what is there, ends, and opens no hole', async (name) => {
    folder = scratchFolder('postern-harden-');
    const at = folder.at('postfix');
    cpSync(join(CASES, 'postfix', name), at, { recursive: true });
    if (!existsSync(join(at, 'master.cf')))
      cpSync(join(CASES, 'postfix/master.cf'), join(at, 'master.cf'));
    for (const file of ['main.cf', 'master.cf'].map((each) => join(at, each)))
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll('/etc/postfix', at));
    makeOld(at);
    // Postfix waits for a second at each question to a database that is not there.
    const hasDatabase = readFileSync(join(at, 'main.cf'), 'utf8').includes('mysql:');
    const ids = async () => {
      if (hasDatabase) return new Set<string>();
      const { stdout } = await postern({ postfix: at, offline: true, format: 'json' });
      const { findings } = JSON.parse(stdout) as { findings: { id: string }[] };
      return new Set(findings.map(({ id }) => id));
    };
    const before = await ids();
    const { changes } = await hardenJson({ postfix: at });
    for (const change of changes) {
      const words = splitWords(findValue({ changes: [change] }, change.where) ?? '');
      const old = splitWords(change.now).filter((word) => word !== 'warn_if_reject');
      if (change.where.includes('_restrictions')) expect(isWithin(old, words)).toBe(true);
      const [option = '', argument = ''] = change.change.replace(/^postconf /, '').split(/ (.*)/s);
      await run(['postconf', '-c', at, option, argument.slice(1, -1)]);
    }
    makeOld(at);
    const { stdout } = await postern({ postfix: at, harden: true });
    expect(stdout).not.toContain('postconf');
    for (const id of await ids()) expect(before).toContain(id);
  });

  /** Whether all words of `inner` are in `outer`, in the same order. */
  function isWithin(inner: readonly string[], outer: readonly string[]): boolean {
    let at = 0;
    for (const word of outer) if (word === inner[at]) at += 1;
    return at === inner.length;
  }

  it('is what docs/audit.md shows', async () => {
    const page = readFileSync('docs/audit.md', 'utf8');
    const example = /(?:^ {4}#.*\n)+^ {4}postconf.*\n/m.exec(page)?.[0].replaceAll(/^ {4}/gm, '');
    const { stdout } = await postern({ postfix: place(''), harden: true });
    expect(stdout).toContain(example);
  });

  it('is nothing where no stranger can connect', async () => {
    const at = place('inet_interfaces = loopback-only');
    const { stdout } = await postern({ postfix: at, harden: true });
    expect(stdout).toContain('No smtpd takes mail from strangers');
  });
});

describe.runIf(hasExim())('the hardening of Exim', () => {
  function place(change: (text: string) => string): { exim: string; config: string } {
    folder = scratchFolder('postern-harden-');
    cpSync(join(CASES, 'exim/sound-small'), folder.path, { recursive: true });
    const text = readFileSync(folder.at('exim.conf'), 'utf8');
    const exim = folder.write('exim.conf', change(text.replaceAll('/etc/exim4', folder.path)));
    const config = folder.write(
      'postern.yaml',
      `mta: exim\ncommands: { exim: [ ${eximProgram()} ] }\n`,
    );
    return { exim, config };
  }
  const names = ({ changes }: Printed) =>
    changes.flatMap(({ additions }) => additions.map(({ name }) => name));

  it('proposes nothing that is there', async () => {
    const all = await hardenJson(place((text) => text));
    expect(names(all)).toEqual([
      'helo-name',
      'null-sender-recipients',
      'sender-domain',
      'reverse-name',
      'blocklist',
      'sender-blocklist',
      'connection-rate',
      'message-rate',
      'recipient-rate',
    ]);
    folder?.remove();
    const some = await hardenJson(
      place((text) =>
        text.replace(
          'acl_check_rcpt:\n',
          'acl_check_rcpt:\n  require verify = sender\n  deny dnslists = dnsbl.example\n  defer ratelimit = 50 / 1h / per_rcpt\n',
        ),
      ),
    );
    expect(names(some)).toEqual(
      names(all).filter((name) => !['sender-domain', 'blocklist', 'recipient-rate'].includes(name)),
    );
  });

  it('leaves out users of a limit for users, who are others', async () => {
    const limited = await hardenJson(
      place((text) =>
        text.replace(
          'acl_check_rcpt:\n',
          'acl_check_rcpt:\n  defer authenticated = *\n        ratelimit = 50 / 1h / per_rcpt / $authenticated_id\n',
        ),
      ),
    );
    expect(names(limited)).toContain('recipient-rate');
  });
});

describe('postern audit', () => {
  it.each([
    [{ harden: true, rehearsal: true }, '--harden and --rehearsal: expected one of them'],
    [{ rehearse: true }, '--rehearse: expected together with --harden'],
    [{ since: '24h' }, '--since and --until: expected together with --rehearsal'],
    [{ harden: true, probe: ['127.0.0.1'] }, '--probe: expected without'],
  ])('refuses %j', async (options, message) => {
    await expect(postern({ postfix: '/nonexistent', ...options })).rejects.toThrow(message);
  });
});
