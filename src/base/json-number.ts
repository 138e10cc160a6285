/** Whether a double holds a decimal literal exactly: whether the shortest text for that double is the same decimal. */
export function isExact(literal: string, value: number): boolean {
  // Zero was told apart before: this one is too small.
  if (value === 0 || !Number.isFinite(value)) return false
  const shortest = String(value)
  return shortest === literal || decimal(literal) === decimal(shortest)
}

/**
 * The same text for the same absolute value: significant digits, `e`, and the power of ten that 0.digits is
 * multiplied by.
 */
function decimal(literal: string): string {
  const [mantissa = '', exponent = '0'] = literal.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const digits = whole + fraction
  let start = 0
  while (digits.charCodeAt(start) === 48) start++
  if (start === digits.length) return '0'
  // By hand: /0+$/ takes quadratic time on a long run of zeros that ends in another digit.
  let end = digits.length
  while (digits.charCodeAt(end - 1) === 48) end--
  return `${digits.slice(start, end)}e${whole.length - start + Number(exponent)}`
}
