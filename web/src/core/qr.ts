// QR codes (ISO/IEC 18004): bytes, error correction level M, up to version 15,
// which holds 412 bytes.

/** Of level M, for each version from 1: the error correction codewords of a block, and the blocks. */
const corrections = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24]
const blocks = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10]

/** The modules of a text's code, true where they are dark, row by row. Throws where the text is too long. */
export function qr(text: string): boolean[][] {
  const bytes = new TextEncoder().encode(text)
  for (let version = 1; version <= blocks.length; version++) {
    if (bytes.length <= capacity(version) - (version < 10 ? 2 : 3)) return new Code(version).fill(interleaved(version, bytes))
  }
  throw new RangeError('too long for a QR code')
}

/** The dark modules as the path of an SVG, a unit each, with the quiet zone of 4 around them. */
export function path(modules: boolean[][]): string {
  return modules.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x + 4} ${y + 4}h1v1h-1z`] : []))).join('')
}

// codewords is how many a version has, of data and of error correction.
function codewords(version: number): number {
  let bits = (16 * version + 128) * version + 64
  if (version >= 2) {
    const align = Math.floor(version / 7) + 2
    bits -= (25 * align - 10) * align - 55
    if (version >= 7) bits -= 36
  }
  return bits >> 3
}

/** How many codewords of data a version has at level M. */
export function capacity(version: number): number {
  return codewords(version) - corrections[version - 1]! * blocks[version - 1]!
}

// interleaved is the data with its header and padding, in blocks, each with its error correction.
function interleaved(version: number, bytes: Uint8Array): number[] {
  const room = capacity(version)
  const bits: number[] = []
  const put = (value: number, length: number) => { for (let i = length - 1; i >= 0; i--) bits.push((value >> i) & 1) }
  put(0b0100, 4)
  put(bytes.length, version < 10 ? 8 : 16)
  for (const byte of bytes) put(byte, 8)
  put(0, Math.min(4, room * 8 - bits.length))
  while (bits.length % 8) bits.push(0)
  const data: number[] = []
  for (let i = 0; i < bits.length; i += 8) data.push(bits.slice(i, i + 8).reduce((all, bit) => all * 2 + bit, 0))
  for (let pad = 0xec; data.length < room; pad ^= 0xec ^ 0x11) data.push(pad)

  const count = blocks[version - 1]!
  const short = Math.floor(room / count)
  const long = room % count // the last blocks have a codeword more
  const parts: number[][] = []
  for (let i = 0, at = 0; i < count; i++) {
    const length = short + (i >= count - long ? 1 : 0)
    parts.push(data.slice(at, at + length))
    at += length
  }
  const checks = parts.map((p) => remainder(p, corrections[version - 1]!))
  const out: number[] = []
  for (let i = 0; i <= short; i++) for (const p of parts) if (i < p.length) out.push(p[i]!)
  for (let i = 0; i < corrections[version - 1]!; i++) for (const c of checks) out.push(c[i]!)
  return out
}

/** The product in GF(256) with the polynomial x^8 + x^4 + x^3 + x^2 + 1. */
export function product(a: number, b: number): number {
  let out = 0
  for (let i = 7; i >= 0; i--) out = (out << 1) ^ ((out >> 7) * 0x11d) ^ (((b >> i) & 1) * a)
  return out
}

// remainder is the Reed-Solomon error correction of data.
function remainder(data: number[], degree: number): number[] {
  const generator = new Array<number>(degree).fill(0)
  generator[degree - 1] = 1
  for (let i = 0, root = 1; i < degree; i++, root = product(root, 2)) {
    for (let j = 0; j < degree; j++) generator[j] = product(generator[j]!, root) ^ (generator[j + 1] ?? 0)
  }
  const out = new Array<number>(degree).fill(0)
  for (const byte of data) {
    const factor = byte ^ out.shift()!
    out.push(0)
    for (let j = 0; j < degree; j++) out[j]! ^= product(generator[j]!, factor)
  }
  return out
}

/** Which modules a mask inverts. */
export const masks: ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0, (_, y) => y % 2 === 0, (x) => x % 3 === 0, (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0, (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0, (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
]

// Code is the square of modules.
class Code {
  readonly size: number
  dark: boolean[][]
  fixed: boolean[][] // what is no data

  constructor(readonly version: number) {
    this.size = version * 4 + 17
    const square = () => Array.from({ length: this.size }, () => new Array<boolean>(this.size).fill(false))
    this.dark = square()
    this.fixed = square()
    for (let i = 0; i < this.size; i++) {
      this.set(6, i, i % 2 === 0)
      this.set(i, 6, i % 2 === 0)
    }
    for (const [x, y] of [[3, 3], [this.size - 4, 3], [3, this.size - 4]] as const) this.pattern(x, y, 4)
    const align = this.alignment()
    for (const [i, x] of align.entries()) {
      for (const [j, y] of align.entries()) {
        const last = align.length - 1
        if (!((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0))) this.pattern(x, y, 2)
      }
    }
    this.format(0)
    if (version >= 7) this.versions()
  }

  set(x: number, y: number, dark: boolean): void {
    this.dark[y]![x] = dark
    this.fixed[y]![x] = true
  }

  // pattern draws rings around a module; a ring is light at the distances 2 and 4 of finders, 1 of alignments.
  pattern(x: number, y: number, reach: number): void {
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const ring = Math.max(Math.abs(dx), Math.abs(dy))
        if (x + dx >= 0 && x + dx < this.size && y + dy >= 0 && y + dy < this.size) this.set(x + dx, y + dy, reach === 4 ? ring !== 2 && ring !== 4 : ring !== 1)
      }
    }
  }

  alignment(): number[] {
    if (this.version === 1) return []
    const count = Math.floor(this.version / 7) + 2
    const step = Math.floor((this.version * 4 + count * 2 + 1) / (count * 2 - 2)) * 2
    return [6, ...Array.from({ length: count - 1 }, (_, i) => this.size - 7 - i * step).reverse()]
  }

  // format writes level M and the mask, with their BCH code, at both places.
  format(mask: number): void {
    let rest = mask // level M is 00
    for (let i = 0; i < 10; i++) rest = (rest << 1) ^ ((rest >> 9) * 0x537)
    const bits = ((mask << 10) | rest) ^ 0x5412
    const bit = (i: number) => ((bits >> i) & 1) === 1
    for (let i = 0; i <= 5; i++) this.set(8, i, bit(i))
    this.set(8, 7, bit(6))
    this.set(8, 8, bit(7))
    this.set(7, 8, bit(8))
    for (let i = 9; i < 15; i++) this.set(14 - i, 8, bit(i))
    for (let i = 0; i < 8; i++) this.set(this.size - 1 - i, 8, bit(i))
    for (let i = 8; i < 15; i++) this.set(8, this.size - 15 + i, bit(i))
    this.set(8, this.size - 8, true)
  }

  versions(): void {
    let rest = this.version
    for (let i = 0; i < 12; i++) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25)
    const bits = (this.version << 12) | rest
    for (let i = 0; i < 18; i++) {
      const dark = ((bits >> i) & 1) === 1
      const a = this.size - 11 + (i % 3)
      const b = Math.floor(i / 3)
      this.set(a, b, dark)
      this.set(b, a, dark)
    }
  }

  // fill writes codewords from the right below upwards in pairs of columns, under the mask that looks best.
  fill(data: number[]): boolean[][] {
    const cells = this.cells()
    for (const [i, [x, y]] of cells.entries()) this.dark[y]![x] = i < data.length * 8 && ((data[i >> 3]! >> (7 - (i & 7))) & 1) === 1
    let best: boolean[][] = []
    let least = Infinity
    for (const [mask, inverts] of masks.entries()) {
      this.format(mask)
      const masked = this.dark.map((row, y) => row.map((dark, x) => dark !== (!this.fixed[y]![x] && inverts(x, y))))
      const bad = penalty(masked)
      if (bad < least) [best, least] = [masked, bad]
    }
    return best
  }

  cells(): [number, number][] {
    const all: [number, number][] = []
    for (let right = this.size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5
      for (let i = 0; i < this.size; i++) {
        const y = ((right + 1) & 2) === 0 ? this.size - 1 - i : i
        for (const x of [right, right - 1]) if (!this.fixed[y]![x]) all.push([x, y])
      }
    }
    return all
  }
}

// penalty counts what makes a code hard to read: long runs, blocks, what looks like a finder, too much of one colour.
function penalty(m: boolean[][]): number {
  const size = m.length
  let sum = 0
  const lines = [...m, ...m.map((_, x) => m.map((row) => row[x]!))]
  for (const line of lines) {
    const text = line.map((dark) => (dark ? '1' : '0')).join('')
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2
    sum += 40 * (text.match(/(?=10111010000|00001011101)/g) ?? []).length
  }
  let dark = 0
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (m[y]![x]) dark++
      if (x > 0 && y > 0 && m[y]![x] === m[y - 1]![x] && m[y]![x] === m[y]![x - 1] && m[y]![x] === m[y - 1]![x - 1]) sum += 3
    }
  }
  return sum + 10 * Math.floor(Math.abs((dark * 20) / (size * size) - 10))
}
