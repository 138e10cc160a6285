import { implement } from 'lintel/service'
import { forgetBuyer, knowsBuyer, rememberBuyer } from './buyers.ts'
import { addItem, changeItem, deleteCart, removeItem } from './carts.ts'
import { changeStatus } from './change-status.ts'
import { confirmOrder } from './confirm-order.ts'
import { orders } from './contract.ts'
import { placeOrder } from './place-order.ts'

export default implement(
  orders,
  {
    carts: { delete: deleteCart },
    cartItems: { create: addItem, update: changeItem, delete: removeItem },
    orders: { create: placeOrder, update: changeStatus },
    buyers: { 'user.created': rememberBuyer, 'user.updated': rememberBuyer, 'user.deleted': forgetBuyer },
    confirmations: { 'order.created': confirmOrder },
  },
  { migrations: new URL('./migrations/', import.meta.url), knows: { user: knowsBuyer }, mailers: ['confirmations'] },
)
