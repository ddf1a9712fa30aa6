/** What the configuration takes for granted about each mail server. */
import type { Mta } from '../model/event.ts';

interface MtaFacts {
  /** the log on Debian */
  readonly log: string;
  /** default socket of the policy service */
  readonly policySocket: string;
  /** logins and local accounts are in one file of blocks, which cannot distinguish them */
  readonly oneNamespace: boolean;
}

export const CONFIG_MTAS: Readonly<Record<Mta, MtaFacts>> = {
  postfix: {
    log: '/var/log/mail.log',
    // Below the queue directory, where a chrooted smtpd finds it, too.
    policySocket: '/var/spool/postfix/postern/policy',
    oneNamespace: false,
  },
  exim: {
    log: '/var/log/exim4/mainlog',
    policySocket: '/run/postern/policy',
    oneNamespace: true,
  },
};
