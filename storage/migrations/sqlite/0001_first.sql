-- The first release: environments, their keys, applications, users, sessions, grants and events.
-- +goose Up
CREATE TABLE environments (
    id                  TEXT    NOT NULL PRIMARY KEY,
    slug                TEXT    NOT NULL,
    name                TEXT    NOT NULL,
    kind                TEXT    NOT NULL CHECK (kind IN ('production', 'development')),
    root                BOOLEAN NOT NULL,
    host                TEXT    NOT NULL,
    default_application TEXT    NOT NULL,
    sign_up             BOOLEAN NOT NULL,
    browser_max_length         BIGINT NOT NULL,
    browser_inactivity_timeout BIGINT NOT NULL,
    browser_unremembered_max   BIGINT NOT NULL,
    brand               TEXT    NOT NULL DEFAULT '{}', -- JSON
    managed_by          TEXT    NOT NULL DEFAULT '',
    created_at          BIGINT  NOT NULL,
    updated_at          BIGINT  NOT NULL
);
CREATE UNIQUE INDEX environments_slug ON environments (slug);
CREATE UNIQUE INDEX environments_root ON environments (root) WHERE root;
CREATE UNIQUE INDEX environments_host ON environments (host) WHERE host <> '';

CREATE TABLE signing_keys (
    environment_id TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    id             TEXT   NOT NULL,
    algorithm      TEXT   NOT NULL CHECK (algorithm IN ('RS256', 'PS256', 'ES256', 'EdDSA')),
    state          TEXT   NOT NULL CHECK (state IN ('next', 'active', 'published', 'retired')),
    public_key     BLOB   NOT NULL,
    private_key    BLOB,
    created_at     BIGINT NOT NULL,
    activated_at   BIGINT,
    published_at   BIGINT,
    retired_at     BIGINT,
    PRIMARY KEY (environment_id, id)
);
CREATE UNIQUE INDEX signing_keys_next ON signing_keys (environment_id, algorithm) WHERE state = 'next';
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (environment_id, algorithm) WHERE state = 'active';

CREATE TABLE sealing_keys (
    environment_id TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    id             BIGINT NOT NULL,
    secret         BLOB   NOT NULL,
    created_at     BIGINT NOT NULL,
    seals_from     BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id)
);

-- What is never looked up is in settings, as JSON. The clocks of sessions are in seconds.
CREATE TABLE applications (
    environment_id TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    id             TEXT    NOT NULL,
    client_id      TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    enabled        BOOLEAN NOT NULL,
    inactivity_timeout BIGINT NOT NULL,
    max_session_length BIGINT NOT NULL,
    sessions_from  TEXT    NOT NULL DEFAULT '',
    policies_retired BOOLEAN NOT NULL DEFAULT FALSE,
    settings       TEXT    NOT NULL,
    created_at     BIGINT  NOT NULL,
    updated_at     BIGINT  NOT NULL,
    deleted_at     BIGINT,
    PRIMARY KEY (environment_id, id)
);
CREATE UNIQUE INDEX applications_client_id ON applications (environment_id, client_id) WHERE deleted_at IS NULL;

CREATE TABLE client_secrets (
    environment_id TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    application_id TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    hint           TEXT   NOT NULL,
    hash           BLOB   NOT NULL,
    sealed         BLOB,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT,
    last_used_at   BIGINT,
    last_used_from TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (environment_id, id),
    FOREIGN KEY (environment_id, application_id) REFERENCES applications (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX client_secrets_application ON client_secrets (environment_id, application_id);
CREATE UNIQUE INDEX client_secrets_id ON client_secrets (id);

CREATE TABLE api_keys (
    environment_id TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    application_id TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    hint           TEXT   NOT NULL,
    hash           BLOB   NOT NULL,
    scopes         TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT,
    revoked_at     BIGINT,
    last_used_at   BIGINT,
    last_used_from TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (environment_id, id),
    FOREIGN KEY (environment_id, application_id) REFERENCES applications (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX api_keys_application ON api_keys (environment_id, application_id);
CREATE UNIQUE INDEX api_keys_id ON api_keys (id);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);

-- What was answered to a request with an Idempotency-Key, sealed under the API key; NULL while it is worked on.
CREATE TABLE idempotency_keys (
    environment_id TEXT   NOT NULL,
    api_key_id     TEXT   NOT NULL,
    hash           BLOB   NOT NULL,
    request        BLOB   NOT NULL,
    answer         BLOB,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    PRIMARY KEY (hash, api_key_id, environment_id),
    FOREIGN KEY (environment_id, api_key_id) REFERENCES api_keys (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at);

-- From here on tables grow with the people. Their keys and indexes don't begin with the environment, of which most installations
-- have one or two: no plan can take that for a way to find a row, not even while the database knows nothing of its tables.
CREATE TABLE users (
    environment_id      TEXT    NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    id                  TEXT    NOT NULL,
    email               TEXT    NOT NULL,
    email_key           TEXT    NOT NULL,
    email_verified      BOOLEAN NOT NULL,
    status              TEXT    NOT NULL CHECK (status IN ('active', 'disabled')),
    password_hash       TEXT    NOT NULL,
    password_changed_at BIGINT,
    name                TEXT    NOT NULL,
    profile             TEXT    NOT NULL, -- the other claims that she keeps about herself, as JSON
    created_at          BIGINT  NOT NULL,
    updated_at          BIGINT  NOT NULL,
    PRIMARY KEY (id, environment_id)
);
CREATE UNIQUE INDEX users_email ON users (email_key, environment_id);
-- For listing the users of an environment, which only a query that means it can take.
CREATE INDEX users_list ON users (environment_id || id);

-- The words that a user is found by, for looking up their beginnings.
CREATE TABLE user_words (
    environment_id TEXT NOT NULL,
    user_id        TEXT NOT NULL,
    word           TEXT NOT NULL,
    PRIMARY KEY (word, user_id, environment_id),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX user_words_user ON user_words (user_id);

CREATE TABLE challenges (
    environment_id TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    id             TEXT   NOT NULL,
    purpose        TEXT   NOT NULL,
    subject        TEXT   NOT NULL,
    code_hash      BLOB   NOT NULL,
    email          TEXT   NOT NULL,
    data           BLOB,
    tries_left     BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    used_at        BIGINT,
    PRIMARY KEY (id, environment_id)
);
CREATE UNIQUE INDEX challenges_subject ON challenges (subject, purpose, environment_id);
CREATE INDEX challenges_expires ON challenges (expires_at);

-- Organizations are listed as well as found by ID, which is why both orders of their key are indexed.
CREATE TABLE organizations (
    environment_id TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    id             TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    slug           TEXT,
    metadata       TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (id, environment_id)
);
CREATE INDEX organizations_list ON organizations (environment_id, id);
CREATE UNIQUE INDEX organizations_slug ON organizations (slug, environment_id) WHERE slug IS NOT NULL;

-- A role never changes its name, by which memberships refer to it.
CREATE TABLE roles (
    environment_id TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name           TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    description    TEXT   NOT NULL,
    permissions    TEXT   NOT NULL,
    managed_by     TEXT   NOT NULL DEFAULT '',
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (name, environment_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX roles_id ON roles (id, environment_id);
CREATE INDEX roles_list ON roles (environment_id, id);

CREATE TABLE memberships (
    environment_id  TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    organization_id TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('active', 'deactivated')),
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (id, environment_id),
    FOREIGN KEY (environment_id, organization_id) REFERENCES organizations (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX memberships_user ON memberships (user_id, organization_id, environment_id);
CREATE INDEX memberships_organization ON memberships (organization_id, id);

CREATE TABLE membership_roles (
    environment_id TEXT NOT NULL,
    membership_id  TEXT NOT NULL,
    role           TEXT NOT NULL,
    PRIMARY KEY (membership_id, role, environment_id),
    FOREIGN KEY (environment_id, membership_id) REFERENCES memberships (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, role) REFERENCES roles (environment_id, name) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX membership_roles_role ON membership_roles (role);

-- A browser with several accounts has a row for each, under one handle. A forgotten account has no handle.
CREATE TABLE browser_sessions (
    environment_id TEXT    NOT NULL,
    id             TEXT    NOT NULL,
    handle         BLOB,
    user_id        TEXT    NOT NULL,
    auth_time      BIGINT  NOT NULL,
    amr            TEXT    NOT NULL,
    acr            TEXT    NOT NULL,
    remember       BOOLEAN NOT NULL,
    created_at     BIGINT  NOT NULL,
    last_active_at BIGINT  NOT NULL,
    ended_at       BIGINT,
    ended_reason   TEXT    NOT NULL DEFAULT '',
    purge_at       BIGINT  NOT NULL,
    PRIMARY KEY (id, environment_id),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE UNIQUE INDEX browser_sessions_handle ON browser_sessions (handle, environment_id, user_id) WHERE handle IS NOT NULL;
CREATE INDEX browser_sessions_user ON browser_sessions (user_id);
CREATE INDEX browser_sessions_purge ON browser_sessions (purge_at);

-- A session outlives its browser session and its organization, so it refers to them without a foreign key. Every refresh moves
-- last_active_at, so no index has it; active_hour is the hour since the epoch that it lies in, for counting by an index. purge_at
-- is when the purge looks at the row again.
CREATE TABLE sessions (
    environment_id     TEXT   NOT NULL,
    id                 TEXT   NOT NULL,
    user_id            TEXT   NOT NULL,
    application_id     TEXT   NOT NULL,
    browser_session_id TEXT   NOT NULL,
    organization_id    TEXT,
    auth_time          BIGINT NOT NULL,
    amr                TEXT   NOT NULL,
    acr                TEXT   NOT NULL,
    address            TEXT   NOT NULL,
    user_agent         TEXT   NOT NULL,
    created_at         BIGINT NOT NULL,
    last_active_at     BIGINT NOT NULL,
    ended_at           BIGINT,
    ended_reason       TEXT   NOT NULL DEFAULT '',
    ended_by           TEXT   NOT NULL DEFAULT '',
    purge_at           BIGINT NOT NULL,
    active_hour        BIGINT NOT NULL,
    PRIMARY KEY (id, environment_id),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, application_id) REFERENCES applications (environment_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX sessions_browser ON sessions (browser_session_id, application_id, created_at);
CREATE INDEX sessions_user ON sessions (user_id, application_id);
CREATE INDEX sessions_application ON sessions (application_id, id);
CREATE INDEX sessions_activity ON sessions (application_id, ended_at, active_hour, auth_time);
CREATE INDEX sessions_unended ON sessions (application_id, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_oldest ON sessions (application_id, auth_time) WHERE ended_at IS NULL;
CREATE INDEX sessions_organization ON sessions (organization_id) WHERE organization_id IS NOT NULL;
CREATE INDEX sessions_purge ON sessions (purge_at);

-- SQLite would write the index anew at each refresh if active_hour were a generated column.
-- +goose StatementBegin
CREATE TRIGGER sessions_active_hour AFTER UPDATE OF last_active_at ON sessions WHEN NEW.last_active_at / 3600000000 <> OLD.active_hour
BEGIN
    UPDATE sessions SET active_hour = NEW.last_active_at / 3600000000 WHERE id = NEW.id AND environment_id = NEW.environment_id;
END;
-- +goose StatementEnd

CREATE TABLE interactions (
    environment_id      TEXT    NOT NULL,
    id                  TEXT    NOT NULL,
    application_id      TEXT    NOT NULL,
    browser             BLOB    NOT NULL,
    request             BLOB    NOT NULL,
    own_redirect_uri    TEXT    NOT NULL,
    account             TEXT    NOT NULL,
    organization        TEXT    NOT NULL,
    consented           TEXT    NOT NULL,
    denied              BOOLEAN NOT NULL,
    authenticated_after BIGINT,
    challenge           TEXT    NOT NULL,
    username            TEXT    NOT NULL,
    created_at          BIGINT  NOT NULL,
    expires_at          BIGINT  NOT NULL,
    done_at             BIGINT,
    PRIMARY KEY (id, environment_id),
    FOREIGN KEY (environment_id, application_id) REFERENCES applications (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX interactions_application ON interactions (application_id);
CREATE INDEX interactions_browser ON interactions (browser);
CREATE INDEX interactions_expires ON interactions (expires_at);

CREATE TABLE grants (
    environment_id TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    session_id     TEXT   NOT NULL,
    user_id        TEXT   NOT NULL,
    application_id TEXT   NOT NULL,
    scopes         TEXT   NOT NULL,
    audience       TEXT   NOT NULL,
    claims         BLOB,
    nonce          TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT,
    revoked_at     BIGINT,
    revoked_reason TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (id, environment_id),
    FOREIGN KEY (environment_id, session_id) REFERENCES sessions (environment_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX grants_session ON grants (session_id);
CREATE INDEX grants_user ON grants (user_id, application_id);
CREATE INDEX grants_expires ON grants (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX grants_revoked ON grants (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE codes (
    environment_id TEXT   NOT NULL,
    hash           BLOB   NOT NULL,
    grant_id       TEXT   NOT NULL,
    redirect_uri   TEXT   NOT NULL,
    code_challenge TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    used_at        BIGINT,
    PRIMARY KEY (hash, environment_id),
    FOREIGN KEY (environment_id, grant_id) REFERENCES grants (environment_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX codes_grant ON codes (grant_id);
CREATE INDEX codes_expires ON codes (expires_at);

-- A row is the whole line of refresh tokens of a grant: a session costs the same after a year as after a minute.
CREATE TABLE refresh_tokens (
    environment_id  TEXT   NOT NULL,
    id              BLOB   NOT NULL,
    grant_id        TEXT   NOT NULL,
    session_id      TEXT   NOT NULL,
    generation      BIGINT NOT NULL,
    hash            BLOB   NOT NULL,
    recent          BLOB,
    rotated_at      BIGINT NOT NULL,
    rotated_from    TEXT   NOT NULL,
    rotated_by      TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (id, environment_id),
    FOREIGN KEY (environment_id, grant_id) REFERENCES grants (environment_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id);

-- A refresh is activity of its session. As a trigger it is part of the statement that rotates the token.
-- +goose StatementBegin
CREATE TRIGGER refresh_is_activity AFTER UPDATE OF generation ON refresh_tokens
BEGIN
    UPDATE sessions SET last_active_at = max(last_active_at, NEW.rotated_at)
    WHERE environment_id = NEW.environment_id AND id = NEW.session_id AND ended_at IS NULL;
END;
-- +goose StatementEnd

-- Access tokens are no rows; one that was revoked before its time is.
CREATE TABLE revoked_access_tokens (
    environment_id TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    serial         BLOB   NOT NULL,
    until          BIGINT NOT NULL,
    PRIMARY KEY (serial, environment_id)
) WITHOUT ROWID;
CREATE INDEX revoked_access_tokens_until ON revoked_access_tokens (until);

-- The jti of each client assertion that can't be used again, hashed with its client (RFC 7523 §3).
CREATE TABLE used_assertions (
    environment_id TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    hash           BLOB   NOT NULL,
    expires_at     BIGINT NOT NULL,
    PRIMARY KEY (hash, environment_id)
) WITHOUT ROWID;
CREATE INDEX used_assertions_expires ON used_assertions (expires_at);

CREATE TABLE consents (
    environment_id TEXT   NOT NULL,
    user_id        TEXT   NOT NULL,
    application_id TEXT   NOT NULL,
    scopes         TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (user_id, application_id, environment_id),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, application_id) REFERENCES applications (environment_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX consents_application ON consents (application_id);

-- Logout tokens that applications are to get. What is settled has no next_at.
CREATE TABLE logout_deliveries (
    environment_id TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    application_id TEXT   NOT NULL,
    session_id     TEXT   NOT NULL,
    user_id        TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    attempts       BIGINT NOT NULL,
    next_at        BIGINT,
    delivered_at   BIGINT,
    failed_at      BIGINT,
    error          TEXT   NOT NULL,
    PRIMARY KEY (id, environment_id),
    FOREIGN KEY (environment_id, application_id) REFERENCES applications (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX logout_deliveries_next ON logout_deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX logout_deliveries_application ON logout_deliveries (application_id, id);
CREATE INDEX logout_deliveries_created ON logout_deliveries (created_at);

CREATE TABLE events (
    id             TEXT   NOT NULL PRIMARY KEY,
    environment_id TEXT   NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name           TEXT   NOT NULL,
    occurred_at    BIGINT NOT NULL,
    actor_kind     TEXT   NOT NULL,
    actor_id       TEXT   NOT NULL,
    actor_name     TEXT   NOT NULL,
    address        TEXT   NOT NULL,
    user_agent     TEXT   NOT NULL,
    application_id TEXT   NOT NULL,
    target         TEXT   NOT NULL,
    reason         TEXT   NOT NULL,
    data           TEXT
);
CREATE INDEX events_environment ON events (environment_id, occurred_at, id);
CREATE INDEX events_application ON events (application_id, occurred_at, id) WHERE application_id <> '';
CREATE INDEX events_target ON events (target, occurred_at, id) WHERE target <> '';
CREATE INDEX events_actor ON events (actor_id, occurred_at, id) WHERE actor_id <> '';

-- The users of the operators' environment who run the installation.
CREATE TABLE operators (
    environment_id TEXT   NOT NULL,
    user_id        TEXT   NOT NULL,
    role           TEXT   NOT NULL CHECK (role IN ('owner', 'admin', 'support', 'viewer')),
    created_at     BIGINT NOT NULL,
    PRIMARY KEY (environment_id, user_id),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
);

-- One-time links for operators; the one that makes the first is for none.
CREATE TABLE setup_tokens (
    hash       BLOB   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX setup_tokens_user ON setup_tokens (user_id);
CREATE INDEX setup_tokens_expires ON setup_tokens (expires_at);
