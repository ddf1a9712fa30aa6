/** A provider that was suspect for a while, and one of its hosts. */
import { MINUTE } from '../../src/base/time.ts';
import type { OutagePeriod } from '../../src/report/outages.ts';
import { START } from '../judge/event.ts';

export const BIG = { relay: { host: 'mx1.in.big.example', address: '198.51.100.9' } };

/** Found out 20 minutes after START, had begun 5 minutes before. */
export const SUSPECT: OutagePeriod = {
  provider: 'big.example',
  began: START + 20 * MINUTE,
  since: START + 15 * MINUTE,
  refused: 8,
  active: 20,
  usual: 1,
  released: [],
};
