/** What is behind a gateway that is measured alone: the same small order, whoever asks for which. */
export const FIXED = {
  etag: '"1"',
  cacheControl: 'private, no-cache',
  json: JSON.stringify({
    id: 'ord_01h455vb4pex5vsknk084sn02q',
    userId: 'usr_01h455vb4pex5vsknk084sn02q',
    status: 'pending',
    items: [{ id: 'lin_01h455vb4pex5vsknk084sn02q', sku: 'SKU-00001', quantity: 2, lineTotal: 20 }],
    total: 20,
    currency: 'USD',
    createdAt: '2025-06-30T12:00:00.000Z',
  }),
}
