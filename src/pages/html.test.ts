import { expect, test } from 'vitest'
import { html, inline, prose } from './html.ts'

test('what is put into markup is text, in elements and in attributes', () => {
  const evil = '"><script>alert(1)</script>&amp;'
  const { text } = html`<p title="${evil}">${[evil, 1, undefined, false]}${html`<b>${'<'}</b>`}</p>`
  const safe = '&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;'
  expect(text).toBe(`<p title="${safe}">${safe}1<b>&lt;</b></p>`)
})

test('descriptions show code and links to web pages, and nothing else becomes markup', () => {
  expect(
    inline('Use `a<b>`, see [the RFC](https://example.com/?a=1&b="2), not [this](javascript:alert(1)) or <i>').text,
  ).toBe(
    'Use <code>a&lt;b&gt;</code>, see <a href="https://example.com/?a=1&amp;b=&quot;2">the RFC</a>, not [this](javascript:alert(1)) or &lt;i&gt;',
  )
  expect(prose('One.\n\nTwo\nlines.').text).toBe('<p>One.</p><p>Two\nlines.</p>')
})
