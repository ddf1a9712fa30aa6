/** The numbers of local accounts. */

/** The user IDs that distributions give to people, and behind them those of systemd-homed (up to 60513). */
const FIRST_PERSON = 1000;
const LAST_PERSON = 60_513;
/** From here on, directories (LDAP, Active Directory) number people, and user namespaces the accounts of others. */
const FIRST_FAR = 65_536;

/** Whether the decimal text `uid` is the number of an ordinary user, as which no mail server runs. */
export function isPersonUid(uid: unknown): boolean {
  const id = Number(uid);
  if (typeof uid !== 'string') return false;
  return (id >= FIRST_PERSON && id <= LAST_PERSON) || id >= FIRST_FAR;
}
