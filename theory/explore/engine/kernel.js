"use strict";
// The one costly step, C = K^T A, as a WebAssembly module that is put together here: two neurons
// in a vector, a block of C in registers. Where a browser has no vectors, plain JavaScript does it.
//
// A is (inner x width) with width even. K comes in panels of `columns` columns: panel p holds,
// row by row, K[i][p columns ... p columns + columns - 1]. C is (panels columns x width).

const leb = (value) => {
  const bytes = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value);
  return bytes;
};

function assemble(vectors, columns, fused) {
  const vector = (code) => [0xfd, ...leb(code)];
  const get = (local) => [0x20, ...leb(local)], set = (local) => [0x21, ...leb(local)];
  const add = (local, size) => [...get(local), 0x41, ...sleb(size), 0x6a, ...set(local)];
  const [A, K, C, INNER, PANELS, a, k, count] = [0, 1, 2, 3, 4, 5, 6, 7];
  const most = Math.max(1, Math.floor(12 / columns)); // vectors of a block: registers are 16
  const parts = Math.ceil(vectors / most), size = Math.ceil(vectors / parts);
  const splat = 8, value = splat + columns, total = value + 1;
  const sums = columns * size;
  const body = [];
  for (let first = 0; first < vectors; first += size) {
    const here = Math.min(size, vectors - first);
    const sum = (c, v) => total + c * size + v;
    for (let c = 0; c < columns; c++) {
      for (let v = 0; v < here; v++) {
        body.push(...vector(0x0c), ...new Array(16).fill(0), ...set(sum(c, v)));
      }
    }
    body.push(...get(A), ...set(a), ...get(K), ...set(k), ...get(INNER), ...set(count));
    body.push(0x03, 0x40);
    for (let c = 0; c < columns; c++) body.push(...get(k), ...vector(0x0a), 3, ...leb(8 * c), ...set(splat + c));
    for (let v = 0; v < here; v++) {
      body.push(...get(a), ...vector(0x00), 4, ...leb(16 * (first + v)), ...set(value));
      for (let c = 0; c < columns; c++) {
        body.push(...(fused
          ? [...get(value), ...get(splat + c), ...get(sum(c, v)), ...vector(0x107)]
          : [...get(sum(c, v)), ...get(value), ...get(splat + c), ...vector(0xf2), ...vector(0xf0)]));
        body.push(...set(sum(c, v)));
      }
    }
    body.push(...add(a, 16 * vectors), ...add(k, 8 * columns));
    body.push(...get(count), 0x41, 1, 0x6b, 0x22, ...leb(count), 0x0d, 0, 0x0b);
    for (let c = 0; c < columns; c++) {
      for (let v = 0; v < here; v++) {
        body.push(...get(C), ...get(sum(c, v)), ...vector(0x0b), 4, ...leb(16 * (c * vectors + first + v)));
      }
    }
  }
  const code = [
    1 + 1, ...leb(3), 0x7f, ...leb(columns + 1 + sums), 0x7b, // locals
    0x03, 0x40, ...body,
    ...get(k), ...set(K), ...add(C, 16 * vectors * columns),
    ...get(PANELS), 0x41, 1, 0x6b, 0x22, ...leb(PANELS), 0x0d, 0, 0x0b,
    0x0b,
  ];
  const section = (id, ...content) => [id, ...leb(content.length), ...content];
  const name = (text) => [text.length, ...[...text].map((c) => c.charCodeAt(0))];
  return new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, 1, 0x60, 5, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0),
    ...section(2, 1, ...name("m"), ...name("m"), 2, 0, 1),
    ...section(3, 1, 0),
    ...section(7, 1, ...name("p"), 0, 0),
    ...section(10, 1, ...leb(code.length), ...code),
  ]);
}

const sleb = (value) => {
  const bytes = [];
  for (;;) {
    const byte = value & 0x7f;
    value >>= 7;
    if (value === 0 && !(byte & 0x40)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
};

// One memory serves one training at a time; `begin` forgets what was there.
const Workspace = {
  memory: null, used: 0, products: new Map(), wasm: null, fused: false,

  supported() {
    if (this.wasm === null) {
      const valid = (fused) => {
        try { return WebAssembly.validate(assemble(1, 4, fused)); } catch { return false; }
      };
      this.fused = valid(true);
      this.wasm = this.fused || valid(false);
    }
    return this.wasm;
  },
  begin(numbers) {
    this.used = 0;
    if (!this.supported()) {
      this.heap = new Float64Array(numbers);
      return;
    }
    const pages = Math.ceil((8 * numbers + 4096) / 65536);
    if (!this.memory) this.memory = new WebAssembly.Memory({ initial: pages });
    const lacking = pages - this.memory.buffer.byteLength / 65536;
    if (lacking > 0) this.memory.grow(lacking);
    this.heap = new Float64Array(this.memory.buffer);
  },
  // zeros: a part of the memory
  array(length) {
    const start = this.used;
    this.used += 2 * Math.ceil(length / 2);
    return this.heap.subarray(start, start + length).fill(0);
  },
  // a function (a, k, c, inner, panels) on arrays made by `array`
  product(width, columns) {
    if (!this.supported()) {
      return (a, k, c, inner, panels) => plainProduct(a, k, c, inner, panels, width, columns);
    }
    const key = 64 * width + columns;
    if (!this.products.has(key)) {
      const module = new WebAssembly.Module(assemble(width / 2, columns, this.fused));
      this.products.set(key, new WebAssembly.Instance(module, { m: { m: this.memory } }).exports.p);
    }
    const run = this.products.get(key);
    return (a, k, c, inner, panels) =>
      run(a.byteOffset, k.byteOffset, c.byteOffset, inner, panels);
  },
};

function plainProduct(a, k, c, inner, panels, width, columns) {
  c.fill(0, 0, panels * columns * width);
  for (let p = 0; p < panels; p++) {
    for (let i = 0; i < inner; i++) {
      for (let col = 0; col < columns; col++) {
        const factor = k[(p * inner + i) * columns + col], to = (p * columns + col) * width;
        for (let j = 0; j < width; j++) c[to + j] += factor * a[i * width + j];
      }
    }
  }
}

// columns of a panel: short vectors need more of them to keep the processor busy
const columnsOf = (width) => (width <= 4 ? 4 : 2);
