/** What happens on a Postfix hosting server, as the lines of one session or message each, in their order. */
import type { Stories, Story } from './mixture.ts';
import type { Host, World } from './world.ts';

/** Lines without time and host: `tag[pid]: message`. */
export const POSTFIX_STORIES: Stories = {
  dictionary,
  blocklisted,
  guessing,
  inbound,
  local,
  submission,
  deferral,
  bounce,
  burst,
  noise,
};

/** In turn, so that no two sessions that are under way share a process. */
function pid(world: World): number {
  return 1000 + (world.serial() % 1500);
}

function named({ name, address }: Host): string {
  return `${name}[${address}]`;
}

function queueId({ random }: World): string {
  return random.hex(11);
}

/** A client that tries addresses of ours; most of them do not exist. */
function dictionary(world: World): Story {
  const { random } = world;
  const bot = world.bot();
  const smtpd = `postfix/smtpd[${pid(world)}]:`;
  const helo = random.chance(50) ? 'localhost' : `[${bot.address}]`;
  const story = [`${smtpd} connect from ${named(bot)}`];
  const tries = 1 + random.below(3);
  for (let left = tries; left > 0; left--) {
    const to = world.guess();
    story.push(
      random.chance(85)
        ? `${smtpd} NOQUEUE: reject: RCPT from ${named(bot)}: 550 5.1.1 <${to}>: Recipient address rejected: User unknown in virtual mailbox table; from=<${world.correspondent()}> to=<${to}> proto=ESMTP helo=<${helo}>`
        : `${smtpd} NOQUEUE: reject: RCPT from ${named(bot)}: 554 5.7.1 <${world.nobody()}>: Relay access denied; from=<${world.correspondent()}> to=<${world.nobody()}> proto=ESMTP helo=<${helo}>`,
    );
  }
  story.push(
    `${smtpd} disconnect from ${named(bot)} ehlo=1 mail=1 rcpt=0/${tries} quit=1 commands=3/${3 + tries}`,
  );
  return story;
}

/** postscreen and smtpd turn a listed client away. */
function blocklisted(world: World): Story {
  const { random } = world;
  const bot = world.bot();
  const port = 1024 + random.below(60_000);
  const screen = `postfix/postscreen[${900 + random.below(2)}]:`;
  if (random.chance(50)) {
    return [
      `${screen} CONNECT from [${bot.address}]:${port} to [192.0.2.1]:25`,
      `postfix/dnsblog[${pid(world)}]: addr ${bot.address} listed by domain bl.example.org as 127.0.0.4`,
      `${screen} DNSBL rank 3 for [${bot.address}]:${port}`,
      `${screen} NOQUEUE: reject: RCPT from [${bot.address}]:${port}: 550 5.7.1 Service unavailable; client [${bot.address}] blocked using bl.example.org; from=<${world.correspondent()}>, to=<${random.pick(world.customers)}>, proto=ESMTP, helo=<mail>`,
      `${screen} DISCONNECT [${bot.address}]:${port}`,
    ];
  }
  const smtpd = `postfix/smtpd[${pid(world)}]:`;
  const to = random.pick(world.customers);
  return [
    `${smtpd} connect from ${named(bot)}`,
    random.chance(60)
      ? `${smtpd} NOQUEUE: reject: RCPT from ${named(bot)}: 554 5.7.1 Service unavailable; Client host [${bot.address}] blocked using bl.example.org; https://bl.example.org/query/${bot.address}; from=<${world.correspondent()}> to=<${to}> proto=ESMTP helo=<mail.example.org>`
      : `${smtpd} NOQUEUE: reject: RCPT from ${named(bot)}: 450 4.2.0 <${to}>: Recipient address rejected: Greylisted for 300 seconds; from=<${world.correspondent()}> to=<${to}> proto=ESMTP helo=<mail.example.org>`,
    `${smtpd} lost connection after RCPT from ${named(bot)}`,
    `${smtpd} disconnect from ${named(bot)} ehlo=1 mail=1 rcpt=0/1 commands=2/3`,
  ];
}

/** A bot that guesses passwords. */
function guessing(world: World): Story {
  const bot = world.bot();
  const smtpd = `postfix/submission/smtpd[${pid(world)}]:`;
  return [
    `${smtpd} warning: hostname dyn.example.com does not resolve to address ${bot.address}: Name or service not known`,
    `${smtpd} connect from ${named(bot)}`,
    `${smtpd} warning: ${named(bot)}: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=${world.guess()}`,
    `${smtpd} lost connection after AUTH from ${named(bot)}`,
    `${smtpd} disconnect from ${named(bot)} ehlo=1 auth=0/1 commands=1/2`,
  ];
}

/** Mail from abroad into a mailbox here. */
function inbound(world: World): Story {
  const { random } = world;
  const from = world.server();
  const id = queueId(world);
  const to = random.pick(world.customers);
  const smtpd = `postfix/smtpd[${pid(world)}]:`;
  return [
    `${smtpd} connect from ${named(from)}`,
    `${smtpd} Anonymous TLS connection established from ${named(from)}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256`,
    `${smtpd} ${id}: client=${named(from)}`,
    ...queued(world, id, world.correspondent(), 1),
    `${smtpd} disconnect from ${named(from)} ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7`,
    `postfix/lmtp[${pid(world)}]: ${id}: to=<${to}>, relay=mx1.example.net[private/dovecot-lmtp], delay=0.${random.below(90) + 10}, delays=0.2/0.01/0.01/0.05, dsn=2.0.0, status=sent (250 2.0.0 <${to}> ${random.hex(16)} Saved)`,
    removed(id),
  ];
}

/** The same for an alias of a local account. */
function local(world: World): Story {
  const story = inbound(world);
  const at = story.findIndex((line) => line.startsWith('postfix/lmtp'));
  const [, id] = / ([0-9A-F]+): /.exec(story[at] as string) ?? [];
  const account = world.random.pick(world.customers).split('@')[0];
  story[at] =
    `postfix/local[${pid(world)}]: ${id}: to=<${account}@mx1.example.net>, orig_to=<info@shop${world.random.below(99)}.example.net>, relay=local, delay=0.${world.random.below(90) + 10}, delays=0.2/0.01/0/0.05, dsn=2.0.0, status=sent (delivered to maildir)`;
  return story;
}

function queued(world: World, id: string, sender: string, recipients: number): Story {
  return [
    `postfix/cleanup[${pid(world)}]: ${id}: message-id=<${world.messageId()}>`,
    `postfix/qmgr[700]: ${id}: from=<${sender}>, size=${1000 + world.random.below(90_000)}, nrcpt=${recipients} (queue active)`,
  ];
}

function removed(id: string): string {
  return `postfix/qmgr[700]: ${id}: removed`;
}

/** A customer hands a message in: up to the queue, without its deliveries. */
function handedIn(
  world: World,
  customer: string,
  id: string,
  recipients: number,
  from: Host,
): Story {
  const smtpd = `postfix/submission/smtpd[${pid(world)}]:`;
  return [
    `${smtpd} connect from ${named(from)}`,
    `${smtpd} Anonymous TLS connection established from ${named(from)}: TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)`,
    `${smtpd} ${id}: client=${named(from)}, sasl_method=PLAIN, sasl_username=${customer}`,
    ...queued(world, id, customer, recipients),
    `${smtpd} disconnect from ${named(from)} ehlo=2 starttls=1 auth=1 mail=1 rcpt=${recipients} data=1 quit=1 commands=${6 + recipients}`,
  ];
}

function attempt(world: World, id: string, to: string, outcome: string): string {
  const { random } = world;
  const server = world.server();
  return `postfix/smtp[${pid(world)}]: ${id}: to=<${to}>, relay=${named(server)}:25, delay=${random.below(9)}.${random.below(9)}, delays=0.1/0.01/0.4/0.5, ${outcome.replaceAll('SERVER', named(server))}`;
}

function sent(world: World): string {
  return `dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as ${world.random.hex(10)})`;
}

function refused({ random }: World, to: string): string {
  switch (random.below(4)) {
    case 0:
      return `dsn=5.1.1, status=bounced (host SERVER said: 550 5.1.1 <${to}>: Recipient address rejected: User unknown in virtual mailbox table (in reply to RCPT TO command))`;
    case 1:
      return `dsn=5.1.1, status=bounced (host SERVER said: 550-5.1.1 The email account that you tried to reach does not exist. 550-5.1.1 Please check the recipient's address. 550 5.1.1 https://support.example.org/?p=NoSuchUser ${random.hex(14).toLowerCase()} - gsmtp (in reply to RCPT TO command))`;
    case 2:
      return `dsn=5.0.0, status=bounced (host SERVER said: 550 Requested action not taken: mailbox unavailable (in reply to RCPT TO command))`;
    default:
      return `dsn=5.7.1, status=bounced (host SERVER said: 554 5.7.1 Message rejected as spam, reference ${random.hex(12)} (in reply to end of DATA command))`;
  }
}

function submission(world: World, customer: string): Story {
  const id = queueId(world);
  const recipients = world.random.chance(85) ? 1 : 2 + world.random.below(4);
  const story = handedIn(world, customer, id, recipients, world.deviceOf(customer));
  for (let left = recipients; left > 0; left--) {
    story.push(attempt(world, id, world.correspondent(), sent(world)));
  }
  story.push(removed(id));
  return story;
}

/** A message that is tried again and again. */
function deferral(world: World): Story {
  const { random } = world;
  const customer = random.pick(world.customers);
  const id = queueId(world);
  const to = world.correspondent();
  const story = handedIn(world, customer, id, 1, world.deviceOf(customer));
  const active = story.find((line) => line.endsWith('(queue active)')) as string;
  for (let left = 1 + random.below(4); left > 0; left--) {
    const why = random.chance(50)
      ? 'dsn=4.2.2, status=deferred (host SERVER said: 452 4.2.2 The email account that you tried to reach is over quota. (in reply to RCPT TO command))'
      : 'dsn=4.4.1, status=deferred (connect to SERVER:25: Connection timed out)';
    story.push(attempt(world, id, to, why), active);
  }
  story.push(attempt(world, id, to, sent(world)), removed(id));
  return story;
}

/** A typing error, and the notification about it. */
function bounce(world: World): Story {
  const customer = world.random.pick(world.customers);
  const id = queueId(world);
  const dsn = queueId(world);
  const to = world.nobody();
  return [
    ...handedIn(world, customer, id, 1, world.deviceOf(customer)),
    attempt(world, id, to, refused(world, to)),
    `postfix/cleanup[${pid(world)}]: ${dsn}: message-id=<${world.messageId()}>`,
    `postfix/bounce[${pid(world)}]: ${id}: sender non-delivery notification: ${dsn}`,
    `postfix/qmgr[700]: ${dsn}: from=<>, size=3200, nrcpt=1 (queue active)`,
    removed(id),
    `postfix/lmtp[${pid(world)}]: ${dsn}: to=<${customer}>, relay=mx1.example.net[private/dovecot-lmtp], delay=0.08, delays=0.02/0.01/0.01/0.04, dsn=2.0.0, status=sent (250 2.0.0 <${customer}> ${world.random.hex(16)} Saved)`,
    removed(dsn),
  ];
}

/** A stolen account sends one message of a bought list. */
function burst(world: World, customer: string): Story {
  const id = queueId(world);
  const recipients = 10 + world.random.below(30);
  const story = handedIn(world, customer, id, recipients, world.bot());
  for (let left = recipients; left > 0; left--) {
    const dead = world.random.chance(35);
    const to = dead ? world.nobody() : world.correspondent();
    story.push(attempt(world, id, to, dead ? refused(world, to) : sent(world)));
  }
  story.push(removed(id));
  return story;
}

function noise(world: World): string {
  const address = world.bot().address;
  switch (world.random.below(4)) {
    case 0:
      return `postfix/anvil[950]: statistics: max connection rate 4/60s for (smtp:${address}) at Nov  1 09:05:07`;
    case 1:
      return 'postfix/scache[951]: statistics: start interval Nov  1 09:05:07';
    case 2:
      return `dovecot: imap-login: Login: user=<${world.random.pick(world.customers)}>, method=PLAIN, rip=${address}, lip=192.0.2.1, mpid=${pid(world)}, TLS`;
    default:
      return `postfix/smtpd[${pid(world)}]: improper command pipelining after CONNECT from unknown[${address}]: EHLO x`;
  }
}
