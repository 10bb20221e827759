"use strict";
// Trains one run exactly in coordinates without the patch dimension, as theory/dynamics.py does:
// c = c(0) + A K, one product a step, two for SAM. Here an example's neurons stand side by side:
// c, A and g are (M x width), patch q of example i in row i Q + q, width = J rounded up to even.

const EXPLODED = 1e3; // larger logits mean too long a step

// K in panels of the kernel, or its diagonal for orthogonal noise; also c(0) and <w_j, w_l>.
function geometry(sample) {
  const { N, Q, J, width: r, noise, norms, other } = sample;
  const M = N * Q, width = J + (J % 2), columns = columnsOf(width);
  const panels = Math.ceil(M / columns), start = new Float64Array(panels * columns * width);
  const others = new Float64Array(J * J);
  for (let a = 0; a < J; a++) {
    for (let b = 0; b < J; b++) {
      let total = 0;
      for (let x = 0; x < r; x++) total += other[a * r + x] * other[b * r + x];
      others[a * J + b] = total;
    }
  }
  const shape = { M, J, width, columns, panels, start, others };
  if (norms) {
    for (let m = 0; m < M; m++) {
      for (let j = 0; j < J; j++) start[m * width + j] = norms[m] * other[j * r + m];
    }
    return { ...shape, diagonal: norms.map((norm) => norm * norm) };
  }
  // rows of the noise times blocks of rows, with the same kernel: columns of K, then c(0)
  const rows = panels * columns, block = 10, deep = columnsOf(block);
  const across = Math.ceil(M / deep);
  Workspace.begin(across * deep * r + r * block + across * deep * block + 64);
  const packed = Workspace.array(across * deep * r), part = Workspace.array(r * block);
  const result = Workspace.array(across * deep * block), multiply = Workspace.product(block, deep);
  for (let m = 0; m < M; m++) {
    const to = Math.floor(m / deep) * deep * r + (m % deep);
    for (let x = 0; x < r; x++) packed[to + x * deep] = noise[m * r + x];
  }
  const gram = new Float64Array(rows * M);
  const times = (count, entry, take) => {
    for (let first = 0; first < count; first += block) {
      const here = Math.min(block, count - first);
      part.fill(0);
      for (let b = 0; b < here; b++) for (let x = 0; x < r; x++) part[x * block + b] = entry(first + b, x);
      multiply(part, packed, result, r, across);
      for (let b = 0; b < here; b++) for (let m = 0; m < M; m++) take(first + b, m, result[m * block + b]);
    }
  };
  times(M, (m, x) => noise[m * r + x], (m, i, value) => {
    gram[Math.floor(m / columns) * M * columns + i * columns + (m % columns)] = value;
  });
  times(J, (j, x) => other[j * r + x], (j, m, value) => { start[m * width + j] = value; });
  return { ...shape, gram };
}

// One run in training. `batches` yields the weights of each step's mini-batch.
class Training {
  constructor(run, seed, sample, shape, room = 0) {
    const { network, optimiser } = run, { N, Q, J } = sample, { M, width, panels, columns } = shape;
    Object.assign(this, { run, sample, shape, step: 0, power: network.power, rectified: network.rectified });
    this.sam = optimiser.name === "sam" && optimiser.rho > 0;
    const rows = panels * columns * width;
    Workspace.begin((shape.gram?.length ?? 0) + 5 * (rows + 2) + room + 64);
    if (shape.gram) {
      this.gram = Workspace.array(shape.gram.length);
      this.gram.set(shape.gram);
      this.multiply = Workspace.product(width, columns);
    }
    this.coefficients = Workspace.array(rows); // A
    this.projections = Workspace.array(rows); // c
    this.slope = Workspace.array(rows); // the gradient with respect to c
    this.lifted = Workspace.array(rows);
    this.moved = Workspace.array(rows); // c at SAM's point
    this.projections.set(shape.start);
    this.features = Float64Array.from(sample.features); // (J x 2)
    this.pull = new Float64Array(2 * J);
    this.logits = new Float64Array(N);
    this.own = new Float64Array(N); // what an example's noise adds to its logit
    const total = sample.multiplicities.reduce((a, b) => a + b, 0);
    this.examples = total;
    this.weights = Float64Array.from(sample.multiplicities, (m) => m / total);
    this.current = this.weights;
    this.residual = new Float64Array(N);
    this.clocks = new Float64Array(N); // tau of each example's noise, see race.js
    const q = network.power;
    this.strengths = [sample.fast, sample.weak].map((s) => Float64Array.from(s, (x) => x ** q));
    this.batches = optimiser.batch ? batchWeights(sample, seed, optimiser.batch) : null;
    this.nextBatch();
    this.gradient(this.features, this.projections);
    this.check();
  }

  nextBatch() {
    if (this.batches) this.current = this.batches();
  }

  // x K: inner products with the noise patches, from coefficients
  lift(x, result) {
    const { diagonal, M, width, panels } = this.shape;
    if (!diagonal) {
      this.multiply(x, this.gram, result, M, panels);
      return;
    }
    for (let m = 0; m < M; m++) {
      for (let j = 0; j < width; j++) result[m * width + j] = diagonal[m] * x[m * width + j];
    }
  }

  // eta times the gradient of the loss at these coordinates, into pull and slope; logits and own
  gradient(features, projections) {
    const { sample, shape, power: q, rectified, logits, own, residual, slope, pull } = this;
    const { N, Q, J, labels } = sample, { width } = shape, [fast, weak] = this.strengths;
    const eta = this.run.optimiser.eta, bend = bendOf(q, rectified);
    // what features add to a logit, for labels +1 and -1
    const sums = new Float64Array(4);
    for (let j = 0; j < J; j++) {
      for (let f = 0; f < 2; f++) {
        const w = features[2 * j + f];
        sums[f] += bend(w) * w;
        sums[2 + f] -= bend(-w) * w;
      }
    }
    const cubic = q === 3 && !rectified;
    const totals = new Float64Array(4);
    for (let i = 0, at = 0; i < N; i++) {
      let noise = 0;
      const from = at;
      if (cubic) {
        for (const end = at + Q * width; at < end; at++) {
          const c = projections[at], square = c * c;
          slope[at] = square;
          noise += square * c;
        }
      } else {
        for (const end = at + Q * width; at < end; at++) {
          const c = projections[at];
          slope[at] = bend(c);
          noise += slope[at] * c;
        }
      }
      const y = labels[i], side = y > 0 ? 0 : 2;
      const f = sums[side] * fast[i] + sums[side + 1] * weak[i] + noise;
      own[i] = noise;
      logits[i] = f;
      const pulled = (-q * eta * this.current[i] * y) / (1 + Math.exp(y * f));
      residual[i] = pulled;
      totals[side] += pulled * fast[i] * y;
      totals[side + 1] += pulled * weak[i] * y;
      for (let b = from; b < at; b++) slope[b] *= pulled;
    }
    for (let j = 0; j < J; j++) {
      for (let f = 0; f < 2; f++) {
        const w = features[2 * j + f];
        pull[2 * j + f] = bend(w) * totals[f] + bend(-w) * totals[2 + f];
      }
    }
  }

  check() {
    const logits = this.logits;
    for (let i = 0; i < logits.length; i++) {
      if (!(Math.abs(logits[i]) < EXPLODED)) {
        throw new RangeError(
          `training diverged at step ${this.step}: eta = ${this.run.optimiser.eta} is too large here; lower it`);
      }
    }
  }

  // SAM's displacement rho g/|g| into `lifted` (noise) and the returned features; null where g = 0
  ascent() {
    const { slope, lifted, pull, features } = this;
    this.lift(slope, lifted);
    let noise = 0, along = 0;
    for (let a = 0; a < slope.length; a++) noise += slope[a] * lifted[a];
    for (let a = 0; a < pull.length; a++) along += pull[a] * pull[a];
    const square = noise + along;
    if (!(square > 0)) return null;
    const reach = this.run.optimiser.rho / Math.sqrt(square);
    for (let a = 0; a < lifted.length; a++) lifted[a] *= reach;
    return pull.map((g) => reach * g);
  }

  // from the gradient at the present point to the next point and its gradient
  advance() {
    const { slope, pull, features, coefficients, projections, lifted, moved } = this;
    if (this.sam) {
      const towards = this.ascent();
      if (towards) {
        for (let a = 0; a < moved.length; a++) moved[a] = projections[a] + lifted[a];
        this.gradient(features.map((w, a) => w + towards[a]), moved);
      }
    }
    const { clocks, residual } = this, half = 2 / this.power;
    for (let i = 0; i < clocks.length; i++) clocks[i] += half * Math.abs(residual[i]);
    for (let a = 0; a < features.length; a++) features[a] -= pull[a];
    for (let a = 0; a < slope.length; a++) coefficients[a] -= slope[a];
    this.lift(coefficients, projections);
    const start = this.shape.start;
    for (let a = 0; a < start.length; a++) projections[a] += start[a];
    this.step += 1;
    this.nextBatch();
    this.gradient(features, projections);
    this.check();
  }

  // W W^T beside the features (J x J), without the factor sigma_p^2/d
  gramOfWeights() {
    const { coefficients: A, projections: c } = this, { J } = this.sample;
    const { M, width, start, others } = this.shape;
    const cross = new Float64Array(width * width), sum = this.moved, end = M * width;
    for (let at = 0; at < end; at++) sum[at] = start[at] + c[at];
    for (let j = 0; j < J; j++) {
      for (let l = 0; l < width; l += 2) {
        let one = 0, two = 0;
        for (let at = 0; at < end; at += width) {
          const a = A[at + j];
          one += a * sum[at + l];
          two += a * sum[at + l + 1];
        }
        cross[j * width + l] = one;
        cross[j * width + l + 1] = two;
      }
    }
    const gram = new Float64Array(J * J);
    for (let j = 0; j < J; j++) {
      for (let l = 0; l < J; l++) {
        gram[j * J + l] = others[j * J + l] + (cross[j * width + l] + cross[l * width + j]) / 2;
      }
    }
    return gram;
  }
}

// z -> sigma'(z)/q for z^q, or max(z, 0)^q if rectified; sigma(z) is z times it
function bendOf(q, rectified) {
  const power = (z) => {
    let value = z;
    for (let a = 2; a < q; a++) value *= z;
    return value;
  };
  return rectified ? (z) => power(Math.max(z, 0)) : power;
}

// a function that returns the example weights of the next mini-batch, as theory/batches.py draws
function batchWeights(sample, seed, size) {
  const most = sample.multiplicities.reduce((a, b) => Math.max(a, b), 1), owners = [];
  for (let copy = 0; copy < most; copy++) {
    sample.multiplicities.forEach((m, i) => { if (m > copy) owners.push(i); });
  }
  const rng = stream(seed, "batches"), weights = new Float64Array(sample.N);
  return () => {
    weights.fill(0);
    for (let b = 0; b < size; b++) weights[owners[rng.below(owners.length - 1)]] += 1;
    for (let i = 0; i < weights.length; i++) weights[i] /= size;
    return weights;
  };
}
