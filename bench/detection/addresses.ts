/**
 * Client addresses by the shape of their networks. The wide ones are from 240.0.0.0/4 and 3fff::/20, which are nobody's
 * (RFC 1112 4, RFC 9637), since the networks for documentation are too small for a botnet.
 */

/** Temporary addresses of one machine (RFC 8981): one /64. */
export function inOneSlash64(count: number): string[] {
  return range(
    count,
    (n) => `2001:db8:a7:19:${hex(n, 7)}:${hex(n, 11)}:${hex(n, 13)}:${hex(n, 5)}`,
  );
}

/** One /24, or less. */
export function inOneSlash24(count: number): string[] {
  return range(count, (n) => `198.51.100.${20 + (n % 230)}`);
}

/** One provider's servers: many /24, one /16. */
export function inOneSlash16(count: number): string[] {
  return range(count, (n) => `244.91.${(n * 37) % 256}.${1 + ((n * 53) % 250)}`);
}

/** The exits of a carrier's NAT: three /16. */
export function ofOneCarrier(count: number): string[] {
  return range(count, (n) => `242.${40 + (n % 3)}.${(n * 29) % 256}.${1 + ((n * 71) % 250)}`);
}

/** A relay that hides its users' addresses, at three companies: a dozen /16, four /32, a new address every few minutes. */
export function ofAPrivacyRelay(count: number): string[] {
  return range(count, (n) =>
    n % 2 === 0
      ? `${[241, 245, 250][(n / 2) % 3]}.${70 + (n % 8)}.${(n * 29) % 256}.${1 + ((n * 71) % 250)}`
      : `3fff:a${n % 8}:${hex(n, 3)}::${hex(n, 17)}`,
  );
}

/** Machines all over the world: each in a /16 of its own. */
export function ofABotnet(count: number): string[] {
  return range(
    count,
    (n) => `${240 + (n % 15)}.${(n * 101 + 7) % 256}.${(n * 31) % 256}.${1 + (n % 250)}`,
  );
}

/** The same by IPv6: each in a /32 of its own. */
export function ofABotnetV6(count: number): string[] {
  return range(count, (n) => `3fff:${(n + 1).toString(16)}:${hex(n, 3)}::${hex(n, 17)}`);
}

function range(count: number, address: (n: number) => string): string[] {
  return Array.from({ length: count }, (_, n) => address(n));
}

/** Digits that look random and differ with n. */
function hex(n: number, factor: number): string {
  return (((n + 3) * factor * 2654435761) % 0xefff).toString(16).replace(/^0$/, '1');
}
