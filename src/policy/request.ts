/**
 * Requests of the Postfix policy protocol (SMTPD_POLICY_README): lines `name=value`, an empty line ends a request.
 * Takes bytes in any portions and keeps only the few attributes that decide. Something else in place of a request is
 * returned as undefined, so that it gets an answer too. Never throws. Time is linear in the bytes.
 */
import { decodeText } from '../model/line.ts';

/** Who wants to send, and the command of the SMTP dialogue. Absent attributes are empty. */
export interface PolicyRequest {
  /** `RCPT`, `DATA`, `END-OF-MESSAGE`, ... */
  readonly state: string;
  /** SASL login, empty when the session did not authenticate */
  readonly user: string;
  /** address of the client */
  readonly client: string;
  /** reverse-path, empty for the null one */
  readonly sender: string;
  /** the recipient that is asked about, at RCPT */
  readonly recipient: string;
  /** one for each message; absent from what Exim sends */
  readonly instance: string;
}

/** Longest request in bytes: Postfix needs 1 to 4 KiB. */
export const LONGEST_POLICY_REQUEST = 65_536;

const REQUEST = 'smtpd_access_policy';

/** The attributes that are read, by the name that Postfix gives them. */
const FIELDS: ReadonlyMap<string, keyof Draft> = new Map([
  ['request', 'request'],
  ['protocol_state', 'state'],
  ['sasl_username', 'user'],
  ['client_address', 'client'],
  ['sender', 'sender'],
  ['recipient', 'recipient'],
  ['instance', 'instance'],
] as const);

interface Draft {
  request?: string;
  state?: string;
  user?: string;
  client?: string;
  sender?: string;
  recipient?: string;
  instance?: string;
}

export class RequestReader {
  #draft: Draft = {};
  /** this request contains a line that is not of the protocol */
  #isBroken = false;
  /** the beginning of a line that is not complete yet */
  #line = '';
  /** bytes of the request so far */
  #size = 0;

  /** A request has begun and is not complete yet. */
  get isWaiting(): boolean {
    return this.#size > 0;
  }

  /** The current request is longer than any: its end is unknown, so nothing more can be read. */
  get isTooLong(): boolean {
    return this.#size > LONGEST_POLICY_REQUEST;
  }

  /** Takes a byte string; returns the requests that end in it, undefined for one that is not of this protocol. */
  read(bytes: string): (PolicyRequest | undefined)[] {
    const requests: (PolicyRequest | undefined)[] = [];
    let start = 0;
    for (let end = bytes.indexOf('\n'); end >= 0; end = bytes.indexOf('\n', start)) {
      this.#size += end + 1 - start;
      if (this.isTooLong) return requests;
      const line = this.#line + bytes.slice(start, end);
      this.#line = '';
      start = end + 1;
      if (line === '' || line === '\r') requests.push(this.#finish());
      else this.#take(line);
    }
    this.#size += bytes.length - start;
    if (!this.isTooLong) this.#line += bytes.slice(start);
    return requests;
  }

  #take(line: string): void {
    const equals = line.indexOf('=');
    if (equals < 1) {
      this.#isBroken = true;
      return;
    }
    const field = FIELDS.get(line.slice(0, equals));
    // The README lets a server keep the first value or the last. The first cannot be changed by what follows.
    if (field === undefined || this.#draft[field] !== undefined) return;
    this.#draft[field] = decodeText(line.slice(equals + 1, line.endsWith('\r') ? -1 : undefined));
  }

  #finish(): PolicyRequest | undefined {
    const { request, state = '', user = '', client = '', sender = '' } = this.#draft;
    const { recipient = '', instance = '' } = this.#draft;
    const isValid = request === REQUEST && !this.#isBroken;
    this.#draft = {};
    this.#isBroken = false;
    this.#size = 0;
    return isValid ? { state, user, client, sender, recipient, instance } : undefined;
  }
}
