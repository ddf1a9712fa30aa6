/**
 * The scanner and the plain way say the same about every line: about all sample logs, about logs that are cut at any
 * place, and about logs whose lines are damaged and recombined. Both count what they took.
 */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { readBothWays } from './both-ways.ts';
import { damagedEximLogs, damagedSyslogs } from './damage.ts';
import { HOSTILE, inLog, ORDINARY, takesAll } from './false-tails.ts';
import { listEximTexts, listMessages, makeLogs, readSamples } from './logs.ts';

const LONG = process.env.POSTERN_TORTURE === 'long';
const SAMPLES = readSamples();
const MADE = makeLogs(4000);
const ALL = [...SAMPLES, ...MADE];
/** The least share of the lines of an ordinary log that the scanner takes. */
const LEAST_SHARE = 0.6;

describe('scanner and plain way agree', () => {
  it.each(ALL)('on $name', ({ bytes }) => {
    for (const live of [false, true]) {
      const { scanning, plain } = readBothWays(bytes, [], { live });
      expect(scanning.seen).toBe(plain.seen);
      expect(plain.scanned).toBe(0);
    }
  });

  it.each(MADE)('on most lines of $name by the scanner', ({ bytes }) => {
    const { scanning } = readBothWays(bytes);
    expect(scanning.scanned / scanning.lines).toBeGreaterThan(LEAST_SHARE);
  });

  it.each(HOSTILE)('on %s', (line) => {
    const { scanning, plain } = readBothWays(inLog(line));
    expect(scanning.seen).toBe(plain.seen);
  });

  it.each(ORDINARY)('on %s, by the scanner alone', (line) => {
    const { scanning, plain } = readBothWays(inLog(line));
    expect(scanning.seen).toBe(plain.seen);
    expect(plain.seen).toContain('"rejected"');
    expect(takesAll(line)).toBe(true);
  });

  it('on the login of a line that may have been cut', () => {
    const login =
      'C0A8005: client=unknown[192.0.2.22], sasl_method=PLAIN, sasl_username=finn@example.net';
    const cut = `4C6E0579940: to=<anna.${'x'.repeat(login.length)}`.slice(0, login.length + 1);
    const line = (program: string, text: string) =>
      `2026-11-01T09:05:07.123456+01:00 mx1 postfix/${program}[811]: ${text}\n`;
    const log = line('smtp', cut).repeat(3) + line('smtpd', login).repeat(3);
    const { scanning, plain } = readBothWays(Buffer.from(log));
    expect(scanning.seen).toBe(plain.seen);
    expect(scanning.scanned).toBeGreaterThan(3);
    expect(plain.seen).not.toContain('"id":"finn@example.net"');
    expect(readBothWays(Buffer.from(line('smtpd', login).repeat(3))).scanning.seen).toContain(
      '"id":"finn@example.net"',
    );
  });

  it('and nothing is scanned with POSTERN_PLAIN=1', () => {
    vi.stubEnv('POSTERN_PLAIN', '1');
    try {
      expect(readBothWays(MADE[0]?.bytes as Buffer).scanning.scanned).toBe(0);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('wherever a read ends', () => {
    const part = MADE[0]?.bytes.subarray(0, 5000) as Buffer;
    for (let cut = 0; cut < part.length; cut += LONG ? 1 : 29) {
      const { scanning, plain } = readBothWays(part, [cut, cut + 1, cut + 300]);
      expect(scanning.seen).toBe(plain.seen);
    }
  });

  it.each(['postfix', 'exim'] as const)('on every log read as one of %s', (mta) => {
    for (const { bytes } of ALL) {
      const { scanning, plain } = readBothWays(bytes, [], { mta, host: 'mx9' });
      expect(scanning.seen).toBe(plain.seen);
    }
  });

  it.each([
    ['syslog', damagedSyslogs(listMessages(ALL))],
    ['Exim', damagedEximLogs(listEximTexts(ALL))],
  ])('on damaged and recombined lines of %s', (_name, logs) => {
    let lines = 0;
    let scanned = 0;
    fc.assert(
      fc.property(logs, fc.array(fc.nat({ max: 9000 }), { maxLength: 3 }), (log, at) => {
        const cuts = at.filter((cut) => cut < log.length);
        const { scanning, plain } = readBothWays(Buffer.from(log, 'latin1'), cuts, {
          live: at.length === 1,
        });
        expect(scanning.seen).toBe(plain.seen);
        lines += scanning.lines;
        scanned += scanning.scanned;
      }),
      { numRuns: LONG ? 20_000 : 200 },
    );
    // Damage that the scanner never looks at would prove nothing.
    expect(scanned / lines).toBeGreaterThan(0.3);
  });
});
