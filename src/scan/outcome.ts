/** What a line can turn out to be when it is scanned, other than a record. */

/** The line says nothing: the plain parser would make no record of it. */
export const SILENT = 'silent';
/** The text has another form than those that are scanned. */
export const OTHER = 'other';
/** The line goes the plain way: `Envelope.read`, then the parser. */
export const PLAIN = 'plain';
/** The envelope has been read, and the parser has to read the text. */
export const LOGGED = 'logged';
