/**
 * The job of signed return paths. Outgoing mail gets a signed sender; signed recipients are checked at RCPT and restored
 * at the end of the message; notifications to plain addresses of a signing domain are refused at DATA. Never at RCPT:
 * there other servers ask, with the null sender, whether an address exists.
 */
import { lowerAscii } from '../../../base/text.ts';
import type { ReturnPathConfig } from '../../../config/config.ts';
import {
  ACCEPT,
  type Change,
  CONTINUE,
  type Conclusion,
  type EnvelopeAddress,
  type MilterHandler,
  type MilterMessage,
  parseEnvelopeAddress,
  reject,
  type Verdict,
} from '../../../milter/handler.ts';
import { isMailbox, isTagged } from '../../../sign/envelope.ts';
import { SCHEMES, type Signed, type Verified } from '../../../sign/scheme.ts';
import { RETURN_PATH_SCHEMES } from '../../../sign/schemes.ts';
import type { JobContext, MilterJob } from '../job.ts';
import { RejectGate } from './gate.ts';
import { Guesses } from './guesses.ts';
import { KeyRing } from './keys.ts';
import { Parties } from './parties.ts';
import { type Restorable, restoreRecipients } from './restore.ts';

/** Undefined without `milter.returnPath`. */
export function buildReturnPathJob(context: JobContext): MilterJob | undefined {
  const config = context.config.returnPath;
  if (config === undefined) return undefined;
  const job = new ReturnPathHandler(config, context);
  return { handler: job, counters: () => job.counters, problems: () => job.listProblems() };
}

class ReturnPathHandler implements MilterHandler {
  readonly name = 'return-path';
  readonly actions = ['ADDRCPT', 'DELRCPT', 'CHGFROM', 'ADDRCPT_PAR'] as const;
  readonly #counters: ReturnType<typeof startCounters>;
  readonly #config: ReturnPathConfig;
  readonly #context: JobContext;
  readonly #parties: Parties;
  readonly #keys: KeyRing;
  readonly #gate: RejectGate;
  readonly #guesses: Guesses;

  constructor(config: ReturnPathConfig, context: JobContext) {
    this.#config = config;
    this.#context = context;
    this.#parties = new Parties(config);
    this.#keys = new KeyRing(config.keys, context);
    this.#gate = new RejectGate(config, context);
    const kept = context.shared.keep('return-path', () => ({
      counters: startCounters(),
      guesses: new Guesses(context.clock),
    }));
    this.#counters = kept.counters;
    this.#guesses = kept.guesses;
  }

  get counters(): Readonly<Record<string, number>> {
    return { ...this.#counters };
  }

  listProblems(): string[] {
    const closed = this.#gate.describe();
    return [...this.#keys.listProblems(), ...(closed === undefined ? [] : [closed])];
  }

  rcpt(recipient: EnvelopeAddress, message: MilterMessage): Verdict {
    if (!this.#parties.isOurs(recipient) || this.#parties.isSubmitted(message)) return CONTINUE;
    const { address: client } = message.session.client;
    const verified = this.#verify(recipient);
    if (verified.outcome === 'unsigned') return CONTINUE;
    const isRight = verified.outcome === 'valid' && isMeantFor(verified, message.sender);
    if (isRight && !this.#guesses.isGuessing(client)) return CONTINUE;
    if (verified.outcome === 'wrong signature') this.#guesses.count(client);
    this.#counters['wrong-signature']++;
    this.#note(
      message,
      { recipient: recipient.address, outcome: verified.outcome },
      'wrong signature',
    );
    return this.#gate.isOpen ? this.#refusal() : CONTINUE;
  }

  data(message: MilterMessage): Verdict {
    const bogus = this.#findBogus(message);
    if (bogus.length > 0) {
      this.#counters['bogus-notification']++;
      this.#note(
        message,
        { recipients: bogus.map(({ address }) => address) },
        'bogus notification',
      );
      if (this.#gate.isOpen && bogus.length === message.recipients.length)
        return this.#refuseBogus();
    }
    const signed = this.#sign(message);
    if (signed !== undefined && 'unsignable' in signed) this.#counters.unsignable++;
    const changes = this.#listChanges(message, this.#gate.isOpen ? bogus : [], signed);
    return changes.length === 0 ? ACCEPT : CONTINUE;
  }

  endOfMessage(message: MilterMessage): Conclusion {
    // Protocol versions before 4 have no DATA.
    const bogus = this.#gate.isOpen ? this.#findBogus(message) : [];
    if (bogus.length > 0 && bogus.length === message.recipients.length) {
      return { verdict: this.#refuseBogus(), changes: [] };
    }
    const changes = this.#listChanges(message, bogus, this.#sign(message));
    this.#counters['bogus-taken-out'] += bogus.length;
    this.#counters.restored += changes.filter(({ kind }) => kind === 'add-recipient').length;
    this.#counters.signed += changes.filter(({ kind }) => kind === 'replace-sender').length;
    return { verdict: CONTINUE, changes };
  }

  #refuseBogus(): Verdict {
    this.#counters['bogus-refused']++;
    return this.#refusal();
  }

  #refusal(): Verdict {
    return reject('5.7.1', this.#config.text);
  }

  /** The recipients of a notification that it cannot be for. */
  #findBogus(message: MilterMessage): EnvelopeAddress[] {
    const { sender, recipients } = message;
    if (sender.address !== '' || this.#keys.signing === undefined) return [];
    if (this.#parties.isSubmitted(message) || this.#parties.isOpenClient(message)) return [];
    return recipients.filter(
      (recipient) =>
        !this.#parties.isOpenRecipient(recipient) && this.#verify(recipient).outcome === 'unsigned',
    );
  }

  /** `bogus`: the recipients to take out; `signed`: what `#sign` gave. */
  #listChanges(
    { recipients }: MilterMessage,
    bogus: readonly EnvelopeAddress[],
    signed: Signed | undefined,
  ): Change[] {
    const out = new Set(bogus);
    const kept = recipients.filter((recipient) => !out.has(recipient));
    return [
      ...bogus.map(({ argument }) => ({ kind: 'delete-recipient' as const, argument })),
      ...(this.#config.restore ? restoreRecipients(kept.map((one) => this.#findPlain(one))) : []),
      ...replaceSender(signed),
    ];
  }

  /** A signature that does not count any more is taken off as well: the mailbox is behind it. */
  #findPlain(recipient: EnvelopeAddress): Restorable {
    const verified = this.#parties.isOurs(recipient) ? this.#verify(recipient) : undefined;
    if (verified === undefined || verified.outcome === 'unsigned') return { recipient };
    if (!isMailbox(verified.address)) return { recipient };
    return { recipient, plain: parseEnvelopeAddress([verified.address]) };
  }

  #verify({ address }: EnvelopeAddress): Verified {
    const context = { keys: this.#keys.verifying, now: this.#context.clock.now() };
    const found = SCHEMES.map((name) => RETURN_PATH_SCHEMES[name].verify(address, context));
    return found.find(({ outcome }) => outcome !== 'unsigned') ?? { outcome: 'unsigned' };
  }

  /** Undefined if the sender stays as it is. */
  #sign(message: MilterMessage): Signed | undefined {
    const { sender, recipients } = message;
    if (this.#config.mode === 'observe' || !this.#parties.isSubmitted(message)) return undefined;
    const key = this.#keys.signing;
    if (key === undefined || !this.#parties.needsSignature(message)) return undefined;
    const address = `${sender.localPart}@${sender.domain}`;
    if (!isMailbox(address) || isTagged(address)) return undefined;
    const foreign = recipients.find((recipient) => !this.#parties.isOurs(recipient));
    return RETURN_PATH_SCHEMES[this.#config.scheme].sign(address, {
      key,
      now: this.#context.clock.now(),
      recipient: foreign?.address ?? '',
    });
  }

  #note(message: MilterMessage, what: Readonly<Record<string, unknown>>, text: string): void {
    const { client } = message.session;
    const refused = this.#gate.isOpen;
    const from = {
      client: client.address,
      queueId: message.queueId,
      sender: message.sender.address,
    };
    this.#context.log.info({ ...from, ...what, refused }, `return path: ${text}`);
  }
}

function startCounters() {
  return {
    signed: 0,
    unsignable: 0,
    restored: 0,
    'wrong-signature': 0,
    'bogus-notification': 0,
    'bogus-refused': 0,
    'bogus-taken-out': 0,
  };
}

function replaceSender(signed: Signed | undefined): Change[] {
  if (signed === undefined || 'unsignable' in signed) return [];
  return [{ kind: 'replace-sender', address: signed.address }];
}

/** The hash form names one recipient, who alone may write to it; a notification has no sender. */
function isMeantFor(verified: Verified, sender: EnvelopeAddress): boolean {
  if (verified.outcome !== 'valid' || verified.recipient === undefined) return true;
  return sender.address === '' || lowerAscii(sender.address) === lowerAscii(verified.recipient);
}
