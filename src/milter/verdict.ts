/** What a handler answers to a command of the SMTP dialogue. Values, made by the functions below. */

/** A refusal of this command: 4yz is temporary, 5yz permanent; 421 also ends the SMTP session. */
export interface Refusal {
  readonly kind: 'refuse';
  /** reply code, RFC 5321 4.2: 400 to 599 */
  readonly code: number;
  /** enhanced status code of the same class, RFC 3463: `5.1.1` */
  readonly status: string;
  /**
   * For the client, without codes. Any text: it is cut, folded and stripped of what a reply cannot hold. Sendmail puts
   * the address in front of it (`<x@y.example>... `), so let it read well with and without that.
   */
  readonly text: string;
}

/**
 * `continue`: nothing against it. `accept`: like that, and the handler wants to see no more of this message, or of the
 * session at CONNECT and HELO; other handlers still do. At RCPT that means the message: to accept one recipient, continue.
 */
export type Verdict = { readonly kind: 'continue' } | { readonly kind: 'accept' } | Refusal;

export const CONTINUE: Verdict = { kind: 'continue' };
export const ACCEPT: Verdict = { kind: 'accept' };

/** A permanent refusal. */
export function reject(status: string, text: string, code = 550): Refusal {
  return { kind: 'refuse', code, status, text };
}

/** A temporary refusal: the client keeps the mail and tries again. */
export function tempfail(status: string, text: string, code = 451): Refusal {
  return { kind: 'refuse', code, status, text };
}

/** When a handler fails: RFC 3463 4.3.0, "other mail system status". */
export const FAILED: Refusal = tempfail('4.3.0', 'Temporary failure, please try again later');
