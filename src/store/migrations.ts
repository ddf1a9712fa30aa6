/** The schema, as numbered steps. A step that was released is never changed: a new one is added. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE
  );

  -- Read positions of the followed logs, written with what was made of their lines.
  CREATE TABLE position (
    path TEXT PRIMARY KEY,
    json TEXT NOT NULL
  ) WITHOUT ROWID;

  -- Who handed mail in, as the log writes it.
  CREATE TABLE submitter (
    id INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (type, name)
  );
  CREATE INDEX submitter_name ON submitter (name COLLATE NOCASE);

  -- Words are numbers: src/store/codes.ts. References are not checked, which would cost a look-up each.
  CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,          -- ms since the epoch
    kind INTEGER NOT NULL,
    reason INTEGER,
    direction INTEGER,
    repeated INTEGER,
    new_recipients INTEGER,
    submitter INTEGER,
    client_address TEXT,
    relay_host TEXT,
    relay_address TEXT,
    client_name TEXT,
    reply TEXT,
    sender TEXT,
    recipient TEXT,
    queue_id TEXT,
    source INTEGER NOT NULL,
    line INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    mta INTEGER NOT NULL,
    host TEXT,
    temporary INTEGER,
    stage INTEGER,
    parent_queue_id TEXT,
    client_helo TEXT,
    original_recipient TEXT,
    relay_port INTEGER,
    code INTEGER,
    status TEXT,
    size INTEGER,
    recipients INTEGER
  );
  CREATE INDEX event_time ON event (time);
  CREATE INDEX event_submitter ON event (submitter, time) WHERE submitter IS NOT NULL;

  -- Messages that have not left the queue, as the correlator remembers them.
  CREATE TABLE message (
    host TEXT NOT NULL,
    queue_id TEXT NOT NULL,
    touched INTEGER NOT NULL,
    submitter_type TEXT,
    submitter_id TEXT,
    json TEXT NOT NULL,
    PRIMARY KEY (host, queue_id)
  ) WITHOUT ROWID;
  CREATE INDEX message_submitter ON message (submitter_id COLLATE NOCASE) WHERE submitter_id IS NOT NULL;

  -- Other state that lives as long as the service: named, versioned JSON.
  CREATE TABLE state (
    name TEXT PRIMARY KEY,
    json TEXT NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE verdict (
    id INTEGER PRIMARY KEY,
    rule TEXT NOT NULL,
    action TEXT NOT NULL,
    key_type TEXT NOT NULL,
    key_id TEXT NOT NULL,
    time INTEGER NOT NULL,
    source TEXT NOT NULL,
    line INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    count REAL NOT NULL,
    "limit" REAL NOT NULL,
    period INTEGER NOT NULL,
    duration INTEGER,
    -- what came of it: VerdictOutcome of src/model/block.ts
    outcome TEXT NOT NULL,
    event INTEGER NOT NULL          -- newest event when it fell
  );
  CREATE INDEX verdict_time ON verdict (time);

  CREATE TABLE block (
    id INTEGER PRIMARY KEY,
    key_type TEXT NOT NULL,
    key_id TEXT NOT NULL,
    cause TEXT NOT NULL,            -- rule name, or manual
    note TEXT,                      -- the operator's words
    verdict INTEGER REFERENCES verdict(id),
    start INTEGER NOT NULL,
    "end" INTEGER,                  -- null: until released
    released INTEGER,
    released_by TEXT,               -- operator, file, expiry
    released_event INTEGER          -- newest event then: events up to it do not count again
  );
  CREATE UNIQUE INDEX block_running ON block (key_type, key_id) WHERE released IS NULL;
  -- Also for each verdict that is deleted: that no block refers to it.
  CREATE INDEX block_verdict ON block (verdict) WHERE verdict IS NOT NULL;

  -- Blocks that a target's file is known to list: a line that is gone from it was deleted by hand.
  CREATE TABLE enforced (
    target TEXT NOT NULL,
    block INTEGER NOT NULL REFERENCES block(id),
    PRIMARY KEY (target, block)
  ) WITHOUT ROWID;

  CREATE TABLE target (
    name TEXT PRIMARY KEY,
    json TEXT NOT NULL              -- activation pending, last failure
  ) WITHOUT ROWID;

  CREATE TABLE notice (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,             -- verdict, capped
    created INTEGER NOT NULL,
    json TEXT NOT NULL,             -- what to tell
    mail INTEGER REFERENCES mail(id)
  );
  CREATE INDEX notice_waiting ON notice (id) WHERE mail IS NULL;
  CREATE INDEX notice_mail ON notice (mail) WHERE mail IS NOT NULL;

  -- The outbox: composed once, sent until it is accepted.
  CREATE TABLE mail (
    id INTEGER PRIMARY KEY,
    created INTEGER NOT NULL,
    message_id TEXT NOT NULL UNIQUE,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    html TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt INTEGER NOT NULL,
    last_error TEXT,
    sent INTEGER
  );
  CREATE INDEX mail_waiting ON mail (next_attempt) WHERE sent IS NULL;
  CREATE INDEX mail_sent ON mail (sent) WHERE sent IS NOT NULL;
  `,
  `
  -- The login as the log has it, where it differs from that of its submitter.
  ALTER TABLE event ADD COLUMN login TEXT;

  -- In which spellings a person was seen to log in, lower case: src/store/logins.ts.
  CREATE TABLE login (
    person TEXT NOT NULL,
    spelling TEXT NOT NULL,
    seen INTEGER NOT NULL,          -- ms since the epoch
    PRIMARY KEY (person, spelling)
  ) WITHOUT ROWID;
  `,
  `
  -- A sender that is shut out at one gateway only, and how many senders a block of the gateway hits.
  ALTER TABLE verdict ADD COLUMN at_type TEXT;
  ALTER TABLE verdict ADD COLUMN at_id TEXT;
  ALTER TABLE verdict ADD COLUMN people INTEGER;
  ALTER TABLE block ADD COLUMN at_type TEXT;
  ALTER TABLE block ADD COLUMN at_id TEXT;
  `,
  `
  -- Our addresses and names on DNS blocklists: src/store/listings.ts. Times in ms since the epoch.
  CREATE TABLE listing (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL,
    list TEXT NOT NULL,
    codes TEXT NOT NULL,            -- JSON
    meaning TEXT NOT NULL,
    cost TEXT NOT NULL,
    began INTEGER NOT NULL,         -- when it was first seen
    ended INTEGER                   -- null while it lasts
  );
  CREATE UNIQUE INDEX listing_running ON listing (address, list) WHERE ended IS NULL;
  CREATE TABLE listing_asked (
    address TEXT NOT NULL,
    list TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (address, list)
  ) WITHOUT ROWID;
  `,
  `
  -- Why there is a DSN, as JSON: DsnCause in src/model/event.ts. Few events have one.
  ALTER TABLE event ADD COLUMN cause TEXT;
  -- Of accepted messages, for complaints; and an index with no row for any other event.
  ALTER TABLE event ADD COLUMN message_id TEXT;
  CREATE INDEX event_complaint ON event (queue_id) WHERE kind = 13;
  `,
  `
  -- Why the limit of a verdict is not that of its rule, and what it is by day if the verdict fell at night.
  ALTER TABLE verdict ADD COLUMN limit_why TEXT;
  ALTER TABLE verdict ADD COLUMN full_limit REAL;
  `,
  `
  -- Events, up to 512 in a row: src/store/page-form.ts. Times in ms since the epoch. The table event has those that an
  -- earlier version stored; the service turns them into pages while it works.
  CREATE TABLE page (
    first INTEGER PRIMARY KEY,      -- number of its first event; the others follow
    count INTEGER NOT NULL,
    oldest INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    kinds INTEGER NOT NULL,         -- a bit for each kind of its events
    columns BLOB NOT NULL,
    records BLOB NOT NULL
  );
  CREATE INDEX page_time ON page (newest, oldest, kinds, count);
  CREATE INDEX page_small ON page (first, count) WHERE count < 256;
  CREATE TABLE page_submitter (
    submitter INTEGER NOT NULL,
    newest INTEGER NOT NULL,        -- of the page
    first INTEGER NOT NULL,
    PRIMARY KEY (submitter, newest, first)
  ) WITHOUT ROWID;
  `,
  `
  -- What rules with usual know of the past of each key: src/store/usual.ts. Saved now and then; the state usual
  -- says up to which event.
  CREATE TABLE usual (
    rule TEXT NOT NULL,
    key_type TEXT NOT NULL,
    key_id TEXT NOT NULL,
    last_day INTEGER NOT NULL,      -- days since the epoch
    json TEXT NOT NULL,             -- SavedProfile of src/judge/usual/habits.ts
    PRIMARY KEY (rule, key_type, key_id)
  ) WITHOUT ROWID;
  -- What was usual before the verdict, as JSON: Past of src/model/usual.ts.
  ALTER TABLE verdict ADD COLUMN past TEXT;
  `,
  `
  -- What people did by commands or on the page for operators, by name: src/store/actions.ts.
  CREATE TABLE action (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,          -- ms since the epoch
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    about TEXT NOT NULL,            -- the identity as it was named
    block INTEGER,                  -- its block then, if it had one
    done INTEGER NOT NULL           -- 0: the command failed
  );
  CREATE INDEX action_block ON action (block) WHERE block IS NOT NULL;
  CREATE INDEX action_about ON action (about);
  `,
  `
  -- What has happened and no hook was told of yet: src/store/occurrences.ts.
  CREATE TABLE occurrence (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    time INTEGER NOT NULL,          -- ms since the epoch
    json TEXT NOT NULL
  );
  -- The outbox also holds what hooks are told: there the recipient is the hook, the text JSON.
  ALTER TABLE mail ADD COLUMN kind TEXT NOT NULL DEFAULT 'mail';
  CREATE INDEX mail_hook ON mail (recipient, next_attempt) WHERE kind = 'hook' AND sent IS NULL;
  -- Who changed the password with which a block ended.
  ALTER TABLE block ADD COLUMN password_by TEXT;
  `,
  `
  -- What other servers are to know: src/store/share.ts. Numbers are never used again.
  CREATE TABLE share_out (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,          -- ms since the epoch
    json TEXT NOT NULL
  );
  -- The server where a block began, and where it was released, if that was another one; and what the others know:
  -- 1 that it began, 2 that it ended.
  ALTER TABLE block ADD COLUMN host TEXT;
  ALTER TABLE block ADD COLUMN released_host TEXT;
  ALTER TABLE block ADD COLUMN shared INTEGER;
  `,
  `
  -- Pages have details (src/store/page-details.ts), which earlier versions of Postern cannot read. Pages without them stay
  -- as they are: readers look into the records instead.
  `,
  `
  -- Who began and who released a block on the other server, and how it ended there: ReleasedBy of src/store/blocks.ts.
  ALTER TABLE block ADD COLUMN who TEXT;
  ALTER TABLE block ADD COLUMN released_who TEXT;
  ALTER TABLE block ADD COLUMN released_how TEXT;
  -- How much each server counted for a verdict that several of them led to, as JSON.
  ALTER TABLE verdict ADD COLUMN hosts TEXT;
  `,
];
