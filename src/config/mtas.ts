/** What the configuration takes for granted about each mail server. */
import type { Mta } from '../model/event.ts';

interface MtaFacts {
  /** the log on Debian */
  readonly log: string;
  /** systemd units that write its lines to the journal, `*` stands for any characters */
  readonly units: readonly string[];
  /** default socket of the policy service */
  readonly policySocket: string;
  /** logins and local accounts are in one file of blocks, which cannot distinguish them */
  readonly oneNamespace: boolean;
  /** how its log names a local account, and so how events, verdicts and blocks do */
  readonly accounts: 'uid' | 'name';
  /** whether its log and its ACLs have a login as it was sent, or with `\ooo` for each byte that is not ASCII */
  readonly logins: 'sent' | 'escaped';
}

export const CONFIG_MTAS: Readonly<Record<Mta, MtaFacts>> = {
  postfix: {
    log: '/var/log/mail.log',
    units: ['postfix.service', 'postfix@*.service'],
    // Below the queue directory, where a chrooted smtpd finds it, too.
    policySocket: '/var/spool/postfix/postern/policy',
    oneNamespace: false,
    accounts: 'uid',
    logins: 'sent',
  },
  exim: {
    log: '/var/log/exim4/mainlog',
    units: ['exim*.service'],
    policySocket: '/run/postern/policy',
    oneNamespace: true,
    accounts: 'name',
    // smtp_in_auth() makes $authenticated_id by string_printing(), unless print_topbitchars is set.
    logins: 'escaped',
  },
};
