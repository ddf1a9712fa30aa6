// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Exim expands it
/** The stringent set for Exim: statements of the RCPT ACL, in the order of their cost. Pure. */
import { type ProposedList, proposedLists } from '../blocklists.ts';
import type { Addition } from '../harden.ts';
import type { Condition, Statement } from './model.ts';

export interface HardStatement extends Addition {
  /** `defer` where the client should try again later */
  readonly verb: 'deny' | 'defer';
  readonly conditions: readonly string[];
  /** the answer, and the text in the log of a rehearsal; no colon follows a blank in it */
  readonly text: string;
  /** whether a statement that refuses does the same or more */
  isSame(statement: Statement): boolean;
}

const mentions = (statement: Statement, pattern: RegExp) =>
  statement.conditions.some(({ value }) => pattern.test(value));
const has = (statement: Statement, test: (condition: Condition) => boolean) =>
  statement.conditions.some(test);

/** From cheap to dear. */
export function hardStatements(): HardStatement[] {
  const { client, sender } = proposedLists();
  return [
    {
      name: 'helo-missing',
      verb: 'deny',
      conditions: ['condition     = ${if eq{$sender_helo_name}{}}'],
      text: 'HELO or EHLO first, please',
      why: 'Only spam software leaves HELO out.',
      effect: 'Recipients of a client without HELO are refused with 550.',
      isSame: (each) => mentions(each, /sender_helo_name/) || has(each, isVerify('helo')),
    },
    {
      name: 'helo-name',
      verb: 'deny',
      conditions: [
        'condition     = ${if !match{$sender_helo_name}{\\N^(\\[.+\\]|[^.\\s]+(\\.[^.\\s]+)+\\.?)$\\N}}',
      ],
      text: 'your HELO name is not a full name',
      why: 'Infected PCs greet with their Windows name; RFC 5321 asks for a full name.',
      effect:
        'A HELO name without a dot that is not an address in brackets is refused with 550. Some badly kept servers have one.',
      isSame: (each) =>
        mentions(each, /\{match\{\$sender_helo_name|isip.*sender_helo_name/) ||
        mentions(each, /!match\{\$sender_helo_name/),
    },
    {
      name: 'null-sender-recipients',
      verb: 'deny',
      conditions: ['senders       = :', 'condition     = ${if >{$rcpt_count}{1}}'],
      text: 'a bounce has one recipient',
      why: 'A bounce goes to the one sender of a message, so one for several recipients is forged.',
      effect: 'Mail with the null sender is refused from its second recipient on, with 550.',
      isSame: (each) => mentions(each, /\$rcpt_count|\$recipients_count/),
    },
    {
      name: 'sender-domain',
      verb: 'deny',
      conditions: ['!verify       = sender'],
      text: 'your sender address cannot be answered',
      why: 'A sender that does not exist here, or whose domain does not, is forged; its bounces would stay in your queue.',
      effect:
        'Senders whose domain has no MX and no address, and senders in your own domains that do not exist, are refused with 550.',
      isSame: (each) => has(each, isVerify('sender')),
    },
    {
      name: 'reverse-name',
      verb: 'defer',
      conditions: [
        'condition     = ${lookup dnsdb{defer_never,ptr=$sender_host_address}{no}{yes}}',
      ],
      text: 'your address has no name in the DNS',
      why: 'Mail servers have a name in the DNS, most infected machines of customers have none.',
      effect: 'Clients whose address has no name (PTR) are put off with 451.',
      isSame: (each) =>
        has(each, isVerify('reverse_host_lookup')) || mentions(each, /ptr=|sender_host_name/),
    },
    {
      name: 'blocklist',
      verb: 'deny',
      conditions: [`dnslists      = ${eximList(client)}`],
      text: '$sender_host_address is listed at $dnslist_domain',
      why: 'Most spam comes from addresses that are listed already.',
      effect: `Clients that ${client.zone} lists are refused with 550.`,
      isSame: (each) =>
        has(each, ({ name, value }) => name === 'dnslists' && !value.includes('address_domain')),
    },
    {
      name: 'sender-blocklist',
      verb: 'deny',
      conditions: [
        '!senders      = :',
        `dnslists      = ${eximList(sender)}/$sender_address_domain`,
      ],
      text: 'your sender domain is listed at $dnslist_domain',
      why: 'Domains that were registered for spam are listed within hours.',
      effect: `Senders whose domain ${sender.zone} lists are refused with 550.`,
      isSame: (each) =>
        has(each, ({ name, value }) => name === 'dnslists' && value.includes('address_domain')),
    },
    rateLimit('connection', 'per_conn', 60, 'Scanners and bots connect again and again.'),
    rateLimit('message', 'per_mail', 100, 'A hacked machine sends as fast as it is let.'),
    rateLimit('recipient', 'per_rcpt', 300, 'A list of addresses is emptied in minutes.'),
  ];
}

/** The key is the client's address, so each client is counted by itself. */
function rateLimit(what: string, per: string, most: number, why: string): HardStatement {
  return {
    name: `${what}-rate`,
    verb: 'defer',
    conditions: [`ratelimit     = ${most} / 1m / ${per}`],
    text: `too many ${what}s, try again later`,
    why,
    effect: `A client with more than ${most} ${what}s in a minute is put off with 451 and tries again later.`,
    isSame: (each) =>
      !has(each, ({ name, negated }) => name === 'authenticated' && !negated) &&
      has(each, ({ name, value }) => name === 'ratelimit' && countsPer(value) === per),
  };
}

/** `per_mail` is the default */
function countsPer(value: string): string {
  return /\bper_\w+/.exec(value)?.[0] ?? 'per_mail';
}

function isVerify(what: string): (condition: Condition) => boolean {
  return ({ name, value }) => name === 'verify' && value.split(/[/\s=]/)[0] === what;
}

/** Only these answers are listings: `zen.spamhaus.org=127.0.0.2,127.0.0.3` */
function eximList({ zone, codes }: ProposedList): string {
  return `${zone}=${codes.join(',')}`;
}
