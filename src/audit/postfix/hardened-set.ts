/** The stringent set for Postfix: settings, restrictions in the order of their cost, rate limits. Pure. */
import { type ProposedList, proposedLists } from '../blocklists.ts';
import type { Addition } from '../harden.ts';

/** A parameter that should have a value. */
export interface HardSetting extends Addition {
  readonly value: string;
  isSet(now: string): boolean;
  /** Postfix versions without the parameter have no use for it */
  readonly sinceVersion?: true;
  /** a restriction that does the same */
  readonly same?: string;
  /** matters only where clients log in */
  readonly forLogins?: true;
}

/** A restriction that should be in a list. */
export interface HardRestriction extends Addition {
  readonly list: 'smtpd_recipient_restrictions' | 'smtpd_data_restrictions';
  readonly argument?: string;
  /** restrictions that do the same or more */
  readonly same?: readonly string[];
  /** a parameter that does the same when it is not empty, or `yes` */
  readonly parameter?: string;
}

const isYes = (now: string) => now === 'yes';
/** The default is 20; some clients with a long list of old addresses need more. */
const MOST_ERRORS = 100;

export const SETTINGS: readonly HardSetting[] = [
  {
    name: 'smtpd_helo_required',
    value: 'yes',
    isSet: isYes,
    why: 'Only spam software leaves HELO out, and without it no check of the HELO name is made.',
    effect: 'MAIL without HELO is refused with 503.',
  },
  {
    name: 'disable_vrfy_command',
    value: 'yes',
    isSet: isYes,
    why: 'VRFY tells strangers which addresses exist.',
    effect: 'VRFY is refused with 502; mail is not affected.',
  },
  {
    name: 'smtpd_forbid_unauth_pipelining',
    value: 'yes',
    isSet: isYes,
    sinceVersion: true,
    same: 'reject_unauth_pipelining',
    why: 'Only spam software and attacks on the protocol send commands before they may.',
    effect: 'Such a client is disconnected with 554.',
  },
  {
    name: 'smtpd_reject_unlisted_recipient',
    value: 'yes',
    isSet: isYes,
    why: 'Mail to an address that does not exist has to be bounced to a sender that is usually forged.',
    effect: 'Recipients that no table has are refused with 550.',
  },
  {
    name: 'smtpd_hard_error_limit',
    value: '20',
    isSet: (now) => Number(now) <= MOST_ERRORS,
    why: 'A client that may make any number of errors guesses addresses.',
    effect: 'A client is disconnected after 20 errors in one session.',
  },
];

/** Each counts for one client address in anvil_rate_time_unit. */
export const RATE_LIMITS: readonly HardSetting[] = [
  rateLimit('connection', 60, 'Scanners and bots connect again and again.', 'connection', '421'),
  rateLimit('message', 100, 'A hacked machine sends as fast as it is let.', 'message', '450'),
  rateLimit('recipient', 300, 'A list of addresses is emptied in minutes.', 'recipient', '450'),
  {
    ...rateLimit('auth', 20, 'Passwords are guessed by trying many.', 'AUTH command', '450'),
    sinceVersion: true,
    forLogins: true,
  },
];

function rateLimit(
  what: string,
  most: number,
  why: string,
  unit: string,
  code: string,
): HardSetting {
  return {
    name: `smtpd_client_${what}_rate_limit`,
    value: String(most),
    isSet: (now) => Number(now) > 0,
    why,
    effect: `From the ${ordinal(most + 1)} ${unit} of one client in the same time unit on, it is put off with ${code} and tries again later.`,
  };
}

function ordinal(number: number): string {
  return `${number}${number % 10 === 1 ? 'st' : 'th'}`;
}

/** From cheap to dear. */
export function hardRestrictions(): HardRestriction[] {
  const { client, sender } = proposedLists();
  return [
    {
      name: 'reject_unauth_pipelining',
      list: 'smtpd_data_restrictions',
      parameter: 'smtpd_forbid_unauth_pipelining',
      why: 'Only spam software and attacks on the protocol send commands before they may.',
      effect:
        'Mail of a client that sends the message before the reply to DATA is refused with 503.',
    },
    {
      name: 'reject_multi_recipient_bounce',
      list: 'smtpd_data_restrictions',
      why: 'A bounce goes to the one sender of a message, so one for several recipients is forged.',
      effect: 'Mail with the null sender to several recipients is refused with 550.',
    },
    {
      name: 'reject_non_fqdn_sender',
      list: RECIPIENT_LIST,
      why: 'Nobody can answer or bounce to a sender address without a full domain.',
      effect: 'Such senders are refused with 504.',
    },
    {
      name: 'reject_unlisted_sender',
      list: RECIPIENT_LIST,
      parameter: 'smtpd_reject_unlisted_sender',
      why: 'A sender in one of your domains that does not exist is forged.',
      effect: 'Strangers with such a sender are refused with 550.',
    },
    {
      name: 'reject_invalid_helo_hostname',
      list: RECIPIENT_LIST,
      same: ['reject_invalid_hostname'],
      why: 'Mail servers greet with a name or an address literal; bots greet with anything.',
      effect: 'A HELO name that is malformed is refused with 501.',
    },
    {
      name: 'reject_non_fqdn_helo_hostname',
      list: RECIPIENT_LIST,
      same: ['reject_non_fqdn_hostname'],
      why: 'Infected PCs greet with their Windows name; RFC 5321 asks for a full name.',
      effect: 'A HELO name without a dot is refused with 504. Some badly kept servers have one.',
    },
    {
      name: 'reject_unknown_sender_domain',
      list: RECIPIENT_LIST,
      why: 'A sender domain without MX and address is made up; its bounces would stay in your queue.',
      effect: 'Senders whose domain does not exist are put off with 450.',
    },
    {
      name: 'reject_unknown_reverse_client_hostname',
      list: RECIPIENT_LIST,
      same: ['reject_unknown_client_hostname', 'reject_unknown_client'],
      why: 'Mail servers have a name in the DNS, most infected machines of customers have none.',
      effect: 'Clients whose address has no name (PTR) are put off with 450.',
    },
    {
      name: 'reject_unknown_helo_hostname',
      list: RECIPIENT_LIST,
      same: ['reject_unknown_hostname'],
      why: 'The HELO name of a mail server exists in the DNS.',
      effect:
        'A HELO name without MX and address is put off with 450. This hits the most sound but badly kept servers: rehearse it.',
    },
    {
      name: 'reject_rbl_client',
      list: RECIPIENT_LIST,
      argument: postfixList(client),
      parameter: 'postscreen_dnsbl_sites',
      why: 'Most spam comes from addresses that are listed already.',
      effect: `Clients that ${client.zone} lists are refused with 554.`,
    },
    {
      name: 'reject_rhsbl_sender',
      list: RECIPIENT_LIST,
      argument: postfixList(sender),
      why: 'Domains that were registered for spam are listed within hours.',
      effect: `Senders whose domain ${sender.zone} lists are refused with 554.`,
    },
  ];
}

/** Whether `--rehearse` may have written this restriction. */
export function isRehearsed({ name }: { readonly name: string }): boolean {
  return hardRestrictions().some((each) => each.name === name);
}

const RECIPIENT_LIST = 'smtpd_recipient_restrictions';

/** `zen.spamhaus.org=127.0.0.[2..11]` (postconf(5), reject_rbl_client) */
function postfixList({ zone, codes }: ProposedList): string {
  const last = codes.map((code) => Number(code.slice(code.lastIndexOf('.') + 1)));
  const network = (codes[0] as string).replace(/\.\d+$/, '');
  return `${zone}=${network}.[${Math.min(...last)}..${Math.max(...last)}]`;
}
