/** Short words for the people and machines of a story. */
import type { Guessing, Probing, Sending, Submitter } from './story.ts';

/** Someone who logs in, from these addresses in turn. */
export function login(user: string, ...from: readonly string[]): Submitter {
  return { kind: 'login', user, from };
}

/** A machine that may relay without a login. */
export function relay(address: string, name = 'unknown'): Submitter {
  return { kind: 'relay', name, address };
}

/** A local account. */
export function account(uid: number, name: string): Submitter {
  return { kind: 'account', uid, account: name };
}

/** A foreign server that brings mail for us. */
export function stranger(address: string, name = 'unknown'): Submitter {
  return { kind: 'stranger', name, address };
}

export function sends(sending: Omit<Sending, 'kind'>): Sending {
  return { kind: 'sending', ...sending };
}

export function guesses(guessing: Omit<Guessing, 'kind'>): Guessing {
  return { kind: 'guessing', ...guessing };
}

export function probes(probing: Omit<Probing, 'kind'>): Probing {
  return { kind: 'probing', ...probing };
}

/** `count` names: `series(3, (n) => `site${n}@x.example`)`. */
export function series(count: number, name: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => name(index));
}
