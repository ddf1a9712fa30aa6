/** An outage of a provider, and one of the provider's hosts. */
import { MINUTE } from '../../src/base/time.ts';
import type { Outage } from '../../src/model/outage.ts';
import { START } from '../judge/event.ts';

export const BIG = { relay: { host: 'mx1.in.big.example', address: '198.51.100.9' } };

/** Detected 20 minutes after START; it had started 5 minutes before. */
export const OUTAGE: Outage = {
  provider: 'big.example',
  began: START + 20 * MINUTE,
  since: START + 15 * MINUTE,
  refused: 8,
  active: 20,
  usual: 1,
  released: [],
};
