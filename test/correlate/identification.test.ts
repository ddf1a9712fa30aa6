/** cPanel's `Sender identification`: the account of a message that came in without a login. */
import { describe, expect, it } from 'vitest';
import { classify } from '../../src/classify/classify.ts';
import { Correlator } from '../../src/correlate/correlator.ts';
import { LOG_TRAITS } from '../../src/interpret/mtas.ts';
import type { MailEvent } from '../../src/model/event.ts';
import type { LogRecord } from '../../src/model/record.ts';

const ID = '1xUirA-00014A-01';
const ARRIVAL: LogRecord = {
  kind: 'arrival',
  queueId: ID,
  sender: 'orders@shop.test',
  client: { address: '127.0.0.1' },
};
const account = (uid: string): LogRecord => ({ kind: 'identification', queueId: ID, uid });

/** The submitters of the events that these records give. */
function correlate(...records: readonly LogRecord[]): unknown[] {
  const correlator = new Correlator({ classify });
  const events: MailEvent[] = [];
  for (const [index, record] of records.entries()) {
    const at = { source: 'log', line: index + 1, offset: index };
    const line = { host: '', instance: 'exim', service: '', program: 'exim', pid: '', text: '' };
    correlator.feed({ at, time: index, times: 1, ...line }, record, LOG_TRAITS.exim, events);
  }
  return events.map(({ kind, amends, submitter }) => [kind, amends === true, submitter?.id]);
}

describe('Sender identification', () => {
  it('corrects the submitter of an accepted message', () => {
    expect(correlate(ARRIVAL, account('shop'))).toEqual([
      ['accepted', false, '127.0.0.1'],
      ['accepted', true, 'shop'],
    ]);
  });

  it('may come before the arrival', () => {
    expect(correlate(account('shop'), ARRIVAL)).toEqual([['accepted', false, 'shop']]);
  });

  it('does not replace a login', () => {
    const arrival = { ...ARRIVAL, user: 'kim@shop.test' } as LogRecord;
    expect(correlate(arrival, account('shop'))).toEqual([['accepted', false, 'kim@shop.test']]);
    expect(correlate(account('shop'), arrival)).toEqual([['accepted', false, 'kim@shop.test']]);
  });

  it('says nothing of mail from outside', () => {
    expect(correlate(ARRIVAL, account('-remote-'))).toEqual([['accepted', false, '127.0.0.1']]);
  });
});
