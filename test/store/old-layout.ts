/** Databases as earlier versions left them: each event is a row of the table `event`. */
import Database from 'better-sqlite3';
import type { MailEvent } from '../../src/model/event.ts';
import {
  DIRECTIONS,
  KINDS,
  MTAS,
  REASON_CODES,
  STAGES,
  SUBMITTERS,
} from '../../src/store/codes.ts';
import { type Db, migrate } from '../../src/store/database.ts';
import { APPLICATION_ID } from '../../src/store/header.ts';
import { MIGRATIONS } from '../../src/store/migrations.ts';

/** Schemas that had rows. */
export const OLD_VERSIONS = [1, 2, 3, 4, 5];

/** A database at `path` with the schema of that version and these events. */
export function writeOldDatabase(
  path: string,
  version: number,
  events: readonly MailEvent[],
): void {
  const db = new Database(path);
  db.pragma('auto_vacuum = INCREMENTAL');
  db.pragma(`application_id = ${APPLICATION_ID}`);
  db.pragma('journal_mode = WAL');
  migrate(db, MIGRATIONS.slice(0, version));
  insertOldRows(db, events);
  db.close();
}

export function insertOldRows(db: Db, events: readonly MailEvent[]): void {
  const columns = db.prepare("SELECT name FROM pragma_table_info('event') WHERE name <> 'id'");
  const names = columns.pluck().all() as (keyof ReturnType<typeof buildRow>)[];
  const insert = db.prepare(
    `INSERT INTO event (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
  );
  const addSource = db.prepare('INSERT INTO source (path) VALUES (?) ON CONFLICT DO NOTHING');
  const findSource = db.prepare('SELECT id FROM source WHERE path = ?').pluck();
  const addSubmitter = db.prepare(
    'INSERT INTO submitter (type, name) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  const findSubmitter = db.prepare('SELECT id FROM submitter WHERE type = ? AND name = ?').pluck();
  db.transaction(() => {
    for (const event of events) {
      const { submitter } = event;
      const who = submitter && [SUBMITTERS.numberOf[submitter.type], submitter.id];
      addSource.run(event.source);
      if (who !== undefined) addSubmitter.run(...who);
      const row = buildRow(event, findSource.get(event.source), who && findSubmitter.get(...who));
      insert.run(...names.map((name) => row[name] ?? null));
    }
  })();
}

function buildRow(event: MailEvent, source: unknown, submitter: unknown) {
  const { client, relay } = event;
  return {
    time: event.time,
    kind: KINDS.numberOf[event.kind],
    reason: event.reason && REASON_CODES.numberOf[event.reason],
    direction: event.direction && DIRECTIONS.numberOf[event.direction],
    repeated: event.repeated && 1,
    new_recipients: event.newRecipients,
    submitter,
    client_address: client?.address,
    relay_host: relay?.host,
    relay_address: relay?.address,
    client_name: client?.name,
    reply: event.reply,
    sender: event.sender,
    recipient: event.recipient,
    queue_id: event.queueId,
    source,
    line: event.line,
    offset: event.offset,
    mta: MTAS.numberOf[event.mta],
    host: event.host,
    temporary: event.temporary && 1,
    stage: event.stage && STAGES.numberOf[event.stage],
    parent_queue_id: event.parentQueueId,
    client_helo: client?.helo,
    original_recipient: event.originalRecipient,
    relay_port: relay?.port,
    code: event.code,
    status: event.status,
    size: event.size,
    recipients: event.recipients,
    login: event.submitter?.login,
    cause: event.cause && JSON.stringify(event.cause),
    message_id: event.messageId,
  };
}
