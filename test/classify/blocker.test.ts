/** Whose judgement a refusal is: the blocklist or the provider's code that it names, and that its reason is about us. */
import { describe, expect, it } from 'vitest';
import { findBlockers } from '../../src/classify/blocker.ts';
import { classify } from '../../src/classify/classify.ts';

describe('a refusal because of our address', () => {
  it.each([
    [
      "550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).",
      'reputation',
      ['Microsoft S3140'],
    ],
    [
      '550 5.7.606 Access denied, banned sending IP [192.0.2.7]. To request removal from this list please visit https://sender.office.com/ and follow the directions.',
      'reputation',
      ['Microsoft 5.7.606'],
    ],
    [
      '421 4.7.0 [192.0.2.7      15] Our system has detected an unusual rate of unsolicited mail originating from your IP address. https://support.google.com/mail/?p=UnsolicitedRateLimitError x1 - gsmtp',
      'rate-limited',
      ['Google UnsolicitedRateLimitError', 'Google unusual rate'],
    ],
    [
      '421 4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1',
      'reputation',
      ['Yahoo TSS04'],
    ],
    [
      '554 IP=192.0.2.7 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.)',
      'reputation',
      ['T-Online'],
    ],
    [
      '554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.7',
      'reputation',
      ['Spamhaus'],
    ],
    [
      '554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.spamcop.net; Blocked - see https://www.spamcop.net/bl.shtml?192.0.2.7',
      'reputation',
      ['SpamCop'],
    ],
    [
      '554 Service unavailable; Client host [mail.example.net] blocked using Barracuda Reputation; http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.7',
      'reputation',
      ['Barracuda'],
    ],
    [
      '550 Currently Sending Spam See: http://www.sorbs.net/lookup.shtml?192.0.2.7',
      'reputation',
      ['SORBS'],
    ],
  ] as const)('%s', (reply, reason, named) => {
    expect(classify({ reply })).toBe(reason);
    expect(findBlockers(reply)).toEqual(named);
  });
});

it.each([
  '550 5.1.1 The email account that you tried to reach does not exist',
  '550 5.7.1 Message rejected as spam by Content Filtering',
  '552 5.2.2 Mailbox full',
])('names nobody: %s', (reply) => expect(findBlockers(reply)).toEqual([]));
