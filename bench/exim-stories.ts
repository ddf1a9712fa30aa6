/** What happens on an Exim hosting server, as the lines of one session or message each, in their order. */
import type { Stories, Story } from './mixture.ts';
import type { Host, World } from './world.ts';

/** Lines without time: `[MSGID ]REST`. */
export const EXIM_STORIES: Stories = {
  dictionary,
  blocklisted,
  guessing,
  inbound,
  local: inbound,
  submission,
  deferral,
  bounce,
  burst,
  noise,
};

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function letters({ random }: World, count: number): string {
  let word = '';
  for (let left = count; left > 0; left--) word += BASE62[random.below(62)];
  return word;
}

function messageId(world: World): string {
  return `1x${letters(world, 4)}-0000000${letters(world, 4)}-${letters(world, 4)}`;
}

function hostOf({ name, address }: Host): string {
  return name === 'unknown' ? `H=(localhost) [${address}]` : `H=${name} [${address}]`;
}

const TLS = 'X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256';

function dictionary(world: World): Story {
  const bot = world.bot();
  const story: Story = [];
  for (let left = 1 + world.random.below(3); left > 0; left--) {
    const to = world.guess();
    const why = world.random.chance(85) ? 'Unrouteable address' : 'relay not permitted';
    story.push(`${hostOf(bot)} F=<${world.correspondent()}> rejected RCPT <${to}>: ${why}`);
  }
  story.push(
    `unexpected disconnection while reading SMTP command from ${hostOf(bot).slice(2)} D=1s`,
  );
  return story;
}

function blocklisted(world: World): Story {
  const bot = world.bot();
  const to = world.random.pick(world.customers);
  return [
    `${hostOf(bot)} F=<${world.correspondent()}> rejected RCPT <${to}>: ${bot.address} is listed at bl.example.org`,
    `no MAIL in SMTP connection from ${hostOf(bot).slice(2)} D=2s C=EHLO,QUIT`,
  ];
}

function guessing(world: World): Story {
  const bot = world.bot();
  return [
    `login authenticator failed for ${hostOf(bot)}: 535 Incorrect authentication data (set_id=${world.guess()})`.replace(
      'H=',
      '',
    ),
    `no MAIL in SMTP connection from ${hostOf(bot).slice(2)} D=2s C=EHLO,AUTH,QUIT`,
  ];
}

function inbound(world: World): Story {
  const { random } = world;
  const id = messageId(world);
  const to = random.pick(world.customers);
  return [
    `${id} <= ${world.correspondent()} ${hostOf(world.server())} P=esmtps ${TLS} CV=no S=${1000 + random.below(90_000)} id=${world.messageId()} for ${to}`,
    `${id} => ${to.split('@')[0]} <${to}> R=virtual_user T=virtual_userdelivery`,
    `${id} Completed`,
  ];
}

function handedIn(
  world: World,
  customer: string,
  id: string,
  to: readonly string[],
  from: Host,
): string {
  return `${id} <= ${customer} ${hostOf(from)} P=esmtpsa ${TLS} CV=no A=dovecot_plain:${customer} S=${1000 + world.random.below(90_000)} id=${world.messageId()} T="Your order ${world.random.below(99_999)}" for ${to.join(' ')}`;
}

function sent(world: World, id: string, to: string): string {
  return `${id} => ${to} R=dnslookup T=remote_smtp ${hostOf(world.server())} ${TLS} CV=yes C="250 2.0.0 Ok: queued as ${world.random.hex(10)}"`;
}

function refused(world: World, id: string, to: string): string {
  const server = world.server();
  const head = `${id} ** ${to} R=dnslookup T=remote_smtp ${hostOf(server)} ${TLS} CV=yes`;
  switch (world.random.below(3)) {
    case 0:
      return `${head}: SMTP error from remote mail server after RCPT TO:<${to}>: 550 5.1.1 <${to}>: Recipient address rejected: User unknown`;
    case 1:
      return `${id} ** ${to}: Unrouteable address`;
    default:
      return `${head}: SMTP error from remote mail server after end of data: 554 5.7.1 Message rejected as spam, reference ${world.random.hex(12)}`;
  }
}

function submission(world: World, customer: string): Story {
  const id = messageId(world);
  const count = world.random.chance(85) ? 1 : 2 + world.random.below(4);
  const to = Array.from({ length: count }, () => world.correspondent());
  return [
    handedIn(world, customer, id, to, world.deviceOf(customer)),
    ...to.map((recipient) => sent(world, id, recipient)),
    `${id} Completed`,
  ];
}

function deferral(world: World): Story {
  const customer = world.random.pick(world.customers);
  const id = messageId(world);
  const to = world.correspondent();
  const server = world.server();
  const story = [handedIn(world, customer, id, [to], world.deviceOf(customer))];
  for (let left = 1 + world.random.below(4); left > 0; left--) {
    story.push(
      `${id} ${hostOf(server)} Connection timed out`,
      `${id} == ${to} R=dnslookup T=remote_smtp defer (110): Connection timed out ${hostOf(server)}`,
    );
  }
  story.push(sent(world, id, to), `${id} Completed`);
  return story;
}

function bounce(world: World): Story {
  const customer = world.random.pick(world.customers);
  const id = messageId(world);
  const dsn = messageId(world);
  const to = world.nobody();
  return [
    handedIn(world, customer, id, [to], world.deviceOf(customer)),
    refused(world, id, to),
    `${dsn} <= <> R=${id} U=Debian-exim P=local S=2120 for ${customer}`,
    `${id} Completed`,
    `${dsn} => ${customer.split('@')[0]} <${customer}> R=virtual_user T=virtual_userdelivery`,
    `${dsn} Completed`,
  ];
}

function burst(world: World, customer: string): Story {
  const id = messageId(world);
  const to = Array.from({ length: 10 + world.random.below(30) }, () =>
    world.random.chance(35) ? world.nobody() : world.correspondent(),
  );
  return [
    handedIn(world, customer, id, to, world.bot()),
    // The world gives an underscore to those who do not exist.
    ...to.map((recipient) =>
      recipient.includes('_') ? refused(world, id, recipient) : sent(world, id, recipient),
    ),
    `${id} Completed`,
  ];
}

function noise(world: World): string {
  return world.random.chance(50)
    ? `Start queue run: pid=${1000 + world.random.below(400)}`
    : `SMTP connection from [${world.bot().address}] (TCP/IP connection count = 3)`;
}
