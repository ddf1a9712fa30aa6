/**
 * What happens on every mail server, and its guilty twin: the same log, but for the one thing that makes somebody
 * guilty. Judged by the rules of the package.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Interpreter, type InterpreterOptions } from '../../src/interpret/interpreter.ts';
import { Judge } from '../../src/judge/judge.ts';
import { loadRules } from '../../src/judge/rule.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { Lines } from '../../src/model/lines.ts';

const RULES = loadRules(join(import.meta.dirname, '../../rules'));

/** One message of a log: who hands it in, from whom, and the outcome for each recipient. */
interface Mail {
  /** what follows `client=` */
  readonly client: string;
  readonly sender: string;
  readonly recipient: string;
  /** the delivery agent: `smtp`, `lmtp`, ... */
  readonly agent: string;
  readonly relay: string;
  readonly isDead: boolean;
}

/** The log of Postfix, a message every five seconds. */
function writeLog(mails: readonly Mail[]): string[] {
  return mails.flatMap((mail, index) => {
    const { client, sender, recipient, agent, relay, isDead } = mail;
    const at = new Date(Date.UTC(2026, 10, 12, 7) + 5000 * index).toISOString();
    const id = `4F${index.toString(16).toUpperCase().padStart(8, '0')}`;
    const head = (program: string) => `${at} gate postfix/${program}[3${index % 7}]: ${id}:`;
    const reply = isDead
      ? `dsn=5.1.1, status=bounced (host ${relay} said: 550 5.1.1 <${recipient}>: User unknown (in reply to RCPT TO command))`
      : 'dsn=2.0.0, status=sent (250 2.0.0 Ok)';
    return [
      `${head('smtpd')} client=${client}`,
      `${head('qmgr')} from=<${sender}>, size=1200, nrcpt=1 (queue active)`,
      `${head(agent)} to=<${recipient}>, relay=${relay}, delay=1, delays=0/0/0/1, ${reply}`,
      `${head('qmgr')} removed`,
    ];
  });
}

function judge(lines: readonly string[], options: InterpreterOptions = {}): string[] {
  const interpreter = new Interpreter(options);
  const events: MailEvent[] = [];
  const read = lines.map((bytes, index) => ({ source: 'log', line: index + 1, offset: 0, bytes }));
  interpreter.feed(interpreter.openSource(Date.UTC(2026, 10, 20)), new Lines(read), events);
  const judged = new Judge(RULES, { allowed: () => false });
  const verdicts = events.flatMap((event) => judged.feed(event));
  return verdicts
    .filter(({ rule }) => rule === 'invalid-recipients' || rule === 'own-delivery')
    .map(({ rule, key }) => `${rule} ${key.type} ${key.id}`);
}

const COUNT = 400;
const times = (make: (index: number) => Mail) => Array.from({ length: COUNT }, (_, i) => make(i));
const FOREIGN = ['alpha.test', 'beta.test', 'gamma.test', 'delta.test', 'epsilon.test'];
const domainOf = (index: number) => FOREIGN[index % FOREIGN.length] as string;

describe('a provider whose mail a gateway hands on', () => {
  const mail = (index: number): Mail => ({
    client: 'out7.provider.test[203.0.113.77]',
    sender: `s${index}@provider.test`,
    recipient: `r${index}@corp.test`,
    agent: 'smtp',
    relay: 'groupware.corp.test[198.51.100.33]:25',
    isDead: index % 3 === 0,
  });

  it('is not blocked', () => {
    expect(judge(writeLog(times(mail)))).toEqual([]);
  });

  it('is blocked as a relay client when its mail goes all over the world', () => {
    const twin = (index: number): Mail => ({
      ...mail(index),
      recipient: `r${index}@${domainOf(index)}`,
      relay: `in.${domainOf(index)}[192.0.2.${(index % 5) + 10}]:25`,
    });
    expect(judge(writeLog(times(twin)))).toEqual(['invalid-recipients client 203.0.113.77']);
  });
});

describe('automatic replies of a machine behind us', () => {
  const mail = (index: number): Mail => ({
    client: 'groupware.corp.test[172.20.4.4]',
    sender: index % 2 === 0 ? '' : `u${index}@corp.test`,
    recipient: `r${index}@${domainOf(index)}`,
    agent: 'smtp',
    relay: `in.${domainOf(index)}[192.0.2.${(index % 5) + 10}]:25`,
    isDead: index % 2 === 0,
  });

  it('count for nobody', () => {
    expect(judge(writeLog(times(mail)))).toEqual([]);
  });

  it('do not hide what the machine sends itself', () => {
    const twin = (index: number) => ({ ...mail(index), sender: `u${index}@corp.test` });
    expect(judge(writeLog(times(twin)))).toEqual(['invalid-recipients client 172.20.4.4']);
  });

  it('do not hide a user behind an empty sender', () => {
    const client = 'unknown[203.0.113.5], sasl_method=LOGIN, sasl_username=kim';
    const twin = (index: number) => ({ ...mail(index), client, sender: '' });
    expect(judge(writeLog(times(twin)))).toEqual(['invalid-recipients user kim']);
  });
});

describe('mailboxes that our own delivery does not find', () => {
  const mail = (index: number): Mail => ({
    client: 'pc.corp.test[192.0.2.5], sasl_method=PLAIN, sasl_username=office@corp.test',
    sender: 'office@corp.test',
    recipient: `staff${index}@corp.test`,
    agent: 'lmtp',
    relay: 'gate.corp.test[private/lmtp-dovecot]',
    isDead: index % 2 === 0,
  });

  it('are told, and count for nobody', () => {
    expect(judge(writeLog(times(mail)))).toEqual(['own-delivery host gate']);
  });

  it('do not hide what the same login sends to others', () => {
    const twin = (index: number) =>
      index % 4 === 0
        ? mail(index)
        : {
            ...mail(index),
            recipient: `r${index}@alpha.test`,
            agent: 'smtp',
            relay: 'in.alpha.test[192.0.2.10]:25',
          };
    expect(judge(writeLog(times(twin)))).toContain('invalid-recipients user office@corp.test');
  });
});

describe('a program that uses the loopback address', () => {
  it('is seen, whatever the networks are', () => {
    const mail = (index: number): Mail => ({
      client: 'localhost[::1]',
      sender: 'form@corp.test',
      recipient: `r${index}@${domainOf(index)}`,
      agent: 'smtp',
      relay: `in.${domainOf(index)}[192.0.2.${(index % 5) + 10}]:25`,
      isDead: index % 3 === 0,
    });
    expect(judge(writeLog(times(mail)))).toEqual(['invalid-recipients client ::1']);
  });
});
