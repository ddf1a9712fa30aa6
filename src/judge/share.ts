/**
 * The share of `at-least-share`: how many of a submitter's recipients are refused.
 *
 * What is put off may still be delivered. While much is open, the refusals alone say little: a server that greylists
 * refuses the dead addresses at once and the others only for now, and a provider that throttles does the same for
 * hours. So an open recipient counts as good until it is resolved. But a bought list must not hide behind a provider
 * that puts everything off. So the places that answer are looked at as well, without those that have open recipients.
 * They are fewer, and can be the smaller providers with the older addresses: there the share must be twice as high.
 */
import { UNKNOWN_PLACE } from './compact.ts';
import type { Shape } from './shape.ts';
import type { Timeline } from './timeline.ts';
import type { PlaceCounts, Window } from './window.ts';

/** How many times the share must be reached at the places that answer, if others do not. */
const ANSWERING_FACTOR = 2;
/** Which part of the limit must come from these places: with fewer refusals their share says nothing. */
const ANSWERING_PART = 0.5;

/** How near the share of a window is to the least share: 1 when it is reached. */
export interface ShareMeasure {
  /** of all places */
  readonly overall: number;
  /** of the places that answer; it holds for limits up to `answeringUpTo`, if it is more */
  readonly answering: number;
  readonly answeringUpTo: number;
}

export function measureShare(
  timeline: Timeline,
  window: Window,
  { share = 0 }: Shape,
): ShareMeasure {
  const { open, newest } = timeline;
  open?.expire(newest);
  const { counted } = window;
  if (open === undefined || open.size === 0) return ofAll(near(counted, window.whole, share));
  if (open.overflows(newest)) return ofAll(0);
  const overall = near(counted, window.whole + open.size, share);
  if (overall >= 1) return ofAll(1);
  const places = countAnswering(window, window.placesOf(timeline), open.places);
  return {
    overall,
    answering: near(places.counted, places.whole, ANSWERING_FACTOR * share),
    answeringUpTo: places.counted / ANSWERING_PART,
  };
}

/** How near the share is to the least share, where a window has this limit. */
export function shareAt(
  { overall, answering, answeringUpTo }: ShareMeasure,
  limit: number,
): number {
  return limit <= answeringUpTo ? Math.max(overall, answering) : overall;
}

function ofAll(overall: number): ShareMeasure {
  return { overall, answering: 0, answeringUpTo: Number.NEGATIVE_INFINITY };
}

function near(counted: number, whole: number, share: number): number {
  return Math.min(1, counted / Math.max(whole, counted, 1) / Math.min(share, 1));
}

function countAnswering(
  { counted, whole }: PlaceCounts,
  counts: ReadonlyMap<string, PlaceCounts>,
  open: ReadonlyMap<string, number>,
): PlaceCounts {
  const answering = { counted, whole };
  for (const place of [UNKNOWN_PLACE, ...open.keys()]) {
    const here = counts.get(place);
    if (here === undefined) continue;
    answering.counted -= here.counted;
    answering.whole -= here.whole;
  }
  return answering;
}
