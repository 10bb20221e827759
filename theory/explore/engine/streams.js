"use strict";
// numpy's random streams, bit for bit: SeedSequence, PCG64, ziggurat normals and exponentials,
// gamma, bounded whole numbers, permutation. TABLES.ziggurat holds numpy's tables.

const PURPOSES = { labels: 0, originals: 1, features: 2, variants: 3, subset: 4, batches: 5, presence: 6 };
const TWO_32 = 4294967296;

// numpy.random.SeedSequence(seed, spawn_key=key).generate_state(8): eight 32-bit words
function seedWords(seed, key) {
  const entropy = [];
  for (let rest = seed; rest > 0 || entropy.length === 0; rest = Math.floor(rest / TWO_32)) {
    entropy.push(rest % TWO_32);
  }
  if (key.length > 0) {
    while (entropy.length < 4) entropy.push(0);
    entropy.push(...key);
  }
  let constant = 0x43b0d7e5;
  const hashed = (value) => {
    let v = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    v = Math.imul(v, constant);
    return v ^ (v >>> 16);
  };
  const mixed = (x, y) => {
    const v = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y);
    return (v ^ (v >>> 16)) | 0;
  };
  const pool = [0, 1, 2, 3].map((i) => hashed(i < entropy.length ? entropy[i] : 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mixed(pool[to], hashed(pool[from]));
  }
  for (let from = 4; from < entropy.length; from++) {
    for (let to = 0; to < 4; to++) pool[to] = mixed(pool[to], hashed(entropy[from]));
  }
  constant = 0x8b51f9dd;
  return Array.from({ length: 8 }, (_, i) => {
    let v = pool[i % 4] ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    v = Math.imul(v, constant);
    return (v ^ (v >>> 16)) >>> 0;
  });
}

// the upper 32 bits of the product of two 32-bit numbers
function upper(a, b) {
  const low = (a & 0xffff) * b;
  const high = (a >>> 16) * b;
  return Math.floor((high + Math.floor(low / 65536)) / 65536) >>> 0;
}

const typed = ({ ki, wi, fi, r, inverse }) =>
  ({ ki: Float64Array.from(ki), wi: Float64Array.from(wi), fi: Float64Array.from(fi), r, inverse });
const NORMAL = typed(TABLES.ziggurat.normal), EXPONENTIAL = typed(TABLES.ziggurat.exponential);

class Stream {
  // key: numpy's spawn key, a list
  constructor(seed, key) {
    const w = seedWords(seed, key);
    // the words stand low half first; the state's upper 64 bits come first
    this.inc = Uint32Array.of(w[6], w[7], w[4], w[5]);
    const inc = this.inc;
    for (let i = 3; i > 0; i--) inc[i] = (inc[i] << 1) | (inc[i - 1] >>> 31);
    inc[0] = (inc[0] << 1) | 1;
    this.state = new Uint32Array(4);
    this.bits = new Uint32Array(2); // the last 64 bits drawn, lower half first
    this.step();
    let carry = 0;
    [w[2], w[3], w[0], w[1]].forEach((part, i) => {
      const total = this.state[i] + part + carry;
      carry = total >= TWO_32 ? 1 : 0;
      this.state[i] = total;
    });
    this.step();
    this.kept = -1; // the other half of 64 bits, of which 32 were used
  }

  // the state times 0x2360ed051fc65da44385df649fccf645, plus inc, modulo 2^128
  step() {
    const s = this.state, inc = this.inc, s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3];
    const m0 = 0x9fccf645, m1 = 0x4385df64, m2 = 0x1fc65da4, m3 = 0x2360ed05;
    let total = (Math.imul(s0, m0) >>> 0) + inc[0];
    s[0] = total;
    total = (total >= TWO_32 ? 1 : 0) + upper(s0, m0) + (Math.imul(s0, m1) >>> 0) +
      (Math.imul(s1, m0) >>> 0) + inc[1];
    s[1] = total;
    total = Math.floor(total / TWO_32) + upper(s0, m1) + upper(s1, m0) +
      (Math.imul(s0, m2) >>> 0) + (Math.imul(s1, m1) >>> 0) + (Math.imul(s2, m0) >>> 0) + inc[2];
    s[2] = total;
    s[3] = Math.floor(total / TWO_32) + upper(s0, m2) + upper(s1, m1) + upper(s2, m0) +
      Math.imul(s0, m3) + Math.imul(s1, m2) + Math.imul(s2, m1) + Math.imul(s3, m0) + inc[3];
  }

  // draws 64 bits into this.bits
  next64() {
    this.step();
    const s = this.state, low = s[0] ^ s[2], high = s[1] ^ s[3], turn = s[3] >>> 26;
    const by = turn & 31, a = turn & 32 ? high : low, b = turn & 32 ? low : high;
    this.bits[0] = by ? (a >>> by) | (b << (32 - by)) : a;
    this.bits[1] = by ? (b >>> by) | (a << (32 - by)) : b;
  }

  next32() {
    if (this.kept >= 0) {
      const kept = this.kept;
      this.kept = -1;
      return kept;
    }
    this.next64();
    this.kept = this.bits[1];
    return this.bits[0];
  }

  // uniform on [0, 1)
  uniform() {
    this.next64();
    return (this.bits[1] * 2097152 + (this.bits[0] >>> 11)) / 9007199254740992;
  }

  // a whole number from 0 to top, inclusive, by rejection, as numpy shuffles
  within(top) {
    const mask = top === 0 ? 0 : 2 ** (32 - Math.clz32(top)) - 1;
    for (;;) {
      const value = top === 0 ? 0 : (this.next32() & mask) >>> 0;
      if (value <= top) return value;
    }
  }

  // a whole number from 0 to top, inclusive, by Lemire's method, as numpy draws integers
  below(top) {
    if (top === 0) return 0;
    const count = top + 1;
    let draw = this.next32(), low = Math.imul(draw, count) >>> 0;
    if (low < count) {
      const threshold = (TWO_32 - 1 - top) % count;
      while (low < threshold) {
        draw = this.next32();
        low = Math.imul(draw, count) >>> 0;
      }
    }
    return upper(draw, count);
  }

  normal() {
    for (;;) {
      this.next64();
      const low = this.bits[0], strip = low & 0xff;
      const place = (this.bits[1] & 0x1fffffff) * 8388608 + (low >>> 9);
      const size = place * NORMAL.wi[strip], x = low & 0x100 ? -size : size;
      if (place < NORMAL.ki[strip]) return x;
      if (strip === 0) {
        for (;;) {
          const beyond = -NORMAL.inverse * Math.log1p(-this.uniform());
          const y = -Math.log1p(-this.uniform());
          if (y + y > beyond * beyond) return low & 0x20000 ? -(NORMAL.r + beyond) : NORMAL.r + beyond;
        }
      }
      const level = (NORMAL.fi[strip - 1] - NORMAL.fi[strip]) * this.uniform() + NORMAL.fi[strip];
      if (level < Math.exp(-0.5 * x * x)) return x;
    }
  }

  exponential() {
    const { ki, wi, fi, r } = EXPONENTIAL;
    for (;;) {
      this.next64();
      const low = this.bits[0], strip = (low >>> 3) & 0xff;
      const place = this.bits[1] * 2097152 + (low >>> 11), x = place * wi[strip];
      if (place < ki[strip]) return x;
      if (strip === 0) return r - Math.log1p(-this.uniform());
      const level = (fi[strip - 1] - fi[strip]) * this.uniform() + fi[strip];
      if (level < Math.exp(-x)) return x;
    }
  }

  // gamma with a shape of at least 1/2, scale 1 (Marsaglia and Tsang 2000). With a shape of 1/2 the
  // last bit depends on the machine's logarithm, in numpy too; that is one number of a sample whose
  // d is smaller than its number of patches and neurons.
  gamma(shape) {
    if (shape === 1) return this.exponential();
    if (shape < 1) {
      const power = (x) => (shape === 0.5 ? x * x : Math.pow(x, 1 / shape));
      for (;;) {
        const u = this.uniform(), v = this.exponential();
        if (u <= 1 - shape) {
          const x = power(u);
          if (x <= v) return x;
        } else {
          const y = -Math.log((1 - u) / shape), x = power(1 - shape + shape * y);
          if (x <= v + y) return x;
        }
      }
    }
    const b = shape - 1 / 3, c = 1 / Math.sqrt(9 * b);
    for (;;) {
      let x, v;
      do {
        x = this.normal();
        v = 1 + c * x;
      } while (v <= 0);
      v = v * v * v;
      const u = this.uniform();
      if (u < 1 - 0.0331 * (x * x) * (x * x)) return b * v;
      if (Math.log(u) < 0.5 * x * x + b * (1 - v + Math.log(v))) return b * v;
    }
  }

  chisquare(dof) {
    return 2 * this.gamma(dof / 2);
  }

  // a random order of 0 ... count-1
  permutation(count) {
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.within(i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}

const stream = (seed, purpose) => new Stream(seed, [PURPOSES[purpose]]);
