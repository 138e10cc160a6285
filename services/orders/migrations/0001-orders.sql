create table products (
  id uuid primary key,
  sku varchar(64) not null,
  name varchar(255) not null,
  description varchar(2000) not null,
  category varchar(100) not null,
  price numeric(12, 2) not null check (price >= 0),
  currency char(3) not null,
  stock integer not null check (stock >= 0),
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3)
);

create unique index products_sku_key on products (sku) where deleted_at is null;
create index products_by_name on products (name, id) where deleted_at is null;
create index products_by_price on products (price, id) where deleted_at is null;
create index products_by_created_at on products (created_at, id) where deleted_at is null;
create index products_by_category on products (category) where deleted_at is null;

create view active_products as select * from products where deleted_at is null;

create table carts (
  id uuid primary key,
  user_id uuid not null,
  status text not null default 'open' check (status in ('open', 'ordered')),
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3)
);

create index carts_by_user on carts (user_id, id) where deleted_at is null;

create view active_carts as select * from carts where deleted_at is null;

create table cart_items (
  id uuid primary key,
  cart_id uuid not null references carts on delete cascade,
  product_id uuid not null references products,
  quantity integer not null check (quantity > 0),
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  constraint cart_items_product_id_key unique (cart_id, product_id)
);

-- The foreign key looks from the product's side when a product is purged.
create index cart_items_by_product on cart_items (product_id);

-- A cart shows the products' prices of now; an order freezes them.
create view cart_item_details as
select i.id, i.cart_id, c.user_id, i.product_id, p.sku, p.name, i.quantity, p.price as unit_price,
  i.quantity * p.price as line_total, p.currency, i.version, i.created_at, i.updated_at
from cart_items i
join active_carts c on c.id = i.cart_id
join products p on p.id = i.product_id;

create view cart_details as
select c.id, c.user_id, c.status, coalesce(d.items, '[]'::json) as items, coalesce(d.total, 0.00) as total,
  coalesce(d.currency, 'USD') as currency, c.version, c.created_at, c.updated_at
from active_carts c
left join lateral (
  select
    json_agg(json_build_object(
      'id', lintel.typeid('itm', i.id), 'productId', lintel.typeid('prd', i.product_id), 'sku', i.sku, 'name', i.name,
      'quantity', i.quantity, 'unitPrice', i.unit_price, 'lineTotal', i.line_total) order by i.id) as items,
    sum(i.line_total) as total,
    min(i.currency) as currency
  from cart_item_details i
  where i.cart_id = c.id
) d on true;

-- An order's lines never change once it is placed: they are one document, in the shape that the API shows. As json, not
-- jsonb, which would reorder the members.
create table orders (
  id uuid primary key,
  user_id uuid not null,
  status text not null default 'pending' check (status in ('pending', 'paid', 'shipped', 'delivered', 'cancelled')),
  items json not null,
  total numeric(16, 2) not null,
  currency char(3) not null,
  placed_at timestamptz(3) not null default now(),
  stock_taken boolean not null default true,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

create index orders_by_user_created_at on orders (user_id, created_at, id);
create index orders_by_user_placed_at on orders (user_id, placed_at, id);
create index orders_by_created_at on orders (created_at, id);
create index orders_by_placed_at on orders (placed_at, id);
create index orders_by_total on orders (total, id);
create index orders_by_status_created_at on orders (status, created_at, id);

create view order_items as
select lintel.uuid(line ->> 'id') as id, o.id as order_id, o.user_id, lintel.uuid(line ->> 'productId') as product_id,
  line ->> 'sku' as sku, line ->> 'name' as name, (line ->> 'quantity')::integer as quantity,
  (line ->> 'unitPrice')::numeric as unit_price, (line ->> 'discount')::numeric as discount,
  (line ->> 'lineTotal')::numeric as line_total, o.created_at, o.updated_at
from orders o, json_array_elements(o.items) line;
