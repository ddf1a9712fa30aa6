/**
 * An address that changes hands within the hour: Erika sends to dead addresses from it, then from her next one, while
 * Karl has the first. Each kind of source names her, whose refusals at both addresses are above the limit together, and
 * nobody else.
 */
import { resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { runReplay } from '../../src/cli/replay.ts';
import { LEASE_FORMATS, type LeaseFormat } from '../../src/leases/sources.ts';
import { scratchFolder } from '../support/folder.ts';

const START = Date.UTC(2026, 10, 10, 9);
const EPOCH = START / SECOND;
const RULES = resolve(import.meta.dirname, '../../rules');

const folder = scratchFolder();
afterAll(() => folder.remove());

/** Minutes after 09:00 at which each has an address, without end where the second is missing. */
const HANDS = [
  { address: '10.1.0.7', mac: '02:00:5e:00:53:01', name: 'erika', from: -60, until: 30 },
  { address: '10.1.0.7', mac: '02:00:5e:00:53:02', name: 'karl', from: 31, until: 90 },
  { address: '10.1.0.8', mac: '02:00:5e:00:53:01', name: 'erika', from: 31, until: 90 },
] as const;

const at = (minutes: number) => new Date(START + minutes * MINUTE).toISOString();
const civil = (minutes: number) =>
  `2 ${at(minutes).slice(0, 19).replaceAll('-', '/').replace('T', ' ')}`;

function account(status: string, { address, name, from }: (typeof HANDS)[number], minutes: number) {
  return `Tue Nov 10 09:00:00 2026
\tAcct-Status-Type = ${status}
\tUser-Name = "${name}"
\tFramed-IP-Address = ${address}
\tAcct-Session-Id = "${address}-${from}"
\tAcct-Session-Time = ${(minutes - from) * 60}
\tTimestamp = ${EPOCH + minutes * 60}

`;
}

const SOURCES: Record<LeaseFormat, { readonly text: string; readonly person: string }> = {
  'isc-dhcpd': {
    person: '02:00:5e:00:53:01',
    text: HANDS.map(
      ({ address, mac, from, until }) => `lease ${address} {
  starts ${civil(from)};
  ends ${civil(until)};
  binding state ${until === 30 ? 'free' : 'active'};
  hardware ethernet ${mac};
}
`,
    ).join(''),
  },
  kea: {
    person: '02:00:5e:00:53:01',
    text: `address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
${HANDS.map(({ address, mac, from, until }) => `${address},${mac},,${(until - from) * 60},${EPOCH + until * 60},1,0,0,,0,,0`).join('\n')}
`,
  },
  'radius-detail': {
    person: 'erika',
    text: HANDS.map(
      (one) => account('Start', one, one.from) + account('Stop', one, one.until),
    ).join(''),
  },
  csv: {
    person: 'erika',
    text: `username,framedipaddress,acctstarttime,acctstoptime
${HANDS.map(({ address, name, from, until }) => `${name},${address},${at(from).slice(0, 19).replace('T', ' ')}+00,${until === 30 ? at(until) : ''}`).join('\n')}
`,
  },
};

/** Mails of a relay client, one each quarter of a minute; every `nth` goes to an address that does not exist. */
function mails(address: string, minutes: number, count: number, nth: number): string[] {
  return Array.from({ length: count }, (_, n) => {
    const id = `A${address.replaceAll('.', '')}${minutes + 100}${n}`.padEnd(15, '0');
    const stamp = new Date(START + minutes * MINUTE + n * 15 * SECOND).toISOString();
    const isDead = n % nth === 0;
    const outcome = isDead
      ? 'dsn=5.1.1, status=bounced (host mx.example.org[198.51.100.9] said: 550 5.1.1 User unknown (in reply to RCPT TO command))'
      : 'dsn=2.0.0, status=sent (250 2.0.0 Ok)';
    return [
      `${stamp} mx1 postfix/smtpd[700]: ${id}: client=unknown[${address}]`,
      `${stamp} mx1 postfix/qmgr[62]: ${id}: from=<pc@example.net>, size=900, nrcpt=1 (queue active)`,
      `${stamp} mx1 postfix/smtp[70]: ${id}: to=<${id}@example.org>, relay=mx.example.org[198.51.100.9]:25, delay=1, delays=0/0/0/1, ${outcome}`,
    ].join('\n');
  });
}

it.each(LEASE_FORMATS)('%s: the person at both addresses', async (format) => {
  const { text, person } = SOURCES[format];
  const lines = [
    ...mails('10.1.0.7', 0, 110, 2),
    ...mails('10.1.0.8', 31, 110, 2),
    ...mails('10.1.0.7', 31, 110, 40),
  ].sort();
  const leases = folder.write(`${format}.leases`, text);
  const log = folder.write(`${format}.log`, `${lines.join('\n')}\n`);
  const config = folder.write(
    `${format}.yaml`,
    `leases: [ { file: ${leases}, format: ${format} } ]\n`,
  );
  let printed = '';
  const io = {
    stdout: (part: string) => {
      printed += part;
    },
    stderr: () => {},
  };
  await runReplay([log], { rules: RULES, zone: 'UTC', format: 'json', config }, io);
  const { verdicts } = JSON.parse(printed) as {
    verdicts: { action: string; key: { type: string; id: string }; time: string }[];
  };
  const blocks = verdicts.filter(({ action }) => action === 'block');
  expect(blocks.map(({ key }) => key)).toEqual([{ type: 'user', id: person }]);
  expect(Date.parse(blocks[0]?.time ?? '')).toBeLessThan(START + HOUR);
});
