/** The audit of an Exim. */
export async function auditExim(): Promise<string> {
  return 'not yet';
}
