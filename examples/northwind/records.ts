import { readFile } from 'node:fs/promises'
import { lineTotal, sum } from 'lintel/money'
import { known } from './known.ts'

/** What every sku of ours begins with. */
export const SKU_PREFIX = 'NW-'

/** A customer, who becomes a user. */
export interface CustomerRecord {
  /** Made from the customer's code: `alfki@example.com`. */
  email: string
  /** The company's: the account is the customer's, whoever answers its letters. */
  name: string
}

export interface ProductRecord {
  /** `NW-11` for product 11. */
  sku: string
  name: string
  description: string
  category: string
  price: number
  currency: string
  stock: number
}

export interface LineRecord {
  sku: string
  quantity: number
  unitPrice: number
  discount: number
}

export interface OrderRecord {
  /** Northwind's own: 10248 to 11077. */
  number: number
  email: string
  /** Midnight UTC of the order's day. */
  placedAt: string
  lines: LineRecord[]
  /** The sum of its lines, each rounded half away from zero to the cent. */
  total: number
}

/** Northwind as the system is to hold it. */
export interface Records {
  customers: CustomerRecord[]
  products: ProductRecord[]
  orders: OrderRecord[]
  /** Figures that were computed from the data elsewhere, in exact decimal (data/totals.json). */
  known: { users: number; products: number; orders: number; lines: number; total: number }
}

export async function readRecords(): Promise<Records> {
  const [categories, customers, products, orders, details, totals] = await Promise.all([
    read<Category[]>('categories'),
    read<Customer[]>('customers'),
    read<Product[]>('products'),
    read<Order[]>('orders'),
    read<Detail[]>('order_details'),
    read<Totals>('totals'),
  ])
  const categoryNames = new Map(categories.map(({ categoryId, name }) => [categoryId, name]))
  const lines = new Map<number, Detail[]>()
  for (const detail of details) lines.set(detail.orderId, [...(lines.get(detail.orderId) ?? []), detail])
  return {
    customers: customers.map(({ customerId, companyName }) => ({ email: emailOf(customerId), name: companyName })),
    products: products.map((product) => ({
      sku: skuOf(product.productId),
      name: product.name,
      description: product.quantityPerUnit,
      category: known(categoryNames, product.categoryId),
      price: Number(product.unitPrice),
      currency: 'USD',
      stock: product.unitsInStock,
    })),
    orders: orders.map(({ orderId, customerId, orderDate }) =>
      orderOf(orderId, customerId, orderDate, known(lines, orderId)),
    ),
    known: {
      users: totals.rows.customers,
      products: totals.rows.products,
      orders: totals.rows.orders,
      lines: totals.rows.order_details,
      total: Number(totals.netRevenueLinesRoundedHalfUp),
    },
  }
}

function orderOf(number: number, customerId: string, orderDate: string, details: Detail[]): OrderRecord {
  // Two decimals as text: Number finds the double that prints the same again.
  const lines = details.map(({ productId, quantity, unitPrice, discount }) => ({
    sku: skuOf(productId),
    quantity,
    unitPrice: Number(unitPrice),
    discount: Number(discount),
  }))
  return {
    number,
    email: emailOf(customerId),
    placedAt: `${orderDate}T00:00:00.000Z`,
    lines,
    total: sum(lines.map(({ unitPrice, quantity, discount }) => lineTotal(unitPrice, quantity, discount))),
  }
}

function emailOf(customerId: string): string {
  return `${customerId.toLowerCase()}@example.com`
}

function skuOf(productId: number): string {
  return `${SKU_PREFIX}${productId}`
}

async function read<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`./data/${name}.json`, import.meta.url), 'utf8'))
}

interface Category {
  categoryId: number
  name: string
}
interface Customer {
  customerId: string
  companyName: string
}
interface Product {
  productId: number
  name: string
  categoryId: number
  quantityPerUnit: string
  unitPrice: string
  unitsInStock: number
}
interface Order {
  orderId: number
  customerId: string
  orderDate: string
}
interface Detail {
  orderId: number
  productId: number
  unitPrice: string
  quantity: number
  discount: string
}
interface Totals {
  rows: { customers: number; products: number; orders: number; order_details: number }
  netRevenueLinesRoundedHalfUp: string
}
