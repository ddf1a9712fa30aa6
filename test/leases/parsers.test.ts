/** Leases of each kind of source: the text as the server writes it, and what is read of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEASE_PARSERS, type LeaseFormat } from '../../src/leases/sources.ts';

interface Case {
  readonly name: string;
  readonly format: LeaseFormat;
  readonly field?: string;
  readonly text: string;
  /** address, person, from, until */
  readonly expected: readonly (readonly [string, string, string, string?])[];
}

const DHCPD = `# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;

lease 10.1.0.7 {
  starts 2 2026/11/10 08:00:00;
  ends 2 2026/11/10 20:00:00;
  tstp 2 2026/11/10 20:00:00;
  cltt 2 2026/11/10 08:00:00;
  binding state active;
  next binding state free;
  hardware ethernet 02:00:5e:00:53:01;
  uid "\\001\\002\\000^\\000S\\001";
  set vendor-class-identifier = "MSFT 5.0";
  client-hostname "erika-laptop";
}
lease 10.1.0.8 {
  starts epoch 1794297600; # Tue Nov 10 08:00:00 2026
  ends never;
  binding state active;
  hardware ethernet 02:00:5e:00:53:02;
}
lease 10.1.0.7 {
  starts 2 2026/11/10 12:00:00;
  ends 2 2026/11/10 13:30:00;
  binding state free;
  hardware ethernet 02:00:5e:00:53:03;
}
lease 10.1.0.9 {
  starts nonsense;
  hardware ethernet 02:00:5e:00:53:04;
}
`;

const DHCPD6 = `ia-na "\\001\\002\\003\\004duid-of-erika" {
  cltt 2 2026/11/10 08:00:00;
  iaaddr 2001:db8:1::7 {
    binding state active;
    starts 2 2026/11/10 08:00:00;
    ends 2 2026/11/10 20:00:00;
  }
}
`;

const KEA = `address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
10.1.0.7,02:00:5e:00:53:01,,3600,1794301200,1,0,0,erika-laptop,0,,0
10.1.0.8,02:00:5e:00:53:02,,3600,1794301200,1,0,0,,1,,0
`;

const RADIUS = `Tue Nov 10 08:00:00 2026
\tAcct-Status-Type = Start
\tUser-Name = "erika"
\tFramed-IP-Address = 10.1.0.7
\tAcct-Session-Id = "00000001"
\tTimestamp = 1794297600

Tue Nov 10 08:30:00 2026
\tAcct-Status-Type = Interim-Update
\tUser-Name = "erika"
\tFramed-IP-Address = 10.1.0.7
\tAcct-Session-Id = "00000001"
\tAcct-Session-Time = 1800
\tTimestamp = 1794299400

Tue Nov 10 09:00:05 2026
\tAcct-Status-Type = Stop
\tUser-Name = "erika"
\tFramed-IP-Address = 10.1.0.7
\tAcct-Session-Id = "00000001"
\tAcct-Session-Time = 3600
\tAcct-Delay-Time = 5
\tTimestamp = 1794301205

Tue Nov 10 09:10:00 2026
\tAcct-Status-Type = Accounting-On
\tNAS-IP-Address = 10.1.0.1
\tTimestamp = 1794301800

`;

/** One record of an accounting log; `at` in seconds after 08:00. */
function account(status: string, user: string, at: number, more = ''): string {
  return `Tue Nov 10 08:00:00 2026
\tAcct-Status-Type = ${status}
\tUser-Name = "${user}"
\tFramed-IP-Address = 10.1.0.7
\tAcct-Session-Id = "00000001"
${more}\tTimestamp = ${1794297600 + at}

`;
}

const CASES: readonly Case[] = [
  {
    name: 'ISC dhcpd: the hardware address, a lease without end, one that was given back',
    format: 'isc-dhcpd',
    text: DHCPD,
    expected: [
      ['10.1.0.7', '02:00:5e:00:53:01', '2026-11-10T08:00:00.000Z', '2026-11-10T20:00:00.000Z'],
      ['10.1.0.8', '02:00:5e:00:53:02', '2026-11-10T08:00:00.000Z'],
      ['10.1.0.7', '02:00:5e:00:53:03', '2026-11-10T12:00:00.000Z', '2026-11-10T13:30:00.000Z'],
    ],
  },
  {
    name: 'ISC dhcpd: another statement names the person',
    format: 'isc-dhcpd',
    field: 'client-hostname',
    text: DHCPD,
    expected: [
      ['10.1.0.7', 'erika-laptop', '2026-11-10T08:00:00.000Z', '2026-11-10T20:00:00.000Z'],
    ],
  },
  {
    name: 'ISC dhcpd: IPv6',
    format: 'isc-dhcpd',
    text: DHCPD6,
    expected: [
      [
        '2001:db8:1::7',
        '\\001\\002\\003\\004duid-of-erika',
        '2026-11-10T08:00:00.000Z',
        '2026-11-10T20:00:00.000Z',
      ],
    ],
  },
  {
    name: 'Kea: only leases that somebody has',
    format: 'kea',
    text: KEA,
    expected: [
      ['10.1.0.7', '02:00:5e:00:53:01', '2026-11-10T08:00:00.000Z', '2026-11-10T09:00:00.000Z'],
    ],
  },
  {
    name: 'Kea: a lease that was given back',
    format: 'kea',
    text: `${KEA.split('\n')[0]}\n10.1.0.7,02:00:5e:00:53:01,,0,1794301200,1,0,0,,0,,0\n`,
    expected: [
      ['10.1.0.7', '02:00:5e:00:53:01', '2026-11-10T09:00:00.000Z', '2026-11-10T09:00:00.000Z'],
    ],
  },
  {
    name: 'Kea: the host name names the person',
    format: 'kea',
    field: 'hostname',
    text: KEA,
    expected: [
      ['10.1.0.7', 'erika-laptop', '2026-11-10T08:00:00.000Z', '2026-11-10T09:00:00.000Z'],
    ],
  },
  {
    name: 'FreeRADIUS: start, update and stop are one session',
    format: 'radius-detail',
    text: RADIUS,
    expected: [['10.1.0.7', 'erika', '2026-11-10T08:00:00.000Z', '2026-11-10T09:00:00.000Z']],
  },
  {
    name: 'FreeRADIUS: after a restart, the access server gives an identifier again',
    format: 'radius-detail',
    text: [
      account('Start', 'erika', 0),
      account('Stop', 'erika', 600),
      account('Start', 'karl', 1200),
      account('Stop', 'karl', 1800),
      account('Start', 'erika', 2400),
    ].join(''),
    expected: [
      ['10.1.0.7', 'erika', '2026-11-10T08:00:00.000Z', '2026-11-10T08:10:00.000Z'],
      ['10.1.0.7', 'erika', '2026-11-10T08:40:00.000Z'],
      ['10.1.0.7', 'karl', '2026-11-10T08:20:00.000Z', '2026-11-10T08:30:00.000Z'],
    ],
  },
  {
    name: 'FreeRADIUS: an update comes after the stop, and a stop twice',
    format: 'radius-detail',
    text: [
      account('Stop', 'erika', 600, '\tAcct-Session-Time = 600\n'),
      account('Interim-Update', 'erika', 580, '\tAcct-Session-Time = 580\n'),
      account('Stop', 'erika', 605, '\tAcct-Session-Time = 600\n\tAcct-Delay-Time = 5\n'),
    ].join(''),
    expected: [['10.1.0.7', 'erika', '2026-11-10T08:00:00.000Z', '2026-11-10T08:10:00.000Z']],
  },
  {
    name: 'FreeRADIUS: a session with addresses of both kinds',
    format: 'radius-detail',
    text: account('Start', 'erika', 0, '\tFramed-IPv6-Address = 2001:db8:1::7\n'),
    expected: [
      ['10.1.0.7', 'erika', '2026-11-10T08:00:00.000Z'],
      ['2001:db8:1::7', 'erika', '2026-11-10T08:00:00.000Z'],
    ],
  },
  {
    name: 'a plain table',
    format: 'csv',
    text: 'address,person,from,until\n10.1.0.7,"Muster, Erika",2026-11-10T09:00:00+01:00,\n10.1.0.8,karl,1794297600,2026-11-10T10:00:00Z\r\nnonsense\n',
    expected: [
      ['10.1.0.7', 'muster, erika', '2026-11-10T08:00:00.000Z'],
      ['10.1.0.8', 'karl', '2026-11-10T08:00:00.000Z', '2026-11-10T10:00:00.000Z'],
    ],
  },
  {
    name: 'radacct as a database client prints it, with tabs',
    format: 'csv',
    text: 'username\tframedipaddress\tacctstarttime\tacctstoptime\nerika\t10.1.0.7\t2026-11-10 08:00:00\tNULL\n',
    expected: [['10.1.0.7', 'erika', '2026-11-10T08:00:00.000Z']],
  },
  {
    name: 'radacct as psql --csv prints it: the offset has no minutes, or some',
    format: 'csv',
    text: 'username,framedipaddress,acctstarttime,acctstoptime\nerika,10.1.0.7,2026-11-10 08:00:00+00,2026-11-10 10:00:00.25+01\nkarl,10.1.0.7,2026-11-10 13:30:00+05:30,\nrosa,10.1.0.7,2026-11-10 08:00:00 CET,\nrosa,10.1.0.7,2026-11-10 08:00:00+00,soon\n',
    expected: [
      ['10.1.0.7', 'erika', '2026-11-10T08:00:00.000Z', '2026-11-10T09:00:00.250Z'],
      ['10.1.0.7', 'karl', '2026-11-10T08:00:00.000Z'],
    ],
  },
];

describe('leases', () => {
  it.each(CASES)('$name', ({ format, field, text, expected }) => {
    const leases = LEASE_PARSERS[format](text, field).map(({ address, person, from, until }) => [
      address,
      person,
      new Date(from).toISOString(),
      ...(until === undefined ? [] : [new Date(until).toISOString()]),
    ]);
    expect(leases).toEqual(expected);
  });

  it.each(Object.keys(LEASE_PARSERS) as LeaseFormat[])(
    '%s reads any text without throwing',
    (format) => {
      const piece = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.constantFrom(...DHCPD.split('\n'), ...KEA.split('\n'), ...RADIUS.split('\n'), '}', '"'),
      );
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 30 }), (lines) => {
          for (const { from, person } of LEASE_PARSERS[format](lines.join('\n'), undefined)) {
            expect(Number.isFinite(from)).toBe(true);
            expect(person).not.toMatch(/[\x00-\x1f\x7f]/);
          }
        }),
      );
    },
  );
});
