/**
 * The plain recipe (github.com/Exim/exim/wiki/BlockCracking): whoever meets LIM refused recipients within PERIOD is
 * blocked, logins and relay hosts alike. The recipe asks the remote servers before it accepts a message. Here the log
 * says what they answered: a 5yz reply to RCPT, or a recipient for whom there is no host. Local accounts do not come by
 * SMTP, so the recipe does not see them. The window is exact, where Exim's ratelimit smooths.
 */
import { BlockList } from 'node:net';
import type { Log } from './render.ts';
import type { Block } from './score.ts';

const LIMIT = 100;
const PERIOD = 3_600_000;
/** What `relay_from_hosts` usually holds. */
const USUAL = ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

/** Whom the recipe blocks, and when. */
export function playRecipe({ story, files }: Log): Block[] {
  const counter = new Counter();
  const trusted = story.settings?.trustedNetworks as readonly string[] | undefined;
  const reader = new Reader(relayHosts(trusted ?? USUAL), counter);
  for (const line of files.flatMap((text) => text.split('\n'))) {
    if (story.mta === 'postfix') reader.readPostfix(line);
    else reader.readExim(line);
  }
  return counter.blocks;
}

function relayHosts(networks: readonly string[]): BlockList {
  const list = new BlockList();
  list.addAddress('::1', 'ipv6');
  for (const network of networks) {
    const [address, bits] = network.split('/');
    list.addSubnet(address as string, Number(bits));
  }
  return list;
}

class Counter {
  readonly blocks: Block[] = [];
  readonly #times = new Map<string, number[]>();

  /** One more refused recipient of this submitter. */
  count(key: string, time: number): void {
    const times = (this.#times.get(key) ?? []).filter((one) => one > time - PERIOD);
    times.push(time);
    this.#times.set(key, times);
    if (times.length < LIMIT || this.blocks.some((block) => block.key === key)) return;
    this.blocks.push({ key, time });
  }
}

const ARRIVAL =
  /smtpd\[(?<pid>\d+)\]: (?<id>\w+): client=\S*\[(?<address>[^\]]+)\](?:, sasl_method=\w+, sasl_username=(?<user>\S+))?/;
const PICKUP = /pickup\[\d+\]: (?<id>\w+): uid=/;
const REFUSED_RCPT =
  /smtpd\[(?<pid>\d+)\]: NOQUEUE: reject: RCPT from \S*\[(?<address>[^\]]+)\]: 5\d\d /;
const DISCONNECT = /smtpd\[(?<pid>\d+)\]: disconnect from /;
const HANDED_OVER = /: (?<id>\w+): to=.* relay=127\.0\.0\.1\[.*queued as (?<next>\w+)\)$/;
const BOUNCED = /: (?<id>\w+): to=<.* status=bounced \((?<text>.*)\)$/;
const EXIM_ARRIVAL = /^\S+ \S+ (?<id>\S+) <= \S+ (?<rest>.*)/;
const EXIM_BOUNCED =
  /^\S+ \S+ (?<id>\S+) \*\* .*?(?:after RCPT TO|Unrouteable address|addressee unknown)/;
const EXIM_REFUSED = /H=.*\[(?<address>[^\]]+)\] F=<.*?>(?: A=\w+:(?<user>\S+))? rejected RCPT /;

/** Reads lines, and knows who handed in which message. */
class Reader {
  readonly #relays: BlockList;
  readonly #counter: Counter;
  readonly #submitters = new Map<string, string | undefined>();
  /** refused recipients of a session whose login is not known yet */
  readonly #refused = new Map<string, { readonly time: number; readonly address: string }[]>();

  constructor(relays: BlockList, counter: Counter) {
    this.#relays = relays;
    this.#counter = counter;
  }

  readPostfix(line: string): void {
    const time = Date.parse(line.slice(0, 32));
    if (line.includes('smtpd[')) return this.#readSession(line, time);
    const picked = PICKUP.exec(line)?.groups?.id;
    if (picked !== undefined) this.#submitters.set(picked, undefined);
    const passed = HANDED_OVER.exec(line)?.groups;
    if (passed !== undefined) {
      this.#submitters.set(passed.next as string, this.#submitters.get(passed.id as string));
    }
    const bounced = BOUNCED.exec(line)?.groups;
    if (bounced === undefined || !isRefusal(bounced.text as string)) return;
    this.#count(this.#submitters.get(bounced.id as string), time);
  }

  readExim(line: string): void {
    const time = Date.parse(`${line.slice(0, 19).replace(' ', 'T')}Z`);
    const arrival = EXIM_ARRIVAL.exec(line)?.groups;
    if (arrival !== undefined) {
      const rest = arrival.rest as string;
      const user = / A=\w+:(\S+)/.exec(rest)?.[1];
      const address = /^H=.*?\[([^\]]+)\] P=/.exec(rest.replace(/\(\[.*?\]\) /, ''))?.[1];
      this.#submitters.set(arrival.id as string, this.#submitter(user, address));
    }
    const bounced = EXIM_BOUNCED.exec(line)?.groups;
    if (bounced !== undefined) this.#count(this.#submitters.get(bounced.id as string), time);
    const refused = EXIM_REFUSED.exec(line)?.groups;
    if (refused !== undefined) this.#count(this.#submitter(refused.user, refused.address), time);
  }

  #readSession(line: string, time: number): void {
    const refused = REFUSED_RCPT.exec(line)?.groups;
    if (refused !== undefined) {
      const pid = refused.pid as string;
      const address = refused.address as string;
      this.#refused.set(pid, [...(this.#refused.get(pid) ?? []), { time, address }]);
    }
    const arrival = ARRIVAL.exec(line)?.groups;
    if (arrival !== undefined) {
      this.#submitters.set(arrival.id as string, this.#submitter(arrival.user, arrival.address));
      this.#settle(arrival.pid as string, arrival.user);
    }
    const gone = DISCONNECT.exec(line)?.groups?.pid;
    if (gone !== undefined) this.#settle(gone, undefined);
  }

  #settle(pid: string, user: string | undefined): void {
    for (const { time, address } of this.#refused.get(pid) ?? []) {
      this.#count(this.#submitter(user, address), time);
    }
    this.#refused.delete(pid);
  }

  #submitter(user: string | undefined, address: string | undefined): string | undefined {
    if (user !== undefined) return `user:${user}`;
    if (address === undefined) return undefined;
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    return this.#relays.check(address, family) ? `client:${address}` : undefined;
  }

  #count(key: string | undefined, time: number): void {
    if (key !== undefined) this.#counter.count(key, time);
  }
}

/** A final answer to RCPT, or one that our own MTA gave. */
function isRefusal(text: string): boolean {
  return !text.includes(' said: ') || text.endsWith('(in reply to RCPT TO command)');
}
