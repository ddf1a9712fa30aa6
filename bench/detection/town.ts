/** The ordinary mail that goes on in every story: people of ours who write and are written to. Nobody here is guilty. */
import { people } from './audience.ts';
import { login, sends, series, stranger } from './cast.ts';
import { asClock, clock } from './clock.ts';
import { MIXED, ownMailboxes } from './sites.ts';
import { type Flow, HOUR, type Sending, type Story } from './story.ts';

const PEOPLE = 12;
const SERVERS = 6;
const MOST_HOURS = 12;

/** Flows of a dozen honest people and some foreign servers, for as long as the story lasts. */
export function townFlows(story: Story): Flow[] {
  const starts = story.flows.map(({ at }) => clock(at));
  const ends = story.flows.map(({ at, over }) => clock(at) + over);
  const first = Math.min(...starts);
  const over = Math.min(Math.max(...ends) - first, MOST_HOURS * HOUR);
  const at = asClock(first);
  return [
    ...series(PEOPLE, String).map((n) => citizen(Number(n), at, over)),
    ...series(SERVERS, String).map((n) => correspondent(Number(n), at, over)),
  ];
}

/** Writes some mail and mistypes an address now and then. */
function citizen(n: number, at: string, over: number): Sending {
  const user = `buerger${n}@rathaus.example`;
  const by = login(user, `198.51.100.${240 + n}`);
  return sends({ by, at, over, mails: 5, to: people({ dead: 20, grey: 20, at: MIXED }) });
}

/** A foreign server with mail for our people. */
function correspondent(n: number, at: string, over: number): Sending {
  const by = stranger(`203.0.113.${150 + n}`, `out.ort${20 + n}.example`);
  const to = people({ at: [ownMailboxes('rathaus.example', 'lmtp')] });
  return sends({ by, senders: [`brief${n}@ort${20 + n}.example`], at, over, mails: 4, to });
}
