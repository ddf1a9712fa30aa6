/** What happens on a hosting server for a few hundred customers, and how often: the same for both mail servers. */
import type { World } from './world.ts';

/** The lines of one session or message in their order, without time (and host). */
export type Story = string[];

/** How one mail server tells each of the things that happen. */
export interface Stories {
  dictionary(world: World): Story;
  blocklisted(world: World): Story;
  guessing(world: World): Story;
  inbound(world: World): Story;
  /** mail from abroad for an alias, into a mailbox of a local account */
  local(world: World): Story;
  submission(world: World, user: string): Story;
  deferral(world: World): Story;
  bounce(world: World): Story;
  /** a stolen account sends to many */
  burst(world: World, user: string): Story;
  noise(world: World): string;
}

type Happening = keyof Stories;

/**
 * How often each thing happens, of 1000. `ordinary` is a week of a small server: 38 % of the lines that say something
 * belong neither to a session nor to mail that arrives and is delivered to another host or by LMTP. They are refusals,
 * bounces, notifications, deferrals, deliveries by local(8).
 */
const MIXTURES = {
  busy: {
    dictionary: 190,
    blocklisted: 140,
    guessing: 120,
    inbound: 190,
    submission: 260,
    deferral: 45,
    bounce: 25,
    burst: 4,
  },
  ordinary: {
    dictionary: 700,
    blocklisted: 90,
    guessing: 30,
    local: 60,
    submission: 30,
    deferral: 40,
    bounce: 40,
    burst: 6,
  },
} as const satisfies Readonly<Record<string, Partial<Record<Happening, number>>>>;

export type Mixture = keyof typeof MIXTURES;

/** One more thing that happens; what is left of the 1000 is noise. */
export function nextStory(world: World, stories: Stories, mixture: Mixture): Story {
  let part = world.random.below(1000);
  for (const [happening, often] of Object.entries(MIXTURES[mixture])) {
    part -= often;
    if (part < 0) return tell(world, stories, happening as Happening);
  }
  return [stories.noise(world)];
}

function tell(world: World, stories: Stories, happening: Happening): Story {
  switch (happening) {
    case 'submission':
      return stories.submission(world, world.random.pick(world.customers));
    case 'burst':
      return stories.burst(world, world.random.pick(world.stolen));
    case 'noise':
      return [stories.noise(world)];
    default:
      return stories[happening](world);
  }
}
