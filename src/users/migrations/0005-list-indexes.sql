-- What the list of users needs to cost on a million rows what it costs on ten thousand (R-PAGE-2).
create index users_by_roles on users using gin (roles) where deleted_at is null;
