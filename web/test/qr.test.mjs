// QR codes, read back by what the standard says, and by a reader where one is installed.
import assert from 'node:assert/strict'
import test from 'node:test'
import { modules } from './load.mjs'

// Format information of level M, masks 0 to 7, and version information of 7 to 10 (ISO/IEC 18004, annexes C and D).
const formats = [0x5412, 0x5125, 0x5e7c, 0x5b4b, 0x45f9, 0x40ce, 0x4f97, 0x4aa0]
const versions = { 7: 0x07c94, 8: 0x085bc, 9: 0x09a99, 10: 0x0a4d3 }
// Codewords of data at level M, versions 1 to 15 (table 7).
const data = [16, 28, 44, 64, 86, 108, 124, 154, 182, 216, 254, 290, 334, 365, 415]
const ecc = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24]

/** Reads a code, without mending anything. */
function read(m, { masks, product }) {
  const size = m.length
  const version = (size - 17) / 4
  let bits = 0
  const near = [[0, 8], [1, 8], [2, 8], [3, 8], [4, 8], [5, 8], [7, 8], [8, 8], [8, 7], [8, 5], [8, 4], [8, 3], [8, 2], [8, 1], [8, 0]]
  for (const [x, y] of near) bits = bits * 2 + Number(m[y][x])
  const mask = formats.indexOf(bits)
  assert.ok(mask >= 0, `format ${bits.toString(16)}`)
  if (versions[version]) {
    let told = 0
    for (let i = 17; i >= 0; i--) told = told * 2 + Number(m[Math.floor(i / 3)][size - 11 + (i % 3)])
    assert.equal(told, versions[version])
  }
  const align = version === 1 ? [] : { 2: [6, 18], 3: [6, 22], 4: [6, 26], 5: [6, 30], 6: [6, 34], 7: [6, 22, 38], 8: [6, 24, 42], 9: [6, 26, 46], 10: [6, 28, 50], 11: [6, 30, 54], 12: [6, 32, 58], 13: [6, 34, 62], 14: [6, 26, 46, 66], 15: [6, 26, 48, 70] }[version]
  const corner = (x, y) => (x < 9 && y < 9) || (x > size - 9 && y < 9) || (x < 9 && y > size - 9)
  const fixed = (x, y) =>
    x === 6 || y === 6 || corner(x, y) ||
    (version >= 7 && ((x > size - 12 && y < 6) || (y > size - 12 && x < 6))) ||
    align.some((ax) => align.some((ay) => !corner(ax, ay) && Math.abs(x - ax) < 3 && Math.abs(y - ay) < 3))
  const words = []
  let n = 0
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right--
    for (let i = 0; i < size; i++) {
      const y = up ? size - 1 - i : i
      for (const x of [right, right - 1]) {
        if (fixed(x, y)) continue
        if (n % 8 === 0) words.push(0)
        words[words.length - 1] = words.at(-1) * 2 + Number(m[y][x] !== masks[mask](x, y))
        n++
      }
    }
  }
  const count = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10][version - 1]
  const total = data[version - 1] + ecc[version - 1] * count
  const parts = Array.from({ length: count }, () => [])
  const short = Math.floor(data[version - 1] / count)
  const longFrom = count - (data[version - 1] % count)
  let at = 0
  for (let i = 0; i <= short; i++) for (let b = 0; b < count; b++) if (i < short || b >= longFrom) parts[b].push(words[at++])
  const content = parts.flat()
  for (let i = 0; i < ecc[version - 1]; i++) for (let b = 0; b < count; b++) parts[b].push(words[at++])
  assert.equal(at, total)
  for (const p of parts) { // every block is a multiple of the generator: no syndrome
    for (let i = 0, root = 1; i < ecc[version - 1]; i++, root = product(root, 2)) assert.equal(p.reduce((sum, word) => product(sum, root) ^ word, 0), 0)
  }
  const text = content.map((word) => word.toString(2).padStart(8, '0')).join('')
  assert.equal(text.slice(0, 4), '0100')
  const wide = version < 10 ? 8 : 16
  const length = parseInt(text.slice(4, 4 + wide), 2)
  const bytes = Array.from({ length }, (_, i) => parseInt(text.slice(4 + wide + i * 8, 12 + wide + i * 8), 2))
  return new TextDecoder().decode(Uint8Array.from(bytes))
}

test('QR codes', async (t) => {
  await modules(async (load) => {
    const own = await load('core/qr.ts')
    await t.test('hold what the standard says', () => {
      for (const [i, n] of data.entries()) assert.equal(own.capacity(i + 1), n, `version ${i + 1}`)
    })
    await t.test('are read back', () => {
      for (let n = 0; n <= 412; n += n < 30 ? 1 : 13) {
        const text = Array.from({ length: n }, (_, i) => String.fromCharCode(33 + ((i * 7 + n) % 90))).join('')
        assert.equal(read(own.qr(text), own), text)
      }
      const uri = 'otpauth://totp/Acm%C3%A9%20模型:ada@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Acme&algorithm=SHA1&digits=6&period=30'
      assert.equal(read(own.qr(uri), own), uri)
      assert.throws(() => own.qr('x'.repeat(413)), RangeError)
    })
    await t.test('are drawn with a quiet zone', () => {
      assert.match(own.path(own.qr('a')), /^M4 4h1v1h-1z/)
    })
  })
})
