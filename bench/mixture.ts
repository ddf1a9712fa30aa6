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
  submission(world: World, user: string): Story;
  deferral(world: World): Story;
  bounce(world: World): Story;
  /** a stolen account sends to many */
  burst(world: World, user: string): Story;
  noise(world: World): string;
}

/** One more thing that happens. */
export function nextStory(world: World, stories: Stories): Story {
  const part = world.random.below(1000);
  if (part < 190) return stories.dictionary(world);
  if (part < 330) return stories.blocklisted(world);
  if (part < 450) return stories.guessing(world);
  if (part < 640) return stories.inbound(world);
  if (part < 900) return stories.submission(world, world.random.pick(world.customers));
  if (part < 945) return stories.deferral(world);
  if (part < 970) return stories.bounce(world);
  if (part < 974) return stories.burst(world, world.random.pick(world.stolen));
  return [stories.noise(world)];
}
