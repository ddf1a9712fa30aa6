/**
 * The kinds of values that options have, beside those of base/fields.ts: each a zod schema whose message says what
 * was expected. Knows no option by name.
 */
import { z } from 'zod';
import { list } from '../base/fields.ts';
import { parseNetwork } from '../model/address.ts';

/** Text for a default that only exists at run time. */
const SHOWN = new WeakMap<z.ZodType, string>();

/** The section inside a schema, where zod does not expose it. */
const INNER = new WeakMap<z.ZodType, z.ZodType>();

/** What the manual shows as the default of `schema`, if that is not the value itself. */
export function shownDefault(schema: z.ZodType): string | undefined {
  return SHOWN.get(schema);
}

/** The section that `schema` accepts, without default and switch; undefined for a plain value. */
export function getSection(schema: z.ZodType): z.ZodObject | undefined {
  if (schema instanceof z.ZodObject) return schema;
  const inner = INNER.get(schema) ?? unwrapped(schema);
  return inner === undefined ? undefined : getSection(inner);
}

function unwrapped(schema: z.ZodType): z.ZodType | undefined {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional
  )
    return schema.def.innerType as z.ZodType;
  return schema instanceof z.ZodPipe && schema.def.out instanceof z.ZodObject
    ? schema.def.out
    : undefined;
}

/** Gives `schema` the text that the manual shows as its default. */
export function shown<T extends z.ZodType>(schema: T, text: string): T {
  SHOWN.set(schema, text);
  return schema;
}

const CONTROL = /[\x00-\x1f\x7f]/;

/** One line without control characters that `accept` takes; the message asks for `expected`. */
export function text(expected: string, accept: (value: string) => boolean = () => true) {
  return z
    .string({ error: expected })
    .refine((value) => value !== '' && !CONTROL.test(value) && accept(value), { error: expected });
}

/** Any path; a relative one is resolved later. */
export const path = text('a path');
/** A path that main.cf and Exim's ACLs can hold as it is: a space, comma or brace would end it there. */
export const mtaPath = text('a path of letters, digits and . _ - + @ /', (value) =>
  /^[A-Za-z0-9._\-+@/]+$/.test(value),
);
/** A network in CIDR form, or one address. */
export const network = text(
  'a network such as 192.0.2.0/24 or a single address',
  (value) => parseNetwork(value) !== undefined,
);
/** An argument vector, which may be empty for "none". */
export const argv = list(text('a word of a command'), 'a list of words such as [postfix, reload]');
/** An argument vector that names a program. */
export const command = argv.refine((words) => words.length > 0, {
  error: 'a list of words such as [/usr/sbin/postsuper]',
});

/** A mail address as it stands in an envelope: no display name, no quoting, no spaces. */
function isPlainAddress(value: string): boolean {
  return value.length <= 254 && /^[^\s@<>()",;:\\[\]]+@[A-Za-z0-9._-]+$/.test(value);
}

/** One mail address. */
export const address = text('a mail address such as abuse@example.net', isPlainAddress);
/** One mail address or a list of them; always a list here. */
export const addresses = z.preprocess(
  (value) => (typeof value === 'string' ? [value] : value),
  list(address, 'a mail address or a list of them').refine((items) => items.length > 0, {
    error: 'at least one mail address',
  }),
);
/** A local account by number or by name; always text here. */
export const account = z.preprocess(
  (value) => (Number.isInteger(value) ? String(value) : value),
  text('a uid or a login name', (value) => /^(?:\d{1,10}|[A-Za-z_][\w.-]*\$?)$/.test(value)),
);
/** The text beside an action of a Postfix map, as enforce/postfix-format.ts accepts it. */
export const reply = text(
  'one line of at most 200 printable ASCII characters, not a space first',
  (value) => value.length <= 200 && /^[\x21-\x7e][\x20-\x7e]*$/.test(value),
);

/** A section, or `false`, which gives undefined. A union would report both alternatives for one mistake. */
export function switchable<T extends z.ZodType>(inner: T) {
  const schema = z.unknown().transform((value, context): z.output<T> | undefined => {
    if (value === false) return undefined;
    const result = inner.safeParse(value ?? {});
    if (result.success) return result.data;
    for (const issue of result.error.issues)
      context.issues.push({ ...issue, input: value } as never);
    return z.NEVER;
  });
  INNER.set(schema, inner);
  return schema;
}
