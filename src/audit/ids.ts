/**
 * Every id that `postern audit` knows: how bad it is, why it matters, and where the manuals describe it. The order is
 * that of the output and of docs/audit.md. A check may give a milder severity or a reason of its own.
 */
import type { AuditId } from '../model/audit.ts';
import type { Mta } from '../model/event.ts';

/** `error` and `warning` make the exit status 1; `advice` is worth reading. */
export type Severity = 'error' | 'warning' | 'advice';

interface IdEntry {
  readonly severity: Severity;
  /** two sentences */
  readonly why: string;
  readonly manual: Readonly<Record<Mta, string>>;
}

const dns = (page: string): Readonly<Record<Mta, string>> => ({ postfix: page, exim: page });

export const IDS: Readonly<Record<AuditId, IdEntry>> = {
  'open-relay': {
    severity: 'error',
    why: 'Strangers can send mail to any domain through this server. It will be found within hours and listed within a day.',
    manual: {
      postfix: 'SMTPD_ACCESS_README, postconf(5) smtpd_relay_restrictions',
      exim: 'Exim specification, chapter "Access control lists", "Relaying"',
    },
  },
  'wide-mynetworks': {
    severity: 'warning',
    why: 'Every client in these networks may send mail to the whole world without a password. One infected computer there is enough.',
    manual: { postfix: 'postconf(5) mynetworks', exim: 'Exim specification, "Host lists"' },
  },
  'permit-before-relay-check': {
    severity: 'warning',
    why: 'Who is permitted here never reaches the check for foreign domains. A sender address or a HELO name in such a table can be forged by anybody.',
    manual: {
      postfix: 'SMTPD_ACCESS_README, "Dangerous use of smtpd_recipient_restrictions"',
      exim: 'Exim specification, chapter "Access control lists", "Relaying"',
    },
  },
  'percent-hack': {
    severity: 'warning',
    why: 'Addresses such as user%other@domain make this server send mail on to other servers. Senders choose the route, and relay tests list servers that follow it.',
    manual: {
      postfix: 'postconf(5) allow_untrusted_routing',
      exim: 'Exim specification, "percent_hack_domains"',
    },
  },
  'no-recipient-check': {
    severity: 'error',
    why: 'Mail to addresses that do not exist is accepted and must be bounced later. The bounces go to forged senders, and that is backscatter.',
    manual: {
      postfix: 'LOCAL_RECIPIENT_README, ADDRESS_VERIFICATION_README',
      exim: 'Exim specification, "Address verification"',
    },
  },
  'catch-all': {
    severity: 'warning',
    why: 'Every address of the domain is taken, so spam to made-up names is never refused. If it is forwarded, what the next server refuses is bounced to forged senders.',
    manual: { postfix: 'virtual(5), "@domain"', exim: 'Exim specification, "The redirect router"' },
  },
  'luser-relay': {
    severity: 'warning',
    why: 'Mail to every unknown name is taken and sent to one address. Nothing is refused, and what that address does not take is bounced.',
    manual: {
      postfix: 'postconf(5) luser_relay',
      exim: 'Exim specification, "The redirect router"',
    },
  },
  'backup-mx-blind': {
    severity: 'warning',
    why: 'A backup server that does not know the recipients takes what the primary server refuses, and has to bounce it. Spammers prefer the backup for that reason.',
    manual: {
      postfix: 'STANDARD_CONFIGURATION_README, "Configuring Postfix as primary or backup MX host"',
      exim: 'Exim specification, "Callout verification"',
    },
  },
  'bounce-after-queue': {
    severity: 'error',
    why: 'The mail is accepted first and refused later, so the refusal becomes a bounce to a sender that is usually forged. Refuse while the client is connected, or discard.',
    manual: {
      postfix: 'SMTPD_PROXY_README, MILTER_README, FILTER_README',
      exim: 'Exim specification, "Address verification", ":fail:"',
    },
  },
  'forward-leaves': {
    severity: 'advice',
    why: 'Mail to this address is sent on to another server, spam included. What that server refuses comes back as a bounce to the sender, and its spam counts against this server.',
    manual: {
      postfix: 'aliases(5), virtual(5), local(8)',
      exim: 'Exim specification, "The redirect router"',
    },
  },
  'no-srs': {
    severity: 'warning',
    why: 'Forwarded mail leaves with the sender address of somebody else, so SPF fails at the next server. It is refused there and bounced to that sender.',
    manual: {
      postfix: 'postconf(5) sender_canonical_maps; postsrsd(8)',
      exim: 'Exim specification, "SRS (Sender Rewriting Scheme)"',
    },
  },
  'weak-before-forward': {
    severity: 'warning',
    why: 'Spam is forwarded unfiltered. The next server refuses it or counts it against this one.',
    manual: {
      postfix: 'MILTER_README, POSTSCREEN_README, SMTPD_ACCESS_README',
      exim: 'Exim specification, "Using DNS lists", "Content scanning at ACL time"',
    },
  },
  order: {
    severity: 'advice',
    why: 'A dear check comes before a cheap one that would have refused the mail. Each refusal costs a DNS query or a connection to another server that was not needed.',
    manual: {
      postfix: 'SMTPD_ACCESS_README',
      exim: 'Exim specification, chapter "Access control lists"',
    },
  },
  'dead-blocklist': {
    severity: 'warning',
    why: 'This list no longer exists, so the query only delays mail. A dead list may begin to list the whole world when its domain is sold.',
    manual: {
      postfix: 'postconf(5) reject_rbl_client',
      exim: 'Exim specification, "Using DNS lists"',
    },
  },
  duplicate: {
    severity: 'advice',
    why: 'The same check is made twice for the same mail. The second one costs time and cannot change the result.',
    manual: {
      postfix: 'SMTPD_ACCESS_README',
      exim: 'Exim specification, chapter "Access control lists"',
    },
  },
  'warn-left': {
    severity: 'warning',
    why: 'This check only logs what it would have refused. Mail that you believe is refused gets in.',
    manual: {
      postfix: 'postconf(5) warn_if_reject',
      exim: 'Exim specification, "ACL verbs", warn',
    },
  },
  'helo-not-required': {
    severity: 'advice',
    why: 'Clients may leave out HELO, and then no check of the HELO name is made. Only spam software does that.',
    manual: {
      postfix: 'postconf(5) smtpd_helo_required',
      exim: 'Exim specification, "helo_verify_hosts", "acl_smtp_helo"',
    },
  },
  'no-pipelining-check': {
    severity: 'advice',
    why: 'Clients that send commands without waiting for the reply are not refused. Only spam software and attacks on the protocol do that.',
    manual: {
      postfix: 'postconf(5) reject_unauth_pipelining',
      exim: 'Exim specification, "smtp_enforce_sync"',
    },
  },
  vrfy: {
    severity: 'advice',
    why: 'VRFY tells strangers which addresses exist. It is a cheap way to collect or to clean a list of addresses.',
    manual: {
      postfix: 'postconf(5) disable_vrfy_command',
      exim: 'Exim specification, "acl_smtp_vrfy", "acl_smtp_expn"',
    },
  },
  'no-error-limit': {
    severity: 'warning',
    why: 'A client may try any number of addresses in one connection. That is how addresses are guessed.',
    manual: {
      postfix: 'postconf(5) smtpd_hard_error_limit',
      exim: 'Exim specification, "smtp_max_unknown_commands", "smtp_max_synprot_errors"',
    },
  },
  'soft-bounce': {
    severity: 'warning',
    why: 'Every refusal is temporary, so servers try the same mail again for days. Mail to unknown addresses never ends with a clear answer.',
    manual: { postfix: 'postconf(5) soft_bounce', exim: 'Exim specification, ACL verb "defer"' },
  },
  'null-sender-refused': {
    severity: 'error',
    why: 'Bounces and address checks have the null sender, and RFC 5321 (section 4.5.5) requires that it is accepted. Your users do not learn that their mail failed, and other servers refuse your mail.',
    manual: {
      postfix: 'postconf(5) smtpd_null_access_lookup_key',
      exim: 'RFC 5321, 4.5.5 and 6.1',
    },
  },
  'auth-without-tls': {
    severity: 'error',
    why: 'Passwords are accepted over connections that anybody on the way can read. A password that was read is a hacked account.',
    manual: {
      postfix: 'SASL_README, postconf(5) smtpd_tls_auth_only',
      exim: 'Exim specification, "server_advertise_condition", "auth_advertise_hosts"',
    },
  },
  'sender-not-bound': {
    severity: 'warning',
    why: 'A user who logged in may send with any sender address, of colleagues and of strangers. A hacked account then sends in the name of others, and the bounces go to them.',
    manual: {
      postfix: 'postconf(5) reject_authenticated_sender_login_mismatch, smtpd_sender_login_maps',
      exim: 'Exim specification, "$authenticated_id" in acl_smtp_rcpt or acl_smtp_mail',
    },
  },
  'no-rate-limit': {
    severity: 'advice',
    why: 'Nothing limits how many messages or recipients an account may have in a time. A hacked account empties its list before anybody notices.',
    manual: {
      postfix: 'TUNING_README, postconf(5) smtpd_client_recipient_rate_limit',
      exim: 'Exim specification, "Rate limiting incoming messages"',
    },
  },
  'not-wired': {
    severity: 'warning',
    why: 'The mail server does not look up the files that Postern writes. A block has no effect then.',
    manual: { postfix: 'docs/mta/postfix.md', exim: 'docs/mta/exim.md' },
  },
  ptr: {
    severity: 'warning',
    why: 'The sending address has no name in the DNS that leads back to it. Most large providers refuse or distrust such servers.',
    manual: dns('RFC 1912, 2.1'),
  },
  'helo-name': {
    severity: 'warning',
    why: 'The name with which this server greets others does not exist in the DNS, or is not a full name. Many servers refuse mail for that reason.',
    manual: dns('RFC 5321, 4.1.1.1'),
  },
  'spf-missing': {
    severity: 'warning',
    why: 'Anybody can send mail in the name of this domain, and the bounces come here. Large providers refuse mail of domains without SPF.',
    manual: dns('RFC 7208'),
  },
  'spf-not-strict': {
    severity: 'advice',
    why: 'The record permits or tolerates every server. Forged mail in the name of this domain is not refused, and its bounces come here.',
    manual: dns('RFC 7208, 5.1'),
  },
  'spf-excludes-us': {
    severity: 'error',
    why: 'The record does not permit this server to send for the domain. Its mail fails SPF and is refused.',
    manual: dns('RFC 7208'),
  },
  'spf-too-wide': {
    severity: 'advice',
    why: 'The record permits servers that only receive mail, or very large networks. A stranger there can send in the name of this domain.',
    manual: dns('RFC 7208, 10.1'),
  },
  'dkim-missing': {
    severity: 'advice',
    why: 'Nothing here signs mail for this domain, or the key is not in the DNS. SPF fails when mail is forwarded, and then only a signature helps.',
    manual: dns('RFC 6376'),
  },
  'dmarc-missing': {
    severity: 'advice',
    why: 'Without a DMARC record other servers do not know what to do with forged mail of this domain. Large providers require one of everybody who sends much.',
    manual: dns('RFC 7489'),
  },
  mx: {
    severity: 'warning',
    why: 'The MX records of the domain do not lead to servers that exist. Mail to the domain, and bounces of what it sends, are lost.',
    manual: dns('RFC 5321, 5.1; RFC 2181, 10.3'),
  },
};
