/** Texts of Exim's log that the scanner takes, and others in which a client or another host wrote a part of a false line. */

const ID = '1xUirY-00000001a2B-3c4D';
const OLD_ID = '1xUirY-00014N-13';
const ROUTE = 'R=dnslookup T=remote_smtp';
const HOST = 'H=mx.example.net [192.0.2.9]';
const LOGIN = 'login authenticator failed for';
const WRONG = ': 535 Incorrect authentication data';

export const EXIM_ORDINARY: readonly string[] = [
  `${ID} <= <> R=${OLD_ID} U=Debian-exim P=local S=2120 for anna@example.net`,
  `${ID} <= www@mx.example.net U=www-data P=local S=812 id=1@mx.example.net T="Hello"`,
  `${ID} <= <> H=mx.example.net [192.0.2.9] P=esmtps X=TLS1.3:AES:256 CV=no S=812 for anna@example.net`,
  `${ID} => anna <anna@example.net> R=local_user T=mail_spool`,
  `${OLD_ID} => anna <anna@example.net> R=lmtp T=dovecot_lmtp C="250 2.0.0 <anna@example.net> x Saved"`,
  `${ID} => anna@example.net <Anna@example.net> R=local_user T=mail_spool`,
  `${ID} => anna@example.net <team@example.org> ${ROUTE} ${HOST}:25* X=TLS1.3:AES:256 CV=yes K C="250 ok"`,
  `${ID} -> bob@example.net ${ROUTE} ${HOST} C="250 ok"`,
  `${ID} == bob@example.net ${ROUTE} defer (110): Connection timed out ${HOST}`,
  `${ID} == bob@example.net ${ROUTE} defer (110): Connection timed out ${HOST}: SMTP timeout after RCPT TO:<bob@example.net>`,
  `${ID} == bob@example.net ${ROUTE} defer (111): Connection refused`,
  `${ID} == bob@example.net ${ROUTE} defer (-44) ${HOST}:25 X=TLS1.2:x:256: SMTP error from remote mail server after RCPT TO:<bob@example.net>: 450 4.2.0 greylisted`,
  `${ID} == bob@example.net ${ROUTE} defer (-53): retry time not reached for any host for 'example.net'`,
  `${ID} == bob <bob@example.net> R=local_user T=mail_spool defer (-22): mailbox is full`,
  `${ID} == bob@example.net R=dnslookup defer (-1): host lookup did not complete`,
  `${ID} ** bob@example.net: Unrouteable address`,
  `${ID} ** bob@example.net <team@example.net>: retry timeout exceeded`,
  `${ID} ** bob@example.net ${ROUTE} ${HOST} X=TLS1.3:AES:256 CV=yes: SMTP error from remote mail server after RCPT TO:<bob@example.net>: 550 5.1.1 <bob@example.net>: no such user`,
  `${ID} ** bob@example.net ${ROUTE} ${HOST} : SMTP error from remote mail server after end of data: 554 5.7.1 spam DT=3s`,
  `${ID} H=mx.example.net [192.0.2.9] Connection timed out`,
  `${ID} H=mx.example.net [2001:db8::9]:25: SMTP error from remote mail server after RCPT TO:<bob@example.net>: 450 4.2.0 greylisted`,
  `${LOGIN} (h) [192.0.2.7]${WRONG} (set_id=anna@example.net)`,
  `${LOGIN} H=cl.example.org ([192.168.0.2]) [192.0.2.7]:4711${WRONG}`,
  `H=([192.168.0.2]) [192.0.2.7] F=<> rejected RCPT <bob@example.net>: Unrouteable address`,
];

const FALSE_END = 'R=dnslookup T=remote_smtp H=mx [192.0.2.66]: 550 5.1.1 no such user';

export const EXIM_HOSTILE: readonly string[] = [
  // What an identd, a login or a header says.
  `${ID} <= <> R=${OLD_ID} H=(h) [192.0.2.7] U=root P=local S=2120`,
  `${ID} <= www@mx.example.net U=www data P=local S=812`,
  `${ID} <= <> U=www-data R=${OLD_ID} P=local S=812`,
  `${ID} <= <> R= U=www-data P=local S=812`,
  `${ID} <= <>x U=www-data P=local S=812`,
  `${ID} <= www@mx.example.net H=[192.0.2.7 U=www-data P=local S=812`,
  `${ID} <= www@mx.example.net U=www-data P=local S=812 T="Hello" S=13"`,
  // The local part of an address, which Exim prints without its quotes.
  `${ID} => anna <"anna <bob@example.net> R=a T=b"@example.org> R=local_user T=mail_spool`,
  `${ID} => save <bob@example.net> R=userfilter T=address_file`,
  `${ID} => anna <bob@example.net> R=local_user T=mail_spool`,
  `${ID} => anna <anna@example.net> R=local_user T=mail_spool <"anna <anna@example.net> R=local_user T=mail_spool"@example.org> R=a T=b`,
  `${ID} ** bob@example.net ${FALSE_END}@example.org <"bob@example.net ${FALSE_END}"@example.org> ${ROUTE}: no`,
  `${ID} == bob@example.net defer (-44): no@example.org <"bob@example.net defer (-44): no"@example.org> R=dnslookup defer (-1): x`,
  `${ID} ** bob@example.net (carla@example.net) <team@example.net>: Unrouteable address`,
  `${ID} ** bob@example.net F=<x@example.org> ${ROUTE}: Unrouteable address`,
  // The reply of another host.
  `${ID} ** bob@example.net ${ROUTE} ${HOST}: SMTP error from remote mail server after RCPT TO:<bob@example.net>: 550 <"bob@example.net ${ROUTE} ${HOST}: SMTP error"@example.org> R=x`,
  `${ID} => bob@example.net ${ROUTE} ${HOST} C="250 ok" H=x [192.0.2.66] C="250 ok"`,
  `${ID} => bob@example.net ${ROUTE} ${HOST} C="250 ok <"`,
  `${ID} ** bob@example.net ${ROUTE} ${HOST}:0000025: SMTP error from remote mail server after end of data: 554 spam`,
  `${ID} == bob@example.net ${ROUTE} defer (110): x=y H=mx [192.0.2.66]: 550 no`,
  `${ID} == bob@example.net ${ROUTE} defer (0110): Connection timed out ${HOST}`,
  `${ID} == bob@example.net ${ROUTE} defer (00): Connection timed out ${HOST}`,
  `${ID} == bob@example.net ${ROUTE} defer (110): Connection timed out DT=3s ${HOST}`,
  `${ID} H=mx.example.net [192.0.2.9] F=<a@example.org> rejected RCPT <b@example.net>: no`,
  `${ID} H=mx.example.net [192.0.2.9] Connection refused **** log string overflowed log buffer ****`,
  `${ID} H=mx.example.net [192.0.2.9] Warning: postern: invalid user= sender= recipient=eEBleGFtcGxlLmNvbQ==: 550 no`,
  `${ID} ** bob@example.net: Unrouteable address **** log string overflowed log buffer ****`,
  // HELO name and login of a client.
  `${LOGIN} (h) [192.0.2.66]${WRONG} (set_id=a) [192.0.2.7]${WRONG} (set_id=b)`,
  `${LOGIN} (h) [192.0.2.66]${WRONG} (set_id=a) (set_id=b)`,
  `${LOGIN} (h) [192.0.2.7]${WRONG} (set_id=)`,
  `${LOGIN} (h) [192.0.2.7]${WRONG} (set_id=a\\nb)`,
  `${LOGIN} H=(h) [192.0.2.7] U=x: 535 ok${WRONG} (set_id=b)`,
  `${LOGIN} (h: 535 Incorrect authentication data) [192.0.2.7]${WRONG}`,
  `H=(h) [192.0.2.7] F=<login authenticator failed for> rejected RCPT <b@example.net>: no`,
];
