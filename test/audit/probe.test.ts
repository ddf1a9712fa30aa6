/** `postern audit --probe` on the real servers: what they let through, that the fix ends it, and that mail still passes. */
import { afterEach, describe, expect, it } from 'vitest';
import type { MailIdentity } from '../../src/audit/dns/identity.ts';
import type { Finding } from '../../src/audit/finding.ts';
import { probe, relayForms } from '../../src/audit/probe.ts';
import { main } from '../../src/cli/commands.ts';
import { SmtpSession } from '../../src/probe/smtp-session.ts';
import { hasExim, startExim } from '../support/exim.ts';
import { hasPostfix, startPostfix } from '../support/postfix.ts';
import { freePorts } from '../support/server.ts';
import { startSink } from '../support/sink.ts';
import { sendMail } from '../support/smtp-client.ts';

const IDENTITY: MailIdentity = {
  helo: { name: 'mx.example.net', evidence: { file: 'main.cf', line: 1, text: '' } },
  domains: ['example.net'],
  addresses: [],
  relayNetworks: ['127.0.0.2/31', '::1', '198.51.100.0/24'],
  hasSmarthost: false,
  keys: [],
};

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function tryPort(port: number, identity: Partial<MailIdentity> = {}) {
  const notes = new Set<string>();
  const target = { host: '127.0.0.1', port };
  const findings = await probe({
    target,
    identity: { ...IDENTITY, ...identity },
    mta: 'postfix',
    notes,
  });
  return { findings, notes: [...notes] };
}

const ids = (findings: readonly Finding[]) => [...new Set(findings.map(({ id }) => id))];

describe.runIf(hasPostfix())('Postfix', () => {
  it('relays for strangers until the fix is in place; mail of a relay client still passes', async () => {
    const sink = await startSink();
    stops.push(() => sink.stop());
    const mainCf =
      'mynetworks = 0.0.0.0/0\nlocal_recipient_maps =\nrelay_recipient_maps = inline:{alice@example.net=ok, postmaster@example.net=ok}';
    const server = await startPostfix({ sinkPort: sink.port, mainCf });
    stops.push(() => server.stop());
    const open = await tryPort(server.smtpPort);
    expect({ ids: ids(open.findings), notes: open.notes }, server.log()).toEqual({
      ids: ['open-relay', 'vrfy'],
      notes: [],
    });
    expect(open.findings[0]?.evidence.text).toMatch(
      /^MAIL FROM:<probe@example\.org>, RCPT TO:<relay@example\.org>: 250 /,
    );

    await server.configure('mynetworks = 127.0.0.2/31\ndisable_vrfy_command = yes');
    expect(await tryPort(server.smtpPort)).toEqual({ findings: [], notes: [] });
    const mail = { sender: 'bob@example.net', recipients: ['x@example.com'] };
    const replies = await sendMail({ port: server.smtpPort, localAddress: '127.0.0.2' }, mail);
    expect(replies.data?.code).toBe(250);
    expect(server.log()).not.toMatch(/from=<[^>]*>, size=.*\n.*to=<relay@example\.org>/);
  });

  it('takes every recipient, and refuses the null sender', async () => {
    const [sinkPort = 0] = await freePorts(1);
    const server = await startPostfix({
      sinkPort,
      mainCf:
        'smtpd_sender_restrictions = check_sender_access inline:{<>=REJECT}\ndisable_vrfy_command = yes',
    });
    stops.push(() => server.stop());
    const { findings } = await tryPort(server.smtpPort);
    expect(ids(findings)).toEqual(['no-recipient-check', 'null-sender-refused']);
  });
});

describe.runIf(hasExim())('Exim', () => {
  it('relays for strangers, and no longer with the fix', async () => {
    const [sinkPort = 0] = await freePorts(1);
    const server = await startExim({ sinkPort, rcpt: '  accept domains = *' });
    stops.push(() => server.stop());
    expect(ids((await tryPort(server.port)).findings)).toContain('open-relay');
    await server.reconfigure({ sinkPort });
    expect(ids((await tryPort(server.port)).findings)).toEqual(['no-recipient-check']);
  });
});

describe('the probe', () => {
  it('knows twenty forms', () => {
    const forms = relayForms('example.net', 'mx.example.net', '192.0.2.1');
    expect(new Set(forms.map(({ sender, recipient }) => `${sender} ${recipient}`)).size).toBe(20);
  });

  it('says when a server does not answer', async () => {
    const [port = 0] = await freePorts(1);
    const { findings, notes } = await tryPort(port);
    expect(findings).toEqual([]);
    expect(notes).toEqual([`127.0.0.1:${port} was not probed: ECONNREFUSED`]);
  });

  it('never sends DATA', async () => {
    const session = new SmtpSession('127.0.0.1', 9);
    await expect(session.command('data')).rejects.toThrow(RangeError);
    await expect(session.command('NOOP\r\nDATA')).rejects.toThrow(RangeError);
    session.close();
  });

  it('refuses a host of somebody else until it is named twice', async () => {
    const err: string[] = [];
    const io = { stdout: () => {}, stderr: (text: string) => void err.push(text) };
    const argv = ['audit', '--postfix', '/nonexistent', '--offline', '--probe', '192.0.2.7'];
    expect(await main(argv, io)).toBe(2);
    expect(err.join('')).toContain('name it twice: --probe 192.0.2.7 --probe 192.0.2.7');
    err.length = 0;
    await main([...argv, '--probe', '192.0.2.7'], io);
    expect(err.join('')).not.toContain('name it twice');
    expect(err.join('')).toContain('nothing was audited');
  });
});

describe.runIf(hasPostfix())('a relay client', () => {
  it('is no stranger: the probe says so', async () => {
    const [sinkPort = 0] = await freePorts(1);
    const server = await startPostfix({ sinkPort, mainCf: 'disable_vrfy_command = yes' });
    stops.push(() => server.stop());
    const { findings, notes } = await tryPort(server.smtpPort, { relayNetworks: ['127.0.0.0/8'] });
    expect(findings).toEqual([]);
    expect(notes.join()).toContain('from 127.0.0.1, which may relay, so no relaying was tried');
  });
});
