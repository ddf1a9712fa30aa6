/** The numbers of local accounts. */

/** The user IDs that distributions give to people. */
const FIRST_PERSON = 1000;
const AFTER_PERSONS = 60_000;

/** Whether the decimal text `uid` is the number of an ordinary user, as which no mail server runs. */
export function isPersonUid(uid: unknown): boolean {
  const id = Number(uid);
  return typeof uid === 'string' && id >= FIRST_PERSON && id < AFTER_PERSONS;
}
