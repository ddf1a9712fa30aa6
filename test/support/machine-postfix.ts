/** Postfix on a machine (machine.ts), ready for mail. */
import { resolve } from 'node:path';

const SUPPORT = resolve('test/support');

/** Debian's own configuration with what its installer asks, logins, and a route to the rest of the Internet. */
export const POSTFIX = `
set -e
cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
mkdir -p /etc/postfix/sasl /var/spool/postfix/etc
postconf -e compatibility_level=3.6 myhostname=mx.example.net mydestination= alias_maps= alias_database= \\
  'mynetworks=127.0.0.0/8 [::1]/128' inet_interfaces=loopback-only inet_protocols=ipv4 disable_dns_lookups=yes \\
  'default_transport=smtp:[127.0.0.1]:2525' maillog_file=/var/log/mail.log smtpd_sasl_path=smtpd smtpd_peername_lookup=no
postconf -M 'submission/inet=submission inet n - y - - smtpd'
postconf -P submission/inet/smtpd_sasl_auth_enable=yes submission/inet/syslog_name=postfix/submission \\
  submission/inet/smtpd_recipient_restrictions=permit_sasl_authenticated,reject
printf 'pwcheck_method: auxprop\\nauxprop_plugin: sasldb\\nmech_list: PLAIN\\nsasldb_path: /etc/sasldb2\\n' >/etc/postfix/sasl/smtpd.conf
for name in alice bob; do printf secret | saslpasswd2 -p -c -f /var/spool/postfix/etc/sasldb2 -u example.net $name; done
chgrp postfix /var/spool/postfix/etc/sasldb2
chmod 640 /var/spool/postfix/etc/sasldb2
cp /etc/services /var/spool/postfix/etc/
touch /var/log/mail.log
postfix start
setsid node ${SUPPORT}/machine-internet.mjs >/run/internet.log 2>&1 </dev/null &
`;
