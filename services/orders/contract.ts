import { consumer, event, ownConsumer, problem, resource, service, t } from 'lintel/contract'
import { User, users } from '../users/contract.ts'

const Quantity = t.integer({ min: 1, max: 10_000 }).example(2)
const Price = t.money({ max: 9_999_999.99 }).example(18)
const LineTotal = t.money().example(36)
const Sku = t.text({ min: 1, max: 64 }).example('TEA-CHAI-20')
const ProductName = t.text({ min: 1, max: 255 }).example('Chai')
/** As lines of carts and orders keep them, of products that may be gone. */
const SoldSku = t.text().example('TEA-CHAI-20')
const SoldName = t.text().example('Chai')
const UnitPrice = t.decimal({ scale: 4 }).example(18)
const Discount = t.decimal({ scale: 4 }).example(0)

export const Product = resource('product', {
  id: 'prd',
  description: 'What is sold, with its price and stock.',
  fields: {
    sku: Sku,
    name: ProductName,
    description: t.text({ max: 2000 }).default('').example('Spiced black tea, 20 bags'),
    category: t.text({ min: 1, max: 100 }).example('Beverages'),
    price: Price,
    currency: t.currency().default('USD'),
    stock: t.integer({ min: 0 }).default(0).example(39),
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
  description: 'What a user means to buy. A checkout turns it into an order.',
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
          sku: SoldSku,
          name: SoldName,
          quantity: Quantity,
          unitPrice: t.money().example(18),
          lineTotal: LineTotal,
        }),
      )
      .computed(),
    total: LineTotal.computed(),
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
  description: 'A product in a cart, at its price of today.',
  parent: { of: Cart, field: 'cartId' },
  nested: true,
  owner: 'userId',
  table: 'cart_items',
  view: 'cart_item_details',
  fields: {
    cartId: t.id('crt').server(),
    userId: t.id('usr').hidden().computed(),
    productId: t.id('prd').fixed(),
    sku: SoldSku.computed(),
    name: SoldName.computed(),
    quantity: Quantity,
    unitPrice: t.money().example(18).computed(),
    lineTotal: LineTotal.computed(),
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
  sku: SoldSku,
  name: SoldName,
  quantity: Quantity,
  unitPrice: UnitPrice,
  discount: Discount,
  lineTotal: LineTotal,
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
  description: 'What a user has bought, at the prices of that moment.',
  parent: { of: User, field: 'userId' },
  owner: 'userId',
  fields: {
    userId: t.id('usr').server(),
    status: OrderStatus.server(),
    items: t.list(OrderLine).server(),
    total: LineTotal.server(),
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
      cartId: t.id('crt').optional().example('crt_01h455vb4pex5vsknk084sn02q'),
      items: t
        .list(
          t.object({
            productId: t.id('prd'),
            quantity: Quantity,
            unitPrice: t.decimal({ scale: 4, min: 0, max: 9_999_999.9999 }).optional().only('admin').example(18),
            discount: t.decimal({ scale: 4, min: 0, max: 1 }).optional().only('admin').example(0.05),
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
  description: 'A product of an order, at the price that was agreed.',
  parent: { of: Order, field: 'orderId' },
  nested: true,
  owner: 'userId',
  table: 'order_items',
  fields: {
    orderId: t.id('ord').server(),
    userId: t.id('usr').hidden(),
    productId: t.id('prd').server(),
    sku: SoldSku.server(),
    name: SoldName.server(),
    quantity: Quantity.server(),
    unitPrice: UnitPrice.server(),
    discount: Discount.server(),
    lineTotal: LineTotal.server(),
  },
  versioned: false,
  access: { list: 'owner | admin' },
})

const OrderData = {
  userId: t.id('usr'),
  status: t.text(),
  total: LineTotal,
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
