import { consumer, event, ownConsumer, problem, resource, service, t } from 'lintel/contract'
import { User, users } from '../users/contract.ts'

const Quantity = t.integer({ min: 1, max: 10_000 })
const Price = t.money({ max: 9_999_999.99 })

export const Product = resource('product', {
  id: 'prd',
  fields: {
    sku: t.text({ min: 1, max: 64 }),
    name: t.text({ min: 1, max: 255 }),
    description: t.text({ max: 2000 }).default(''),
    category: t.text({ min: 1, max: 100 }),
    price: Price,
    currency: t.currency().default('USD'),
    stock: t.integer({ min: 0 }).default(0),
  },
  unique: ['sku'],
  softDelete: true,
  list: {
    filter: ['category', 'price'],
    search: ['name', 'sku'],
    sort: ['name', 'price', 'createdAt'],
    pairs: [
      ['category', 'name'],
      ['category', 'price'],
      ['category', 'createdAt'],
    ],
  },
  cached: { list: true },
  access: { list: 'public', get: 'public', create: 'admin', replace: 'admin', update: 'admin', delete: 'admin' },
})

export const Cart = resource('cart', {
  id: 'crt',
  parent: { of: User, field: 'userId' },
  owner: 'userId',
  view: 'cart_details',
  fields: {
    userId: t.id('usr').server(),
    status: t.state({ open: { ordered: 'owner | admin' }, ordered: {} }, { initial: 'open' }).server(),
    items: t
      .list(
        t.object({
          id: t.id('itm'),
          productId: t.id('prd'),
          sku: t.text(),
          name: t.text(),
          quantity: Quantity,
          unitPrice: t.money(),
          lineTotal: t.money(),
        }),
      )
      .computed(),
    total: t.money().computed(),
    currency: t.currency().computed(),
  },
  softDelete: true,
  list: { filter: ['status', 'createdAt'], sort: ['createdAt'], pairs: [['status', 'createdAt']] },
  access: { list: 'owner | admin', get: 'owner | admin', create: 'owner | admin', delete: 'owner | admin' },
  custom: ['delete'],
  problems: { delete: ['INVALID_TRANSITION'] },
})

export const CartItem = resource('item', {
  id: 'itm',
  parent: { of: Cart, field: 'cartId' },
  nested: true,
  owner: 'userId',
  table: 'cart_items',
  view: 'cart_item_details',
  fields: {
    cartId: t.id('crt').server(),
    userId: t.id('usr').hidden().computed(),
    productId: t.id('prd').fixed(),
    sku: t.text().computed(),
    name: t.text().computed(),
    quantity: Quantity,
    unitPrice: t.money().computed(),
    lineTotal: t.money().computed(),
  },
  access: {
    list: 'owner | admin',
    get: 'owner | admin',
    create: 'owner | admin',
    update: 'owner | admin',
    delete: 'owner | admin',
  },
  custom: ['create', 'update', 'delete'],
  problems: {
    create: ['INVALID_TRANSITION', 'UNPROCESSABLE'],
    update: ['INVALID_TRANSITION'],
    delete: ['INVALID_TRANSITION'],
  },
})

const OrderLine = t.object({
  id: t.id('lin'),
  productId: t.id('prd'),
  sku: t.text(),
  name: t.text(),
  quantity: Quantity,
  unitPrice: t.decimal({ scale: 4 }),
  discount: t.decimal({ scale: 4 }),
  lineTotal: t.money(),
})

/** Each change of it is an event: `order.paid`. The service itself cancels when the buyer is gone (R-ORD-7). */
const OrderStatus = t.state(
  {
    pending: { paid: 'admin', cancelled: 'owner | admin | service' },
    paid: { shipped: 'admin', cancelled: 'admin' },
    shipped: { delivered: 'admin' },
    delivered: {},
    cancelled: {},
  },
  { initial: 'pending', events: true },
)

export const Order = resource('order', {
  id: 'ord',
  parent: { of: User, field: 'userId' },
  owner: 'userId',
  fields: {
    userId: t.id('usr').server(),
    status: OrderStatus.server(),
    items: t.list(OrderLine).server(),
    total: t.money().server(),
    currency: t.currency().server(),
    placedAt: t.time().server(),
    stockTaken: t.boolean().hidden(),
  },
  list: {
    filter: ['status', 'createdAt', 'placedAt', 'total'],
    sort: ['createdAt', 'placedAt', 'total'],
    defaultSort: '-createdAt',
    root: true,
  },
  access: { list: 'owner | admin', get: 'owner | admin', create: 'owner | admin', update: 'owner | admin' },
  custom: ['create', 'update'],
  input: {
    create: {
      cartId: t.id('crt').optional(),
      items: t
        .list(
          t.object({
            productId: t.id('prd'),
            quantity: Quantity,
            unitPrice: t.decimal({ scale: 4, min: 0, max: 9_999_999.9999 }).optional().only('admin'),
            discount: t.decimal({ scale: 4, min: 0, max: 1 }).optional().only('admin'),
          }),
          { max: 100 },
        )
        .optional(),
      placedAt: t.time().optional().only('admin'),
    },
    update: { status: OrderStatus },
  },
  problems: {
    create: ['EMPTY_CART', 'OUT_OF_STOCK', 'UNPROCESSABLE', 'INVALID_TRANSITION', 'SERVICE_UNAVAILABLE'],
  },
})

export const OrderItem = resource('item', {
  id: 'lin',
  parent: { of: Order, field: 'orderId' },
  nested: true,
  owner: 'userId',
  table: 'order_items',
  fields: {
    orderId: t.id('ord').server(),
    userId: t.id('usr').hidden(),
    productId: t.id('prd').server(),
    sku: t.text().server(),
    name: t.text().server(),
    quantity: Quantity.server(),
    unitPrice: t.decimal({ scale: 4 }).server(),
    discount: t.decimal({ scale: 4 }).server(),
    lineTotal: t.money().server(),
  },
  versioned: false,
  access: { list: 'owner | admin' },
})

const OrderData = {
  userId: t.id('usr'),
  status: t.text(),
  total: t.money(),
  currency: t.currency(),
  items: t.list(OrderLine),
  placedAt: t.time(),
}

/** Before November 2026 they did not say when an order was placed, which for imported history is long before the event. */
const orderEvent = () => event(OrderData, { older: { 1: (data, { timestamp }) => ({ ...data, placedAt: timestamp }) } })

export const orders = service('orders', {
  resources: { products: Product, carts: Cart, cartItems: CartItem, orders: Order, orderItems: OrderItem },
  events: {
    'product.created': event(Product),
    'product.updated': event(Product),
    'product.deleted': event({ id: t.id('prd') }),
    'order.created': orderEvent(),
    'order.paid': orderEvent(),
    'order.shipped': orderEvent(),
    'order.delivered': orderEvent(),
    'order.cancelled': orderEvent(),
  },
  consumers: {
    buyers: consumer(users, ['user.created', 'user.updated', 'user.deleted']),
    confirmations: ownConsumer(['order.created'], { start: 'now' }),
  },
  problems: {
    OUT_OF_STOCK: problem(409, 'Not enough in stock'),
    EMPTY_CART: problem(422, 'The cart is empty'),
  },
})
