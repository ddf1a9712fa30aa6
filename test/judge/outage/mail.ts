/** Mail to a big provider, delivered or refused. */
import { MINUTE, SECOND } from '../../../src/base/time.ts';
import type { OutageDetector } from '../../../src/judge/outage/detector.ts';
import type { MailEvent } from '../../../src/model/event.ts';
import { event } from '../event.ts';

export const BIG = 'mx1.in.big.example';

/** One recipient of a submitter, accepted or refused by a host. */
export function outcome(at: number, who: string, refused: boolean, parts: Partial<MailEvent> = {}) {
  return event(at, {
    kind: refused ? 'bounced' : 'delivered',
    submitter: { type: 'user', id: who },
    direction: 'outbound',
    sender: who,
    recipient: `r${at}@big.example`,
    relay: { host: BIG, address: '198.51.100.7', port: 25 },
    ...(refused ? { reason: 'invalid-recipient' as const } : {}),
    ...parts,
  });
}

export const user = (index: number) => `user${index}@example.net`;

/** Every user delivers once every ten minutes. */
export function quiet(from: number, to: number, users = 30): MailEvent[] {
  const events: MailEvent[] = [];
  for (let at = from; at < to; at += 10 * MINUTE) {
    for (let index = 0; index < users; index++) {
      events.push(outcome(at + index * SECOND, user(index), false));
    }
  }
  return events;
}

/** Users from `first` on are refused, one each second. */
export function refusals(at: number, users: number, first = 0): MailEvent[] {
  return Array.from({ length: users }, (_, index) =>
    outcome(at + index * SECOND, user(first + index), true),
  );
}

/** The outages that are detected with these events. */
export function feed(detector: OutageDetector, events: readonly MailEvent[]) {
  return events.flatMap((each) => detector.see(each) ?? []);
}
