/** Digests and random names. node:crypto is loaded when it is used: that takes 8 ms, and most commands need none of it. */

const crypto = () => process.getBuiltinModule('node:crypto');

/** SHA-256 in hexadecimal digits; text is UTF-8. */
export function sha256(data: string | Uint8Array): string {
  return crypto().createHash('sha256').update(data).digest('hex');
}

/** So many random bytes, fit for a secret, in hexadecimal digits. */
export function randomHex(bytes: number): string {
  return crypto().randomBytes(bytes).toString('hex');
}
