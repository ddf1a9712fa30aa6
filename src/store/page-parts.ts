/** The parts of an event that are objects, from a record of a page. */
import type { DsnCause, Submitter } from '../model/event.ts';
import type { Client, Relay } from '../model/record.ts';
import { type ClientValue, formatClient } from './client-value.ts';
import { PARTS } from './page-form.ts';
import type { Records } from './page-records.ts';

/** The submitter with the login as the log has it. */
export function readSubmitter(known: Submitter | undefined, login: string | undefined) {
  return known === undefined || login === undefined ? known : { ...known, login };
}

/** Why there is a DSN; the text is JSON. */
export function readCause(text: string | undefined): DsnCause | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as DsnCause);
}

/** The client whose address this is. */
export function readClient(value: ClientValue | undefined, record: Records): Client | undefined {
  if (value === undefined) return undefined;
  return {
    address: formatClient(value),
    name: record.text(PARTS.clientName),
    helo: record.text(PARTS.clientHelo),
  };
}

/** The host that answered. */
export function readRelay(record: Records): Relay | undefined {
  const host = record.text(PARTS.relayHost);
  const address = record.text(PARTS.relayAddress);
  if (host === undefined && address === undefined) return undefined;
  return { host, address, port: record.number(PARTS.relayPort) };
}
