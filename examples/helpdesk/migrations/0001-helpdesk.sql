create table tickets (
  id uuid primary key,
  user_id uuid not null,
  title varchar(200) not null,
  text varchar(10000) not null,
  status text not null check (status in ('open', 'resolved', 'reopened', 'closed')),
  assignee_id uuid,
  closed_for varchar(1000),
  closed_at timestamptz(3),
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

create index tickets_by_created_at on tickets (created_at, id);
create index tickets_by_closed_at on tickets (closed_at);
create index tickets_by_status on tickets (status, created_at, id);
create index tickets_by_assignee on tickets (assignee_id, created_at, id);
create index tickets_by_user_created_at on tickets (user_id, created_at, id);
create index tickets_by_user_status on tickets (user_id, status, created_at, id);
create index tickets_by_user_assignee on tickets (user_id, assignee_id, created_at, id);
create index tickets_resolved on tickets (updated_at) where status = 'resolved';

create table comments (
  id uuid primary key,
  ticket_id uuid not null references tickets,
  user_id uuid not null,
  author_id uuid not null,
  text varchar(10000) not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

create index comments_by_ticket on comments (ticket_id, id);

create table attachments (
  id uuid primary key,
  ticket_id uuid not null references tickets,
  user_id uuid not null,
  name varchar(200) not null,
  bytes integer not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  constraint attachments_name_key unique (ticket_id, name)
);

create index attachments_by_ticket on attachments (ticket_id, id);

create table inbound_mails (
  message_id varchar(200) primary key,
  received_at timestamptz not null default now()
);

-- As text: what a client of the timeline gets, word for word.
create table timeline (
  position integer generated always as identity primary key,
  ticket_id uuid not null references tickets,
  type text not null,
  data text not null
);

create index timeline_by_ticket on timeline (ticket_id, position);
