/** Times as people read them: in a zone, with its offset, and UTC beside them. */
import { describe, expect, it } from 'vitest';
import { buildStyle, PLAIN_STYLE } from '../../src/model/style.ts';

const SUMMER = Date.parse('2026-07-01T22:05:07.123Z');
const WINTER = Date.parse('2026-11-10T09:05:07Z');

describe('a time', () => {
  it.each([
    ['UTC', WINTER, '2026-11-10 09:05:07Z', '2026-11-10 09:05Z'],
    ['Europe/Berlin', WINTER, '2026-11-10 10:05:07+01:00 (09:05:07Z)', '2026-11-10 10:05+01:00'],
    [
      'Europe/Berlin',
      SUMMER,
      '2026-07-02 00:05:07+02:00 (2026-07-01 22:05:07Z)',
      '2026-07-02 00:05+02:00',
    ],
    ['America/St_Johns', WINTER, '2026-11-10 05:35:07-03:30 (09:05:07Z)', '2026-11-10 05:35-03:30'],
    ['-03:30', WINTER, '2026-11-10 05:35:07-03:30 (09:05:07Z)', '2026-11-10 05:35-03:30'],
    ['+00:00', WINTER, '2026-11-10 09:05:07Z', '2026-11-10 09:05Z'],
    [undefined, SUMMER, '2026-07-01T22:05:07.123Z', '2026-07-01 22:05Z'],
  ])('in %s', (zone, ms, time, minute) => {
    const style = buildStyle({ zone });
    expect([style.time(ms), style.minute(ms)]).toEqual([time, minute]);
  });
});

it('a local account without a known login is a number', () => {
  expect(PLAIN_STYLE.who({ type: 'uid', id: '33' })).toBe('uid:33');
  const style = buildStyle({ logins: new Map([['33', 'www-data']]) });
  expect(style.who({ type: 'uid', id: '34' })).toBe('uid:34');
  expect(style.target({ key: { type: 'sender', id: 'a@b' }, at: { type: 'uid', id: '33' } })).toBe(
    'sender:a@b at uid:33 (www-data)',
  );
});
