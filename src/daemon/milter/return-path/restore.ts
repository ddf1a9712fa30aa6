/**
 * The changes that put plain recipients in the place of signed ones. For each plain address all its forms are deleted,
 * as they were received, and one is added: the only order with one delivery in Postfix and Sendmail, whether or not the
 * mail server strips signatures, too.
 */
import {
  type Change,
  type EnvelopeAddress,
  encodeXtext,
  findParameter,
} from '../../../milter/handler.ts';

/** A recipient, and the plain address that it means; undefined for one that stays as it is. */
export interface Restorable {
  readonly recipient: EnvelopeAddress;
  readonly plain?: EnvelopeAddress;
}

/** Nothing for recipients none of which is signed. */
export function restoreRecipients(all: readonly Restorable[]): Change[] {
  const groups = new Map<string, Restorable[]>();
  for (const one of all) {
    const key = toKey(one.plain ?? one.recipient);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].flatMap((group) => {
    const forms = group.filter(({ plain }) => plain !== undefined);
    const plainForms = group.filter(({ plain }) => plain === undefined);
    return forms.length === 0
      ? []
      : replaceForms(
          forms,
          plainForms.map(({ recipient }) => recipient),
        );
  });
}

function replaceForms(
  forms: readonly Restorable[],
  plainForms: readonly EnvelopeAddress[],
): Change[] {
  const received = [...forms.map(({ recipient }) => recipient), ...plainForms];
  const arguments_ = new Set(received.map(({ argument }) => argument));
  const [first] = forms as [Restorable];
  return [
    ...[...arguments_].map((argument) => ({ kind: 'delete-recipient' as const, argument })),
    {
      kind: 'add-recipient',
      address: (first.plain as EnvelopeAddress).address,
      parameters: keepParameters(plainForms[0] ?? first.recipient),
    },
  ];
}

/** NOTIFY as given; ORCPT as given, or the address as received (RFC 3461, 4.2). */
function keepParameters(recipient: EnvelopeAddress): string[] {
  const notify = findParameter(recipient, 'NOTIFY');
  const original = findParameter(recipient, 'ORCPT') ?? `rfc822;${encodeXtext(recipient.address)}`;
  return [...(notify === undefined ? [] : [`NOTIFY=${notify}`]), `ORCPT=${original}`];
}

/** Domains are compared in lower case, local parts as they are. */
function toKey({ localPart, domain }: EnvelopeAddress): string {
  return `${localPart}@${domain}`;
}
