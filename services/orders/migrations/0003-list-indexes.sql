-- What lists need to cost on a million rows what they cost on ten thousand (R-PAGE-2): each filter with the usual sort, each
-- sort, at the root and below the user.
create index orders_by_user_total on orders (user_id, total, id);
create index orders_by_user_status on orders (user_id, status, created_at, id);

create index carts_by_user_created_at on carts (user_id, created_at, id) where deleted_at is null;
create index carts_by_user_status on carts (user_id, status, id) where deleted_at is null;
create index carts_by_user_status_created_at on carts (user_id, status, created_at, id) where deleted_at is null;

create index cart_items_by_cart on cart_items (cart_id, id);

drop index products_by_category;
create index products_by_category on products (category, id) where deleted_at is null;
create index products_by_category_name on products (category, name, id) where deleted_at is null;
create index products_by_category_price on products (category, price, id) where deleted_at is null;
create index products_by_category_created_at on products (category, created_at, id) where deleted_at is null;

-- `q` looks for a part of a text, which takes trigrams. PostgreSQL brings them along as an extension that the owner of a
-- database may add; where a server was built without it, `q` reads all products, and the start says so.
do $$
begin
  if exists (select from pg_available_extensions where name = 'pg_trgm') then
    create extension if not exists pg_trgm;
    create index products_by_name_part on products using gin (name gin_trgm_ops) where deleted_at is null;
    create index products_by_sku_part on products using gin (sku gin_trgm_ops) where deleted_at is null;
  end if;
end
$$;
