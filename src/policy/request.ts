/**
 * Requests of the Postfix policy protocol (SMTPD_POLICY_README): lines `name=value`, an empty line ends a request.
 * Takes bytes in any portions and keeps only the few attributes that decide. What is no request comes out as
 * undefined, so that every request has its answer; nothing is ever thrown. Time is linear in the bytes.
 */
import { decodeText } from '../model/line.ts';

/** Who wants to send, and at which command of the dialogue. Absent attributes are empty. */
export interface PolicyRequest {
  /** `RCPT`, `DATA`, `END-OF-MESSAGE`, ... */
  readonly state: string;
  /** SASL login, empty when the session did not authenticate */
  readonly user: string;
  /** address of the client */
  readonly client: string;
  /** reverse-path, empty for the null one */
  readonly sender: string;
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
] as const);

interface Draft {
  request?: string;
  state?: string;
  user?: string;
  client?: string;
  sender?: string;
}

export class RequestReader {
  #draft: Draft = {};
  /** a line that is none of the protocol was seen in this request */
  #isBroken = false;
  /** the beginning of a line whose end is still to come */
  #line = '';
  /** bytes of the request so far */
  #size = 0;

  /** Part of a request has come, and its end has not. */
  get isWaiting(): boolean {
    return this.#size > 0;
  }

  /** The request under way is longer than any: its end cannot be told, so that nothing more can be read. */
  get isTooLong(): boolean {
    return this.#size > LONGEST_POLICY_REQUEST;
  }

  /** Takes a byte string; gives the requests that end in it, undefined for one that is not understood. */
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
    // The README lets a server keep the first value or the last; the first is what nothing behind it can change.
    if (field === undefined || this.#draft[field] !== undefined) return;
    this.#draft[field] = decodeText(line.slice(equals + 1, line.endsWith('\r') ? -1 : undefined));
  }

  #finish(): PolicyRequest | undefined {
    const { request, state = '', user = '', client = '', sender = '' } = this.#draft;
    const isUnderstood = request === REQUEST && !this.#isBroken;
    this.#draft = {};
    this.#isBroken = false;
    this.#size = 0;
    return isUnderstood ? { state, user, client, sender } : undefined;
  }
}
