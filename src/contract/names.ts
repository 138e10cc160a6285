/** The plural that English makes by rule; irregular ones are given (`plural: 'people'`). */
export function pluralOf(name: string): string {
  if (/[^aeiou]y$/.test(name)) return `${name.slice(0, -1)}ies`
  if (/(s|x|z|ch|sh)$/.test(name)) return `${name}es`
  return `${name}s`
}

/** `unitPrice` and `order-items` as `unit_price` and `order_items`. */
export function snakeCase(name: string): string {
  return name.replace(/-/g, '_').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** `cart-item` as `cartItem`. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

export function isCamelCase(name: string): boolean {
  return /^[a-z][a-zA-Z0-9]*$/.test(name)
}

export function isKebabCase(name: string): boolean {
  return /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)
}

/** `an order`, `a user`. */
export function withArticle(noun: string): string {
  return `${/^([aeio]|u(?!ser|ni|se))/.test(noun) ? 'an' : 'a'} ${noun}`
}
