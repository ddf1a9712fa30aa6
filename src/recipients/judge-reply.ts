/** What the reply to RCPT says about the recipient. Pure. */
import { escapeControls } from '../base/escape.ts';
import { type Reply, readStatus } from './reply.ts';
import { type Answer, type Step, type Unknown, undecided, unknown } from './verdict.ts';

/** "Mailbox unavailable" and "mailbox name not allowed", RFC 5321 4.2.3. */
const NO_MAILBOX = [550, 553];
/** Status codes of RFC 3463 3.2 and of the IANA registry that say the same with another code: bad mailbox, moved. */
const NO_MAILBOX_STATUS = ['5.1.0', '5.1.1', '5.1.3', '5.1.6', '5.1.10'];
/** RFC 3463 3.4 to 3.8: the system, the network, the protocol, the content, the policy. Nothing about the mailbox. */
const OTHER_SUBJECT = /^5\.[3-7]\./;

/**
 * 250 is valid, 550 and 553 are invalid, and so is any 5yz with a status such as 5.1.1. Everything else says nothing. Nor
 * does a 550 whose status is about something else: a back end that refuses *us* (5.7.1) would make every recipient
 * invalid.
 */
export function judgeRecipientReply(reply: Reply): Answer {
  if (reply.code === 250) return { kind: 'valid' };
  const status = readStatus(reply);
  if (reply.code >= 500 && status !== undefined && NO_MAILBOX_STATUS.includes(status))
    return { kind: 'invalid' };
  if (!NO_MAILBOX.includes(reply.code)) return undecided(quoteReply(reply));
  return status !== undefined && OTHER_SUBJECT.test(status)
    ? undecided(quoteReply(reply))
    : { kind: 'invalid' };
}

const LONGEST_REPLY = 200;

/** A reply that is not the one that was hoped for, as a failure of its step. */
export function describeReply(step: Step, reply: Reply): Unknown {
  return unknown(step, quoteReply(reply));
}

/** On one line, without control characters. */
function quoteReply({ code, text }: Reply): string {
  const words = Buffer.from(text, 'latin1').toString('utf8').replaceAll('\n', ' ');
  return escapeControls(`${code} ${words}`.slice(0, LONGEST_REPLY)).trim();
}
