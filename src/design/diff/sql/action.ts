export interface Column {
  readonly name: string
  /** As PostgreSQL calls it: `character varying(255)`. */
  readonly type: string
  readonly notNull: boolean
  readonly hasDefault: boolean
  /** A default that differs from row to row, or a value that is computed and stored: the table is rewritten. */
  readonly rewrites: boolean
  /** `unique`, `check …`, `references …` */
  readonly constraints: readonly string[]
}

/** What a statement does to the schema. `offset` is where it says so. */
export type Action = { readonly offset: number } & (
  | {
      readonly is: 'create-table'
      readonly table: string
      readonly columns: readonly Column[]
      readonly constraints: readonly string[]
    }
  | { readonly is: 'drop-table' | 'truncate' | 'delete-rows' | 'update-rows'; readonly table: string }
  | { readonly is: 'rename-table'; readonly table: string; readonly to: string }
  | { readonly is: 'add-column'; readonly table: string; readonly column: Column }
  | {
      readonly is: 'drop-column' | 'set-not-null' | 'drop-not-null' | 'set-default' | 'drop-default'
      readonly table: string
      readonly column: string
    }
  | { readonly is: 'rename-column'; readonly table: string; readonly column: string; readonly to: string }
  | { readonly is: 'set-type'; readonly table: string; readonly column: string; readonly type: string }
  | { readonly is: 'add-constraint'; readonly table: string; readonly text: string }
  | { readonly is: 'drop-constraint'; readonly table: string; readonly name: string }
  | {
      readonly is: 'create-index'
      readonly table: string
      readonly name: string
      readonly unique: boolean
      readonly concurrently: boolean
    }
  | { readonly is: 'drop-index'; readonly name: string }
  | { readonly is: 'create-view'; readonly name: string; readonly text: string; readonly replaces: boolean }
  | { readonly is: 'drop-view'; readonly name: string }
  | { readonly is: 'drop-object' | 'rename-object'; readonly what: string; readonly name: string }
  | { readonly is: 'trigger'; readonly table: string; readonly text: string }
  | { readonly is: 'add-value' | 'rename-value'; readonly type: string; readonly value: string }
  | { readonly is: 'revoke' | 'created' | 'harmless' | 'unseen'; readonly text: string }
)
