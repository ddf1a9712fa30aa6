/**
 * Gateways: one client or one local account behind which many people write, such as a webmail host without logins, a
 * container, or the account of all web sites. When the bad mail there comes from few senders and the mail of the others
 * is sound, these senders are to blame, one after the other, and not the gateway.
 */
import { DAY } from '../base/time.ts';
import type { Key } from '../model/block.ts';
import { ownCopy } from '../model/line.ts';
import { dropOldest } from './key-memory.ts';
import type { Timeline } from './timeline.ts';
import type { Window } from './window.ts';

/** So many senders of one gateway may be shut out within a day. One that needs more chooses its senders freely. */
const MOST_SENDERS = 3;
/** The part of the refusals that must be theirs: many senders with one refusal each are not to blame one by one. */
const LEAST_PART = 0.5;
/** With fewer others it is no gateway but somebody who uses two or three addresses. */
const LEAST_OTHERS = 3;
/** The others must have had at least so many recipients delivered; with fewer, nothing is known of them. */
const LEAST_SOUND = 10;
/** Up to this many percent of refused recipients, mail is sound: the share at which a clean list is doubted. */
const SOUND = 8;
/** Beyond it the oldest are forgotten, and their senders may be found again. */
const MOST_GATEWAYS = 1000;

/** Who is to blame for a limit that a gateway has met. */
interface Blame {
  /** the sender; undefined: the gateway itself */
  readonly sender: string | undefined;
  /** how many different senders were seen in the window */
  readonly people: number;
}

interface Mail {
  readonly sender: string;
  counted: number;
  good: number;
}

/**
 * Looks at the senders of a window whose limit is met. `period` (ms) is the longest of the rule: where the window knows
 * too little of the others, since a thief comes at night and web sites seldom write, that window tells.
 */
export function findBlame(timeline: Timeline, window: Window, period: number): Blame {
  const mails = sumBySender(timeline, window);
  const people = mails.filter(({ sender }) => sender !== '').length;
  const longest = timeline.windows.find((each) => each.period === period) ?? window;
  const all = longest === window ? mails : sumBySender(timeline, longest);
  return { sender: findCulprit(mails, all), people };
}

function sumBySender(timeline: Timeline, { head }: Window): Mail[] {
  const mails = new Map<string, Mail>();
  for (let at = head; at < timeline.length; at++) {
    const counted = timeline.countedAt(at);
    const whole = timeline.wholeAt(at);
    if (counted === 0 && whole === 0) continue; // of other rules
    const sender = timeline.senderAt(at);
    let mail = mails.get(sender);
    if (mail === undefined) {
      mail = { sender, counted: 0, good: 0 };
      mails.set(sender, mail);
    }
    mail.counted += counted;
    mail.good += Math.max(0, whole - counted);
  }
  return [...mails.values()].sort(byGuilt);
}

/** The worst first. A newsletter may have more refusals than a thief, so those beyond a sound part come before all. */
function byGuilt(a: Mail, b: Mail): number {
  return measureExcess(b) - measureExcess(a) || b.counted - a.counted || a.good - b.good;
}

/** A hundred times the refusals beyond what is sound; 0 of a sound sender. */
function measureExcess({ counted, good }: Mail): number {
  return Math.max(0, 100 * counted - SOUND * (counted + good));
}

/**
 * The worst sender, if the mail is sound without it, or without it and the next one or two. `all`: the mail of the
 * longest window.
 */
function findCulprit(mails: readonly Mail[], all: readonly Mail[]): string | undefined {
  const worst = mails[0]?.sender ?? '';
  if (!isAddress(worst)) return undefined;
  const counted = sumCounted(mails);
  for (let bad = 1; bad <= MOST_SENDERS; bad++) {
    const culprits = mails.slice(0, bad);
    if (sumCounted(culprits) < LEAST_PART * counted) continue;
    const rest = mails.slice(bad);
    if (isSound(isEnough(rest) ? rest : without(all, culprits))) return worst;
  }
  return undefined;
}

function without(mails: readonly Mail[], left: readonly Mail[]): Mail[] {
  return mails.filter(({ sender }) => !left.some((each) => each.sender === sender));
}

/** Whether enough people have had enough mail delivered. */
function isEnough(mails: readonly Mail[]): boolean {
  const senders = mails.filter((mail) => mail.sender !== '' && mail.good > 0).length;
  return senders >= LEAST_OTHERS && sumGood(mails) >= LEAST_SOUND;
}

function isSound(mails: readonly Mail[]): boolean {
  const counted = sumCounted(mails);
  return isEnough(mails) && 100 * counted <= SOUND * (counted + sumGood(mails));
}

function sumCounted(mails: readonly Mail[]): number {
  return mails.reduce((sum, mail) => sum + mail.counted, 0);
}

function sumGood(mails: readonly Mail[]): number {
  return mails.reduce((sum, mail) => sum + mail.good, 0);
}

/** A target can only name an address with both parts. */
function isAddress(sender: string): boolean {
  const at = sender.lastIndexOf('@');
  return at > 0 && at < sender.length - 1;
}

/** The senders that were shut out at each gateway. */
export class ShutOutSenders {
  /** by gateway and sender, the event time of the verdict in ms */
  readonly #senders = new Map<string, Map<string, number>>();

  get size(): number {
    return this.#senders.size;
  }

  add(gateway: Key, sender: string, time: number): void {
    const name = nameGateway(gateway);
    let senders = this.#senders.get(name);
    if (senders === undefined) {
      if (this.#senders.size >= MOST_GATEWAYS) dropOldest(this.#senders, MOST_GATEWAYS / 16);
      senders = new Map();
      this.#senders.set(ownCopy(name), senders);
    }
    senders.set(ownCopy(sender), time);
  }

  has(gateway: Key, sender: string): boolean {
    return this.#senders.get(nameGateway(gateway))?.has(sender) === true;
  }

  /** The sender is no longer shut out, wherever it was. */
  delete(sender: string): void {
    for (const [name, senders] of this.#senders) {
      if (senders.delete(sender) && senders.size === 0) this.#senders.delete(name);
    }
  }

  /** Whether the gateway had as many senders shut out in the day before `time` (ms) as it may. */
  hasTooMany(gateway: Key, time: number): boolean {
    const times = [...(this.#senders.get(nameGateway(gateway))?.values() ?? [])];
    return times.filter((each) => each > time - DAY).length >= MOST_SENDERS;
  }
}

function nameGateway({ type, id }: Key): string {
  return `${type} ${id}`;
}
