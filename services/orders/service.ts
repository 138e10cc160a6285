import { implement } from 'lintel/service'
import { addItem, changeItem, deleteCart, removeItem } from './carts.ts'
import { changeStatus } from './change-status.ts'
import { orders } from './contract.ts'
import { placeOrder } from './place-order.ts'

export default implement(
  orders,
  {
    carts: { delete: deleteCart },
    cartItems: { create: addItem, update: changeItem, delete: removeItem },
    orders: { create: placeOrder, update: changeStatus },
  },
  { migrations: new URL('./migrations/', import.meta.url) },
)
