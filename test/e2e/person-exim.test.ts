/** Whom the header of frozen mail names when addresses belong to people (docs/leases.md), on a real Exim. */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { buildMtaControl } from '../../src/daemon/mta-control.ts';
import type { Block } from '../../src/model/block.ts';
import { type EximServer, hasExim, startExim } from '../support/exim.ts';

const NOW = Date.parse('2026-11-10T09:00:00Z');
/** A user of RADIUS chooses such a name. It is text, never a line of its own nor an expansion. */
const HOSTILE = 'x: y $'.concat('{run{/bin/id}} é');

const LEASES = `address,person,from,until
198.51.100.7,alice,2026-11-10T08:00:00Z,
2001:db8:1::7,Alice,2026-11-10T08:00:00Z,
198.51.100.8,${HOSTILE},2026-11-10T08:00:00Z,
198.51.100.9,carol,2026-11-10T08:00:00Z,
`;

let server: EximServer;

/** Makes the files equal to these blocks, as the service does. */
async function enforce(blocks: readonly Block['key'][]) {
  const text = `mta: exim
mode: enforce
logs: [ ${server.logFile} ]
leases: [ { file: ${server.folder.write('leases.csv', LEASES)}, format: csv } ]
targets:
  exim: { blockedUsers: ${server.blockedUsers}, blockedSenders: ${server.blockedSenders} }`;
  const { reconcile } = buildMtaControl(parseConfig(text, 'p.yaml'));
  const listed = blocks.map((key, id) => ({ id: id + 1, key, cause: 'manual', start: NOW }));
  const request = { blocks: listed, written: new Map(), pending: new Set<string>(), now: NOW };
  return await reconcile(request);
}

async function send(address: string, recipient: string): Promise<string> {
  const commands = ['EHLO pc', 'MAIL FROM:<app@example.net>', `RCPT TO:<${recipient}>`];
  return await server.smtpFrom(address, [...commands, 'DATA', 'Subject: x', '', 'x', '.', 'QUIT']);
}

/** The header of the frozen message to this recipient. */
async function headerOf(recipient: string): Promise<string> {
  const mail = await server.queued(
    ({ frozen, recipients }) => frozen && recipients.includes(recipient),
  );
  const text = await server.exim(['-Mvh', mail.queueId]);
  return /X-User: .*(?:\n[^0-9].*)*/.exec(text)?.[0] ?? text;
}

describe.runIf(hasExim())('X-User', () => {
  beforeAll(async () => {
    server = await startExim({ sinkPort: 9, main: 'queue_only' });
  });
  afterAll(() => server?.stop());

  it.each([
    ['198.51.100.7', { type: 'user', id: 'alice' }, 'X-User: alice'],
    ['2001:db8:1::7', { type: 'user', id: 'alice' }, 'X-User: alice'],
    ['198.51.100.9', { type: 'client', id: '198.51.100.9' }, 'X-User: 198.51.100.9'],
    ['198.51.100.10', { type: 'client', id: '198.51.100.10' }, 'X-User: 198.51.100.10'],
    ['198.51.100.8', { type: 'user', id: HOSTILE }, 'X-User: x:?y?$'.concat('{run{/bin/id}}???')],
  ] as const)('of %s for the block of %o is %s', async (address, key, header) => {
    await enforce([key]);
    const recipient = `to-${address.replaceAll(':', '-')}@example.org`;
    expect(await send(address, recipient)).toContain('250 OK');
    expect(await headerOf(recipient)).toBe(header);
  });

  it('says what stands behind an address that an operator listed', async () => {
    server.folder.write('blocked_users', '198.51.100.11: printer\ton 3rd floor\n198.51.100.12:\n');
    await send('198.51.100.11', 'one@example.org');
    await send('198.51.100.12', 'two@example.org');
    expect(await headerOf('one@example.org')).toBe('X-User: printer?on?3rd?floor');
    expect(await headerOf('two@example.org')).toBe('X-User: 198.51.100.12');
  });

  it('stops no mail when the file is missing', async () => {
    rmSync(server.blockedUsers, { force: true });
    expect(await send('198.51.100.7', 'three@example.org')).toContain('250 OK');
  });
});
