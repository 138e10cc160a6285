/** How a change is judged: breaking stops what works today, risky may, compatible does not. */
export type Verdict = 'breaking' | 'risky' | 'compatible'

/** Whom a change breaks, or may break. */
export type Party =
  | 'clients that send'
  | 'clients that read'
  | 'generated clients'
  | 'publishers of events'
  | 'consumers of events'
  | 'generated gRPC clients'
  | 'old replicas during a rolling update'
  | 'nobody'

export interface KindSpec {
  readonly verdict: Verdict
  /** Of schemas in events it is publishers and consumers, rather than clients that send and read. */
  readonly whom: Party
  readonly why: string
}

const send = (verdict: Verdict, why: string): KindSpec => ({ verdict, whom: 'clients that send', why })
const read = (verdict: Verdict, why: string): KindSpec => ({ verdict, whom: 'clients that read', why })
const generated = (why: string): KindSpec => ({ verdict: 'risky', whom: 'generated clients', why })
const grpc = (verdict: Verdict, why: string): KindSpec => ({ verdict, whom: 'generated gRPC clients', why })
const replicas = (verdict: Verdict, why: string): KindSpec => ({
  verdict,
  whom: 'old replicas during a rolling update',
  why,
})
const fine = (why: string): KindSpec => ({ verdict: 'compatible', whom: 'nobody', why })

/** Every kind of change that `lintel diff` knows, with its verdict; docs/guide/lint-and-diff.md lists them. */
export const KINDS = {
  // Documents
  'document-removed': {
    verdict: 'breaking',
    whom: 'generated clients',
    why: 'Nothing of what it promised is promised any longer.',
  },
  'document-added': fine('Nobody relied on it.'),

  // Operations
  'operation-removed': send('breaking', 'A request to it is answered with 404 or 405.'),
  'operation-added': fine('Nobody calls it yet.'),
  'operation-deprecated': fine('It works as before; its end is announced.'),
  'operation-id': generated('Functions of generated clients are named by it: calls of the old name do not compile.'),
  'path-parameter-renamed': generated(
    'On the wire nothing changes, but arguments of generated clients are named by it.',
  ),
  'server-removed': send('breaking', 'Addresses that begin with it lead nowhere.'),
  'server-added': fine('The old addresses work as before.'),

  // Security
  'security-narrowed': send('breaking', 'Credentials that were enough are rejected with 401 or 403.'),
  'security-widened': fine('Credentials that were enough are enough.'),
  'security-scheme': send('breaking', 'Credentials are sent in another way, or are other ones.'),
  'access-narrowed': send('breaking', 'Callers who were allowed to are answered with 403.'),
  'access-widened': fine('Whoever was allowed to is.'),

  // Parameters
  'parameter-required': send('breaking', 'Requests without it, which were fine, are rejected.'),
  'parameter-optional': fine('Requests with it are as before.'),
  'parameter-added': fine('Requests without it are as before.'),
  'parameter-removed': send(
    'breaking',
    'Requests with it are rejected, or a filter is ignored and returns everything.',
  ),
  'header-parameter-removed': send('risky', 'Requests with it are answered as if it were not there.'),
  'parameter-style': send('breaking', 'The same values are written differently in the URL.'),

  // Request bodies
  'body-required': send('breaking', 'Requests without a body, which were fine, are rejected.'),
  'body-optional': fine('Requests with a body are as before.'),
  'body-added': fine('Requests without a body are as before.'),
  'body-removed': send('breaking', 'Requests with a body are rejected, or their body is ignored.'),
  'request-type-removed': send('breaking', 'Requests of this media type are rejected with 415.'),
  'request-type-added': fine('Requests of other media types are as before.'),

  // Responses
  'success-removed': read('breaking', 'Clients that wait for this status never see it.'),
  'success-added': read('risky', 'Clients that compare with the statuses they know take it for a failure.'),
  'error-added': read('risky', 'Clients meet a refusal that they do not expect.'),
  'error-removed': fine('What was handled no longer comes.'),
  'response-type-removed': read(
    'breaking',
    'Clients that accept this media type alone are answered with 406, or with another.',
  ),
  'response-type-added': fine('Clients get what they accept.'),
  'header-removed': read('risky', 'Clients that read the header find nothing.'),
  'required-header-removed': read('breaking', 'Clients that count on the header find nothing.'),
  'header-added': fine('Unknown headers are ignored.'),

  // Values that clients send
  'sent-type-narrowed': send('breaking', 'Values of this type, which were accepted, are rejected.'),
  'sent-type-widened': fine('Values that were accepted are.'),
  'sent-values-removed': send('breaking', 'Values that were accepted are rejected.'),
  'sent-values-added': fine('Values that were accepted are.'),
  'sent-bound-narrowed': send('breaking', 'Values beyond the bound, which were accepted, are rejected.'),
  'sent-bound-widened': fine('Values that were accepted are.'),
  'sent-pattern-added': send('breaking', 'Texts that do not match, which were accepted, are rejected.'),
  'sent-pattern-changed': send('risky', 'Nobody can tell in general whether all that matched still does.'),
  'sent-pattern-removed': fine('Values that were accepted are.'),
  'sent-property-required': send('breaking', 'Requests without it, which were fine, are rejected.'),
  'sent-property-optional': fine('Requests with it are as before.'),
  'sent-property-added': fine('Requests without it are as before.'),
  'sent-property-refused': send('breaking', 'Requests with it are rejected, as unknown members are.'),
  'sent-property-ignored': send('risky', 'Requests with it are taken, and the member is ignored.'),
  'sent-closed': send('breaking', 'Requests with further members, which were fine, are rejected.'),
  'sent-opened': fine('Requests that were fine are.'),
  'sent-default': send('risky', 'Requests that leave it out mean something else.'),
  'sent-variant-removed': send('breaking', 'Values of this variant are rejected.'),
  'sent-variant-added': fine('Values of the other variants are accepted as before.'),

  // Values that clients read
  'read-type-widened': read('breaking', 'Clients meet values of a type that they do not read.'),
  'read-type-narrowed': fine('Clients read what comes.'),
  'read-values-added': read('risky', 'Clients that switch over the values meet one that they do not know.'),
  'read-values-removed': fine('What was handled no longer comes.'),
  'read-bound-widened': read('risky', 'Values are larger, smaller or longer than clients have made room for.'),
  'read-bound-narrowed': fine('Clients have room for what comes.'),
  'read-pattern-changed': read('risky', 'Clients that take the text apart meet another form.'),
  'read-pattern-added': fine('Clients read what comes.'),
  'read-property-removed': read('breaking', 'Clients that read it find nothing.'),
  'read-property-optional': read('breaking', 'Clients that count on it may find nothing.'),
  'read-property-required': fine('It is always there.'),
  'read-property-added': fine('Readers ignore members that they do not know.'),
  'read-variant-added': read('risky', 'Clients that tell variants apart meet one that they do not know.'),
  'read-variant-removed': fine('What was handled no longer comes.'),

  // Events
  'event-removed': {
    verdict: 'breaking',
    whom: 'consumers of events',
    why: 'Consumers wait for something that never comes.',
  },
  'event-added': fine('Nobody consumes it yet.'),
  'event-added-to-channel': {
    verdict: 'risky',
    whom: 'consumers of events',
    why: 'Consumers of the channel meet a message that they do not know.',
  },
  'received-event-removed': {
    verdict: 'breaking',
    whom: 'publishers of events',
    why: 'What is published is not received any more.',
  },
  'channel-address': {
    verdict: 'breaking',
    whom: 'consumers of events',
    why: 'Messages go to another address than the one that is listened to.',
  },
  'event-content-type': { verdict: 'breaking', whom: 'consumers of events', why: 'The bytes are of another format.' },

  // Protobuf
  'proto-package': grpc(
    'breaking',
    'Full names of services and messages change: calls are answered with UNIMPLEMENTED.',
  ),
  'proto-message-removed': grpc('breaking', 'Code that names it does not compile.'),
  'proto-message-added': fine('Nobody names it yet.'),
  'proto-field-removed': grpc(
    'breaking',
    'Readers find nothing, and the number is free to be used for something else: reserve it.',
  ),
  'proto-field-reserved': grpc(
    'risky',
    'Readers find nothing, and code that names it does not compile; on the wire nothing is misread.',
  ),
  'proto-field-added': fine('Unknown fields are skipped.'),
  'proto-field-required': grpc('breaking', 'Messages without it are rejected.'),
  'proto-field-renumbered': grpc(
    'breaking',
    'The number is what stands on the wire: values are lost or taken for others.',
  ),
  'proto-number-reused': grpc('breaking', 'Old messages have something else under this number.'),
  'proto-field-renamed': grpc('risky', 'On the wire nothing changes; generated code and JSON have another name.'),
  'proto-field-type': grpc('breaking', 'The bytes are read as something else.'),
  'proto-field-wire-type': grpc(
    'risky',
    'The bytes can be read, but values may be cut, and generated code has another type.',
  ),
  'proto-field-label': grpc(
    'breaking',
    'One value and several are written differently, and generated code has another type.',
  ),
  'proto-field-presence': grpc('risky', 'Whether it is set can be told now, or no longer; generated code differs.'),
  'proto-field-oneof': grpc('breaking', 'Setting one member of a oneof clears the others.'),
  'proto-enum-removed': grpc('breaking', 'Code that names it does not compile.'),
  'proto-value-removed': grpc(
    'breaking',
    'Senders of it are misunderstood, and the number is free to be used for something else: reserve it.',
  ),
  'proto-value-reserved': grpc('risky', 'Code that names it does not compile.'),
  'proto-value-added': grpc('risky', 'Readers that switch over the values meet one that they do not know.'),
  'proto-value-renumbered': grpc('breaking', 'The number is what stands on the wire.'),
  'proto-value-renamed': grpc('risky', 'On the wire nothing changes; generated code and JSON have another name.'),
  'proto-service-removed': grpc('breaking', 'Calls are answered with UNIMPLEMENTED.'),
  'proto-method-removed': grpc('breaking', 'Calls are answered with UNIMPLEMENTED.'),
  'proto-method-added': fine('Nobody calls it yet.'),
  'proto-method-type': grpc('breaking', 'Requests or answers are another message.'),
  'proto-method-stream': grpc('breaking', 'One message is expected where several come, or the other way round.'),

  // SQL
  'sql-migration-changed': replicas(
    'breaking',
    'What is applied already is not applied again: databases differ from then on.',
  ),
  'sql-table-dropped': replicas('breaking', 'Statements of running replicas name it.'),
  'sql-table-renamed': replicas('breaking', 'Statements of running replicas have the old name.'),
  'sql-column-dropped': replicas('breaking', 'Statements of running replicas name it.'),
  'sql-column-renamed': replicas('breaking', 'Statements of running replicas have the old name.'),
  'sql-column-required': replicas(
    'breaking',
    'Rows of running replicas come without it, and a table with rows has no value for it: give a default.',
  ),
  'sql-column-added': fine('Running replicas do not name it, and need not.'),
  'sql-column-rewrites': replicas('risky', 'The whole table is rewritten, and locked for as long.'),
  'sql-type-changed': replicas(
    'breaking',
    'Running replicas send and expect the old type, and the table is locked while it is rewritten.',
  ),
  'sql-type-widened': fine('Every value fits, and nothing is rewritten.'),
  'sql-type-rewritten': replicas('risky', 'Every value fits, but the table is locked while it is rewritten.'),
  'sql-not-null': replicas('breaking', 'Rows of running replicas may come without it.'),
  'sql-not-null-with-default': replicas(
    'risky',
    'Running replicas that write null are rejected, and the table is read through under a lock.',
  ),
  'sql-nullable': replicas('risky', 'Running replicas may read null where there was none.'),
  'sql-default-dropped': replicas('breaking', 'Rows of running replicas that leave it out get null, or are rejected.'),
  'sql-default-set': fine('Only rows that leave it out have it.'),
  'sql-constraint-added': replicas(
    'risky',
    'Rows of running replicas may be rejected, and existing rows are checked under a lock (NOT VALID, then VALIDATE, avoids that).',
  ),
  'sql-constraint-dropped': replicas(
    'risky',
    'ON CONFLICT of running replicas may name it, and what it kept out comes in.',
  ),
  'sql-index-locks': replicas('risky', 'Writes wait until the index is built: CREATE INDEX CONCURRENTLY avoids that.'),
  'sql-index-unique': replicas('risky', 'Rows of running replicas may be rejected.'),
  'sql-index-dropped': replicas('risky', 'Queries that went by it are slow, and ON CONFLICT has nothing to go by.'),
  'sql-view-dropped': replicas('breaking', 'Statements of running replicas name it.'),
  'sql-view-replaced': replicas('risky', 'Running replicas read other rows or values.'),
  'sql-object-dropped': replicas('breaking', 'Statements of running replicas may need it.'),
  'sql-trigger': replicas('risky', 'Writes of running replicas do something else than they did.'),
  'sql-enum-value-added': replicas('risky', 'Running replicas meet a value that they do not know.'),
  'sql-enum-value-renamed': replicas('breaking', 'Running replicas send the old value.'),
  'sql-rights-revoked': replicas('breaking', 'Statements of running replicas are refused.'),
  'sql-rows-removed': replicas('breaking', 'Running replicas, and users, miss what was there.'),
  'sql-rows-changed': replicas(
    'risky',
    'Rows are locked until the end, and running replicas may write the old values again.',
  ),
  'sql-not-seen': replicas('risky', 'What it does cannot be seen from the statement.'),
  'sql-created': fine('Running replicas do not know it.'),
} as const satisfies Record<string, KindSpec>

export type Kind = keyof typeof KINDS
