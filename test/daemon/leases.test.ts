/** A relay client with a dynamic address: the person is the submitter, and a block follows the person. */
import { afterAll, expect, it } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { parseConfig } from '../../src/config/load.ts';
import { buildBlocklist } from '../../src/daemon/assemble.ts';
import { buildMtaControl } from '../../src/daemon/mta-control.ts';
import type { Block } from '../../src/model/block.ts';
import { scratchFolder } from '../support/folder.ts';

const folder = scratchFolder();
afterAll(() => folder.remove());

const MORNING = Date.parse('2026-11-10T08:00:00Z');
const NOON = Date.parse('2026-11-10T12:00:00Z');
const LEASES = `address,person,from,until
10.1.0.7,Erika,2026-11-10T07:00:00Z,2026-11-10T11:00:00Z
10.1.0.8,karl,2026-11-10T07:00:00Z,2026-11-10T11:00:00Z
10.1.0.8,Erika,2026-11-10T11:00:00Z,
10.1.0.7,karl,2026-11-10T11:00:00Z,
`;
const block: Block = {
  id: 12,
  key: { type: 'user', id: 'erika' },
  cause: 'invalid-recipients',
  start: MORNING,
};

function configure(more: string) {
  folder.write('leases.csv', LEASES);
  const leases = `leases:\n  - { file: ${folder.at('leases.csv')}, format: csv }\n`;
  return parseConfig(`${leases}${more}`, folder.at('postern.yaml'));
}

function lines(name: string): string[] {
  return folder
    .read(name)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** The files as they are to be at this time; the targets that released the block. */
async function reconcileAt(
  control: ReturnType<typeof buildMtaControl>,
  now: number,
  written: readonly string[] = [],
) {
  const { targets } = await control.reconcile({
    blocks: [block],
    written: new Map(written.map((name) => [name, new Set([block.id])])),
    pending: new Set(),
    now,
  });
  return targets.flatMap(({ name, released }) => (released.length > 0 ? [name] : []));
}

it('Exim: the address moves in the one file, beside the login', async () => {
  const control = buildMtaControl(
    configure(`mta: exim\ntargets: { exim: { blockedUsers: ${folder.at('blocked_users')} } }\n`),
  );
  expect(await reconcileAt(control, MORNING)).toEqual([]);
  expect(lines('blocked_users')).toEqual(['erika', '10.1.0.7: erika']);
  expect(await reconcileAt(control, NOON, ['exim.blockedUsers'])).toEqual([]);
  expect(lines('blocked_users')).toEqual(['erika', '10.1.0.8: erika']);

  folder.write('blocked_users', folder.read('blocked_users').replace(/^10\.1\.0\.8: .*\n/m, ''));
  expect(await reconcileAt(control, NOON, ['exim.blockedUsers'])).toEqual(['exim.blockedUsers']);
});

it('Postfix: the address moves in the map of clients', async () => {
  const map = (name: string, type: string) => `{ file: ${folder.at(name)}, type: ${type} }`;
  const control = buildMtaControl(
    configure(
      `mta: postfix\ntargets: { postfix: { user: ${map('sasl', 'texthash')}, client: ${map('client', 'cidr')}, sender: false, uid: false, reload: [] } }\n`,
    ),
  );
  expect(await reconcileAt(control, MORNING)).toEqual([]);
  expect(lines('client')).toEqual([expect.stringMatching(/^10\.1\.0\.7\s/)]);
  expect(lines('sasl')).toEqual([expect.stringMatching(/^erika\s/)]);
  expect(await reconcileAt(control, NOON, ['postfix.client', 'postfix.user'])).toEqual([]);
  expect(lines('client')).toEqual([expect.stringMatching(/^10\.1\.0\.8\s/)]);
});

it('the policy service answers for the address that the person has now', () => {
  const blocklist = buildBlocklist(configure('mta: postfix\n'));
  blocklist.replace([block]);
  const ask = (client: string, now: number) =>
    blocklist.answer(
      { state: 'RCPT', user: '', client, sender: 'a@example.net', recipient: '', instance: '' },
      now,
    );
  expect(ask('10.1.0.7', MORNING)).toMatch(/^HOLD/);
  expect(ask('10.1.0.8', MORNING)).toBe('DUNNO');
  expect(ask('10.1.0.7', NOON)).toBe('DUNNO');
  expect(ask('10.1.0.8', NOON)).toMatch(/^HOLD/);
});

it('the submitter is the person, before and after the move', async () => {
  const line = (time: string, text: string) => `2026-11-10T${time}Z mx1 postfix/${text}\n`;
  const message = (id: string, time: string, client: string) =>
    line(time, `smtpd[1]: ${id}: client=pc[${client}]`) +
    line(time, `qmgr[2]: ${id}: from=<e@example.net>, size=1, nrcpt=1 (queue active)`) +
    line(
      time,
      `smtp[3]: ${id}: to=<x@example.com>, relay=mx.example.com[198.51.100.8]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.com[198.51.100.8] said: 550 5.1.1 User unknown (in reply to RCPT TO command))`,
    );
  configure('');
  folder.write(
    'mail.log',
    message('A00000001', '08:00:00', '10.1.0.7') +
      message('A00000002', '12:00:00', '10.1.0.8') +
      message('A00000003', '12:00:01', '10.1.0.9'),
  );
  folder.write(
    'postern.yaml',
    `mta: postfix\nlogs: [ ${folder.at('mail.log')} ]\nleases:\n  - { file: ${folder.at('leases.csv')}, format: csv }\n`,
  );
  let out = '';
  const io = { stdout: (text: string) => (out += text), stderr: (text: string) => (out += text) };
  await main(['parse', '--config', folder.at('postern.yaml'), folder.at('mail.log')], io as never);
  const bounced = out.split('\n').filter((text) => text.includes('"bounced"'));
  expect(bounced.map((text) => JSON.parse(text).submitter)).toEqual([
    { type: 'user', id: 'erika' },
    { type: 'user', id: 'erika' },
    { type: 'client', id: '10.1.0.9' },
  ]);
});
