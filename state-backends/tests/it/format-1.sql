-- A state file of format 1, as a dump. It never changes: later versions must read it.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO meta VALUES ('format', '1');

CREATE TABLE workspaces (
    lineage  TEXT PRIMARY KEY,
    name     TEXT UNIQUE,
    formerly TEXT,
    serial   INTEGER NOT NULL DEFAULT 0,
    snapshot TEXT,
    through  INTEGER NOT NULL DEFAULT 0,
    keyring  TEXT
) STRICT;

CREATE TABLE entries (
    lineage  TEXT NOT NULL REFERENCES workspaces,
    sequence INTEGER NOT NULL,
    run      TEXT NOT NULL,
    subject  TEXT,
    body     TEXT NOT NULL,
    PRIMARY KEY (lineage, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX entries_by_subject ON entries (lineage, subject, sequence);
CREATE INDEX entries_by_run ON entries (lineage, run, sequence);

CREATE TABLE runs (
    position INTEGER PRIMARY KEY,
    lineage  TEXT NOT NULL REFERENCES workspaces,
    id       TEXT NOT NULL,
    command  TEXT NOT NULL,
    who      TEXT NOT NULL,
    started  TEXT NOT NULL,
    finished TEXT,
    outcome  TEXT,
    summary  TEXT NOT NULL,
    body     TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_id ON runs (lineage, id, position);

CREATE TABLE locks (
    lineage   TEXT PRIMARY KEY REFERENCES workspaces,
    id        TEXT NOT NULL,
    who       TEXT NOT NULL,
    pid       INTEGER NOT NULL,
    operation TEXT NOT NULL,
    run       TEXT NOT NULL,
    info      TEXT NOT NULL,
    created   TEXT NOT NULL
) STRICT;

CREATE TRIGGER entries_are_appended BEFORE INSERT ON entries
WHEN NEW.sequence <> 1 + (SELECT coalesce(max(sequence), 0) FROM entries WHERE lineage = NEW.lineage)
BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;
CREATE TRIGGER runs_are_appended BEFORE INSERT ON runs
WHEN EXISTS (SELECT 1 FROM runs WHERE position = NEW.position)
BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;
CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;
CREATE TRIGGER entries_are_not_deleted BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;
CREATE TRIGGER runs_are_not_changed BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;
CREATE TRIGGER runs_are_not_deleted BEFORE DELETE ON runs BEGIN SELECT RAISE(ABORT, 'history is never rewritten'); END;

PRAGMA application_id = 0x5350574E;
INSERT INTO workspaces (lineage, name, formerly, serial, snapshot, through, keyring) VALUES
    ('8c7b0a36-60ae-4b9a-a20f-5b4a55f3f1c1', 'default', NULL, 1, '{}', 1, NULL);
INSERT INTO entries (lineage, sequence, run, subject, body) VALUES
    ('8c7b0a36-60ae-4b9a-a20f-5b4a55f3f1c1', 1, 'run-1', 'vm.web', 'first'),
    ('8c7b0a36-60ae-4b9a-a20f-5b4a55f3f1c1', 2, 'run-1', NULL, 'second');
INSERT INTO runs (position, lineage, id, command, who, started, finished, outcome, summary, body) VALUES
    (1, '8c7b0a36-60ae-4b9a-a20f-5b4a55f3f1c1', 'run-1', 'apply', 'kim@ws1', '2026-11-20T12:00:00Z', NULL, NULL, '1 created', '{}');
INSERT INTO locks (lineage, id, who, pid, operation, run, info, created) VALUES
    ('8c7b0a36-60ae-4b9a-a20f-5b4a55f3f1c1', '0b5f8f5e-7a55-4f0e-9d6e-1a0c5a6f7b11', 'kim@ws1', 4711, 'apply', 'run-1', '', '2026-11-20T12:00:00Z');
