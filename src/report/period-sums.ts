/** All sums of a report over the events of its period, made in one pass, and what the shown rows need of the texts in a second. */
import { AttackerSums } from '../store/attackers.ts';
import { kindSet } from '../store/codes.ts';
import { DeferralSums } from '../store/deferrals.ts';
import type { Filter } from '../store/event-filter.ts';
import { FigureSums } from '../store/figures.ts';
import type { HeldPages } from '../store/held-pages.ts';
import type { Names } from '../store/names.ts';
import type { Page } from '../store/page.ts';
import { RefuserSums } from '../store/refusers.ts';
import { EventSums, Totals } from '../store/sums.ts';
import { VolumeSums } from '../store/volume.ts';
import { CourseSums } from './course.ts';
import { ReputationRefusals } from './reputation.ts';

/** Times in ms, `until` exclusive. */
interface Period {
  readonly since: number;
  readonly until: number;
}

const FAILED = kindSet('bounced', 'deferred', 'expired');
const REFUSED = kindSet('rejected', 'auth-failed');

export class PeriodSums {
  readonly totals = new Totals();
  readonly figures = new FigureSums();
  readonly refusals = new ReputationRefusals();
  readonly refusers = new RefuserSums();
  readonly deferrals = new DeferralSums();
  readonly attackers = new AttackerSums();
  readonly events: EventSums;
  readonly volume: VolumeSums;
  readonly course: CourseSums;
  readonly #pages: HeldPages;
  readonly #period: Period;
  readonly #isMeant: Filter | undefined;

  /** `pages`: those of the period at least. `isMeant`: which events count; all if there is none. */
  constructor(names: Names, pages: HeldPages, period: Period, isMeant?: Filter) {
    this.#pages = pages;
    this.#period = period;
    this.#isMeant = isMeant;
    this.events = new EventSums(names);
    this.volume = new VolumeSums(names);
    this.course = new CourseSums(period.since, period.until);
  }

  /** Counts an event of the period. */
  add(page: Page, at: number): void {
    if (this.#isMeant?.(page, at) === false) return;
    const kind = page.kind(at);
    this.totals.add(page, at);
    this.figures.add(page, at);
    this.events.add(page, at);
    this.volume.add(page, at);
    this.course.add(page, at);
    if (FAILED.has(kind)) {
      this.refusals.add(page, at);
      this.refusers.add(page, at);
      this.deferrals.add(page, at);
    } else if (REFUSED.has(kind)) {
      this.attackers.add(page, at);
    }
  }

  /** Chooses up to `most` rows of the tables with texts, and reads these. Call it when all events are counted. */
  readTexts(most: number): void {
    const { refusers, deferrals, attackers } = this;
    for (const sums of [refusers, deferrals, attackers]) sums.choose(most);
    this.#pages.scan(this.#period.since, this.#period.until, (page, at) => {
      if (this.#isMeant?.(page, at) === false) return;
      const kind = page.kind(at);
      if (FAILED.has(kind)) {
        refusers.addTexts(page, at);
        deferrals.addTexts(page, at);
      } else if (REFUSED.has(kind)) {
        attackers.addTexts(page, at);
      }
    });
  }
}
