/**
 * Two days of a hosting server, made from a seed: ordinary users, a newsletter, a mailing list, a script that sends mail
 * to one dead address every minute, a webmail host that relays for all, forwarded mail, two stolen accounts; and a large
 * provider that refuses addresses that exist, on both evenings. The log is that of Postfix. The hours of the outages are
 * those of the real ones in December 2020.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MIDNIGHT = Date.UTC(2020, 11, 14);
const START = MIDNIGHT + 6 * HOUR;
const END = MIDNIGHT + 48 * HOUR;

/** When the large provider has an outage, in ms, and which share of its mail it refuses then. */
const OUTAGES = [
  { from: MIDNIGHT + 22 * HOUR + 16 * MINUTE, to: MIDNIGHT + 24 * HOUR + 20 * MINUTE, share: 0.6 },
  { from: MIDNIGHT + 43 * HOUR + 38 * MINUTE, to: MIDNIGHT + 47 * HOUR + 40 * MINUTE, share: 0.8 },
];

interface Provider {
  readonly domains: readonly string[];
  readonly hosts: readonly string[];
  readonly weight: number;
}

/** The first is the large one with the outages. */
const PROVIDERS: readonly Provider[] = [
  {
    domains: ['bigmail.example', 'shop.bigmail.example'],
    hosts: ['big-smtp-in.l.bigmail.example', 'alt1.aspmx.l.bigmail.example'],
    weight: 0.4,
  },
  {
    domains: ['example.com'],
    hosts: ['mx1.mail.example.com', 'mx2.mail.example.com'],
    weight: 0.2,
  },
  { domains: ['example.org'], hosts: ['mx.example.org'], weight: 0.2 },
  { domains: ['small.test', 'tiny.test', 'old.test'], hosts: ['mail.small.test'], weight: 0.2 },
];

export interface DayOptions {
  readonly seed: number;
  readonly outage: boolean;
  readonly users: number;
}

export interface ExpectedVerdict {
  readonly id: string;
  /** 1-based */
  readonly line: number;
}

export interface Day {
  readonly lines: readonly string[];
  /** who must be blocked, and by which line */
  readonly expected: readonly ExpectedVerdict[];
  /** how many addresses of the newsletter were refused */
  readonly newsletterRefused: number;
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

interface LogLine {
  readonly time: number;
  readonly text: string;
  /** a refusal of this submitter that counts */
  readonly counts?: { readonly id: string; readonly recipient: string };
}

interface Sender {
  readonly id: string;
  readonly client: string;
  /** logged in; else the client relays by its address */
  readonly user?: string;
  readonly forwards?: string;
}

class DayWriter {
  readonly lines: LogLine[] = [];
  readonly random: () => number;
  readonly #outage: boolean;
  #serial = 0;
  #names = 0;

  constructor({ seed, outage }: DayOptions) {
    this.random = random(seed);
    this.#outage = outage;
  }

  /** A message; a share of its recipients does not exist. */
  mail(time: number, sender: Sender, count: number, dead: number): number {
    const queueId = this.#queueId();
    this.#accept(time, queueId, sender, count);
    let refused = 0;
    for (let index = 0; index < count; index++) {
      const later = time + 1000 + Math.floor(this.random() * 4000) + index * 40;
      if (this.#deliver(later, queueId, sender, this.random() < dead)) refused++;
    }
    this.#log(time + 6000 + count * 40, 'qmgr[700]', `${queueId}: removed`);
    return refused;
  }

  /** One recipient that never existed, at a provider without an outage. */
  deadAddress(time: number, sender: Sender, recipient: string): void {
    const queueId = this.#queueId();
    this.#accept(time, queueId, sender, 1);
    this.#refuse(time + 1000, queueId, sender, recipient, 'mx.example.org', true);
    this.#log(time + 1100, 'qmgr[700]', `${queueId}: removed`);
  }

  /** Short IDs are hexadecimal. */
  #queueId(): string {
    return (0xa000000000 + ++this.#serial).toString(16).toUpperCase();
  }

  #accept(time: number, queueId: string, { client, user, id, forwards }: Sender, count: number) {
    const login = user === undefined ? '' : `, sasl_method=PLAIN, sasl_username=${user}`;
    const smtpd = user === undefined ? 'smtpd[810]' : 'submission/smtpd[811]';
    const from = forwards === undefined ? id : 'stranger@example.test';
    this.#log(time, smtpd, `${queueId}: client=host.example.net[${client}]${login}`);
    this.#log(time + 10, 'cleanup[815]', `${queueId}: message-id=<${queueId}@example.net>`);
    const text = `${queueId}: from=<${from}>, size=2000, nrcpt=${count} (queue active)`;
    this.#log(time + 20, 'qmgr[700]', text);
  }

  #deliver(time: number, queueId: string, sender: Sender, dead: boolean): boolean {
    const provider = this.#pickProvider();
    const isBig = provider === PROVIDERS[0];
    const name = `${dead ? 'gone' : 'p'}${++this.#names}`;
    const recipient = `${name}@${this.#pick(provider.domains)}`;
    const host = this.#pick(provider.hosts);
    const outage = isBig && this.#outage ? outageAt(time) : undefined;
    const lies = outage !== undefined && this.random() < outage;
    if (dead || lies) {
      this.#refuse(time, queueId, sender, recipient, host, outage === undefined);
      return true;
    }
    const to = this.#to(recipient, host, sender);
    this.#log(time, 'smtp[822]', `${queueId}: ${to}, dsn=2.0.0, status=sent (250 2.0.0 OK)`);
    return false;
  }

  #refuse(
    time: number,
    queueId: string,
    sender: Sender,
    recipient: string,
    host: string,
    counts: boolean,
  ): void {
    const reply = '550-5.1.1 The email account that you tried to reach does not exist';
    const said = `host ${host}[198.51.100.7] said: ${reply} (in reply to RCPT TO command)`;
    const text = `${queueId}: ${this.#to(recipient, host, sender)}, dsn=5.1.1, status=bounced (${said})`;
    this.#log(time, 'smtp[822]', text, counts ? { id: sender.id, recipient } : undefined);
  }

  #to(recipient: string, host: string, { forwards }: Sender): string {
    const original = forwards === undefined ? '' : `, orig_to=<${forwards}>`;
    return `to=<${recipient}>${original}, relay=${host}[198.51.100.7]:25, delay=1, delays=0/0/0/1`;
  }

  #log(time: number, program: string, text: string, counts?: LogLine['counts']): void {
    const line = `${new Date(time).toISOString()} mx1 postfix/${program}: ${text}`;
    this.lines.push({ time, text: line, ...(counts === undefined ? {} : { counts }) });
  }

  #pickProvider(): Provider {
    const drawn = this.random();
    let sum = 0;
    for (const provider of PROVIDERS) {
      sum += provider.weight;
      if (drawn < sum) return provider;
    }
    return PROVIDERS[1] as Provider;
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)] as T;
  }
}

function outageAt(time: number): number | undefined {
  return OUTAGES.find(({ from, to }) => time >= from && time < to)?.share;
}

/** How busy people are, by hour of the day in UTC: offices on two continents. */
function activity(time: number): number {
  const hour = new Date(time).getUTCHours();
  if (hour < 6) return 0.15;
  return hour < 20 ? 1 : 0.5;
}

/** Times at a rate per hour between two times. */
function* times(writer: DayWriter, perHour: number, from = START, to = END): Generator<number> {
  for (let time = from; ; ) {
    time += Math.ceil((-Math.log(1 - writer.random()) * HOUR) / perHour);
    if (time >= to) return;
    if (writer.random() < activity(time)) yield time;
  }
}

function account(name: string, client: string): Sender {
  return { id: `${name}@example.net`, client, user: `${name}@example.net` };
}

export function makeDay(options: DayOptions): Day {
  const writer = new DayWriter(options);
  ordinaryUsers(writer, options.users);
  const newsletterRefused = newsletter(writer);
  const list = account('list', '192.0.2.20');
  for (const time of times(writer, 0.7)) writer.mail(time, list, 60, 0.03);
  const webmail: Sender = { id: '192.0.2.80', client: '192.0.2.80' };
  for (const time of times(writer, 150)) writer.mail(time, webmail, 1, 0.015);
  const monitor = account('monitor', '192.0.2.21');
  for (let time = START; time < END; time += MINUTE) {
    writer.deadAddress(time, monitor, 'gone@example.org');
  }
  const forward = { id: 'nobody', client: '203.0.113.9', forwards: 'office@example.net' };
  for (const time of times(writer, 40)) writer.mail(time, forward, 1, 0.01);
  stolenAccounts(writer);
  return finish(writer, newsletterRefused);
}

function ordinaryUsers(writer: DayWriter, users: number): void {
  for (let user = 0; user < users; user++) {
    const sender = account(`user${user}`, `192.0.2.${100 + (user % 100)}`);
    for (const time of times(writer, 1.2)) {
      writer.mail(time, sender, 1 + Math.floor(writer.random() * 2.2), 0.012);
    }
  }
}

/** A clean list of 8,000 on the first morning, and again minutes before the second outage begins. */
function newsletter(writer: DayWriter): number {
  const sender = account('news', '192.0.2.22');
  let refused = 0;
  for (const start of [MIDNIGHT + 10 * HOUR, MIDNIGHT + 43 * HOUR + 35 * MINUTE]) {
    for (let part = 0; part < 400; part++) {
      refused += writer.mail(start + part * 8000, sender, 20, 0.02);
    }
  }
  return refused;
}

/** One on the first afternoon, one during an outage. Both also send what their owners send. */
function stolenAccounts(writer: DayWriter): void {
  for (const [name, start] of [
    ['user1', MIDNIGHT + 15 * HOUR],
    ['user2', MIDNIGHT + 45 * HOUR],
  ] as const) {
    const sender = account(name, '203.0.113.66');
    for (let index = 0; index < 300; index++) {
      writer.mail(start + index * 4000, sender, 3, 0.3);
    }
  }
}

function finish(writer: DayWriter, newsletterRefused: number): Day {
  const logged = writer.lines.sort((a, b) => a.time - b.time);
  const expected = ['user1@example.net', 'user2@example.net'].flatMap((id) => {
    const line = lineOfVerdict(logged, id);
    return line === undefined ? [] : [{ id, line }];
  });
  return { lines: logged.map(({ text }) => text), expected, newsletterRefused };
}

/** By definition: the first refusal that has 100 different ones in the hour up to it. */
function lineOfVerdict(logged: readonly LogLine[], id: string): number | undefined {
  const last = new Map<string, number>();
  for (const [index, { time, counts }] of logged.entries()) {
    if (counts?.id !== id) continue;
    last.set(counts.recipient, time);
    for (const [recipient, at] of last) if (at <= time - HOUR) last.delete(recipient);
    if (last.size >= 100) return index + 1;
  }
  return undefined;
}
