/** Made-up logs from the messages of real ones: recombined, damaged, and with the prefixes that attackers and relays write. */
import fc from 'fast-check';

const STRANGE = [
  '\0',
  '\t',
  '\r',
  ' ',
  '"',
  '<',
  '>',
  '[',
  ']',
  '\\',
  ';',
  ':',
  '\x7f',
  '\xe9',
  '\xe2\x80\xa8',
];
const FALSE_PARTS = [
  ', relay=none, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)',
  '; from=<a@example.org> to=<b@example.net> proto=ESMTP helo=<x>',
  ', sasl_method=PLAIN, sasl_username=root@example.net',
  ', sasl_username=carla@example.net, sasl_sender=x@example.org',
  ', orig_queue_id=9BE7E21449E, orig_client=unknown[192.0.2.66]',
  ', size=1, nrcpt=1 (queue active)',
  ' (in reply to RCPT TO command))',
  '9BE7E21449E: removed',
  ': queued as 9BE7E21449E',
  'Nov  1 09:05:07 mx1 postfix/qmgr[1]: 9BE7E21449E: removed',
  'NOQUEUE: ',
  'warning: ',
  'message repeated 2 times: [ ',
  '**** log string overflowed log buffer ****',
  ' H=x [192.0.2.66] P=esmtpa A=plain:root',
  ') [192.0.2.66] F=<a@b> rejected RCPT <c@d>: Unrouteable address',
  ' Completed',
];
/** Lengths at which texts may have been cut. */
const LONG = [769, 770, 800, 1010, 1920, 2000, 2048];

/** One change to a message. */
export const change: fc.Arbitrary<(text: string, other: string) => string> = fc.oneof(
  fc.tuple(fc.nat(), fc.constantFrom(...STRANGE, ...FALSE_PARTS)).map(
    ([at, part]) =>
      (text: string) =>
        insert(text, at % (text.length + 1), part),
  ),
  fc.tuple(fc.nat(), fc.nat({ max: 255 })).map(
    ([at, byte]) =>
      (text: string) =>
        `${text.slice(0, at % text.length)}${String.fromCharCode(byte === 10 ? 11 : byte)}${text.slice((at % text.length) + 1)}`,
  ),
  fc.nat().map((at) => (text: string) => text.slice(0, at % (text.length + 1))),
  fc.tuple(fc.nat(), fc.nat({ max: 12 })).map(
    ([at, length]) =>
      (text: string) =>
        text.slice(0, at % text.length) + text.slice((at % text.length) + length),
  ),
  fc.tuple(fc.nat(), fc.nat()).map(
    ([at, behind]) =>
      (text: string, other: string) =>
        text.slice(0, at % (text.length + 1)) + other.slice(behind % (other.length + 1)),
  ),
  fc.constantFrom(...LONG).map((length) => (text: string) => lengthen(text, length)),
  fc.constantFrom(' ', '  ', '\t', '\r', ')', '>').map((end) => (text: string) => text + end),
);

function insert(text: string, at: number, part: string): string {
  return text.slice(0, at) + part + text.slice(at);
}

/** Makes the text behind the tag so long, in its first address if there is one. */
function lengthen(text: string, length: number): string {
  const missing = length - (text.length - text.indexOf(': ') - 2);
  const at = text.indexOf('<') + 1;
  return missing > 0 ? insert(text, at > 0 ? at : text.length, 'a'.repeat(missing)) : text;
}

const HOSTS = [
  ...new Array<string>(40).fill('mx1'),
  'mx2',
  'INFO',
  'stdout',
  'postfix/smtpd[811]:',
];
const CLEAN = fc.constant((text: string) => text);
const MINUTE = 60_000;
const steps = fc.oneof(
  { arbitrary: fc.nat({ max: 1500 }), weight: 30 },
  { arbitrary: fc.constantFrom(-MINUTE, -1, MINUTE, 3_600_000, 86_400_000), weight: 1 },
);

type Stamp = (time: number, odd: number) => string;

/** Stamps as syslog daemons write them; `odd` makes some of them a little different. */
const STAMPS: readonly Stamp[] = [
  (time, odd) => `${MONTHS[new Date(time).getUTCMonth()]} ${day(time, odd)} ${clock(time, odd)}`,
  (time, odd) =>
    `${new Date(time).toISOString().slice(0, 11)}${clock(time, odd)}.${fraction(time, odd)}+01:00`,
  (time, odd) => `${new Date(time).toISOString().slice(0, 11)}${clock(time, odd)}Z`,
];
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

function day(time: number, odd: number): string {
  return String(new Date(time).getUTCDate()).padStart(2, odd === 1 ? '0' : ' ');
}

function clock(time: number, odd: number): string {
  const text = new Date(time).toISOString().slice(11, 19);
  return odd === 2 ? `${text.slice(0, 6)}60` : odd === 3 ? `${text.slice(0, 7)}x` : text;
}

function fraction(time: number, odd: number): string {
  const digits = `${String(time % 1000).padStart(3, '0')}417`;
  return odd === 4 ? digits.slice(0, 1) : odd === 5 ? `${digits}1234567` : odd === 6 ? '' : digits;
}

type Prefix = (time: number, odd: number, host: string) => string;

const SYSLOG: readonly Prefix[] = STAMPS.map(
  (stamp) => (time, odd, host) => `${stamp(time, odd)} ${host} `,
);
const EXIM: readonly Prefix[] = ['', ' +0100'].flatMap((zone) => [
  (time, odd) => `${eximStamp(time, odd)}${zone} `,
  (time, odd) => `${eximStamp(time, odd)}.${fraction(time, odd)}${zone} `,
  (time, odd, host) =>
    `${eximStamp(time, odd)}${zone} ${odd > 0 ? '[811] ' : host === 'mx1' ? '' : `${host} `}`,
]);

function eximStamp(time: number, odd: number): string {
  return `${new Date(time).toISOString().slice(0, 10)} ${clock(time, odd)}`;
}

/** Logs of syslog, with these messages behind host and blank. */
export function damagedSyslogs(messages: readonly string[]): fc.Arbitrary<string> {
  return damagedLogs([...messages], SYSLOG);
}

/** Exim's own logs, with these texts. */
export function damagedEximLogs(texts: readonly string[]): fc.Arbitrary<string> {
  return damagedLogs(texts, EXIM);
}

/** Logs of 10 to 60 lines as byte strings; most of the lines are sound. */
function damagedLogs(
  messages: readonly string[],
  prefixes: readonly Prefix[],
): fc.Arbitrary<string> {
  const message = fc.constantFrom(...messages);
  const text = fc
    .tuple(
      message,
      message,
      fc.oneof({ arbitrary: CLEAN, weight: 3 }, { arbitrary: change, weight: 2 }),
    )
    .map(([one, other, damage]) => damage(one, other).replaceAll('\n', ' '));
  const whole = fc.oneof(
    { arbitrary: text, weight: 30 },
    { arbitrary: fc.constantFrom(...REPEATS), weight: 1 },
  );
  const line = fc.record({
    text: whole,
    step: steps,
    host: fc.constantFrom(...HOSTS),
    odd: fc.oneof(
      { arbitrary: fc.constant(0), weight: 20 },
      { arbitrary: fc.nat({ max: 6 }), weight: 1 },
    ),
    end: fc.oneof(
      { arbitrary: fc.constant('\n'), weight: 20 },
      { arbitrary: fc.constantFrom('\r\n', '\n\n'), weight: 1 },
    ),
  });
  return fc
    .tuple(
      fc.constantFrom(...prefixes),
      fc.nat({ max: 30 }),
      fc.array(line, { minLength: 10, maxLength: 60 }),
    )
    .map(([prefix, days, lines]) => {
      let time = Date.UTC(2026, 9, 24, 0, 58) + days * 86_400_000;
      const told = lines.map((one) => {
        time += one.step;
        return `${prefix(time, one.odd, one.host)}${one.text}${one.end}`;
      });
      return told.join('');
    });
}

/** Lines that mean the one before, and others that the envelope looks into. */
const REPEATS = [
  'last message repeated 3 times',
  'syslogd: last message repeated 2 times',
  'postfix/smtpd[811]: message repeated 2 times: [ warning: unknown[192.0.2.9]: SASL LOGIN authentication failed: authentication failure]',
  'postfix/smtpd[811]: [ID 197553 mail.info] connect from unknown[192.0.2.9]',
  'Nov  1 09:05:07 mx1 postfix/qmgr[700]: 9BE7E21449E: removed',
  'docker[811]: Nov  1 09:05:07 mx1 postfix/qmgr[700]: 9BE7E21449E: removed',
  'dovecot: imap-login: Login: user=<anna@example.net>',
  'dovecot[12]: lmtp(anna): Nov  1 09:05:07 mx1 postfix/qmgr[700]: 9BE7E21449E: removed',
  'kernel: x',
  '-- MARK --',
];
