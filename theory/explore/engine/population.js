"use strict";
// The population test error, as theory/population.py computes it: a mean over 2048 fixed
// directions, exact along each. TABLES.erfc holds Chebyshev coefficients, see tables.py.

const DIRECTIONS = 2048;

const SPHERES = new Map(); // by dimension and J: directions in panels of the kernel
function sphere(dimension, J, columns) {
  const key = `${dimension} ${J} ${columns}`;
  if (!SPHERES.has(key)) {
    const rng = new Stream(0, []), rows = (DIRECTIONS * dimension) / J;
    const packed = new Float64Array(rows * J), row = new Float64Array(dimension);
    for (let d = 0, to = 0; d < DIRECTIONS; d++) {
      let square = 0;
      for (let a = 0; a < dimension; a++) {
        row[a] = rng.normal();
        square += row[a] * row[a];
      }
      const length = Math.sqrt(square);
      for (let part = 0; part < dimension / J; part++, to++) {
        const panel = Math.floor(to / columns) * columns * J + (to % columns);
        for (let j = 0; j < J; j++) packed[panel + j * columns] = row[part * J + j] / length;
      }
    }
    if (SPHERES.size >= 6) SPHERES.clear();
    SPHERES.set(key, packed);
  }
  return SPHERES.get(key);
}

// S^(1/2) of a positive semidefinite S (J x J), by Jacobi's rotations
function symmetricRoot(S, J) {
  const a = Float64Array.from(S), v = new Float64Array(J * J);
  for (let i = 0; i < J; i++) v[i * J + i] = 1;
  let scale = 0;
  for (let i = 0; i < J * J; i++) scale += a[i] * a[i];
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < J; p++) for (let q = p + 1; q < J; q++) off += a[p * J + q] ** 2;
    if (off <= 1e-33 * scale) break;
    for (let p = 0; p < J; p++) {
      for (let q = p + 1; q < J; q++) {
        const apq = a[p * J + q];
        if (apq === 0) continue;
        const theta = (a[q * J + q] - a[p * J + p]) / (2 * apq);
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1), s = t * c;
        for (let k = 0; k < J; k++) {
          const x = a[k * J + p], y = a[k * J + q];
          a[k * J + p] = c * x - s * y;
          a[k * J + q] = s * x + c * y;
        }
        for (let k = 0; k < J; k++) {
          const x = a[p * J + k], y = a[q * J + k];
          a[p * J + k] = c * x - s * y;
          a[q * J + k] = s * x + c * y;
          const m = v[k * J + p], n = v[k * J + q];
          v[k * J + p] = c * m - s * n;
          v[k * J + q] = s * m + c * n;
        }
      }
    }
  }
  const root = new Float64Array(J * J);
  for (let k = 0; k < J; k++) {
    const size = Math.sqrt(Math.max(a[k * J + k], 0));
    for (let i = 0; i < J; i++) {
      for (let j = 0; j < J; j++) root[i * J + j] += v[i * J + k] * size * v[j * J + k];
    }
  }
  return root;
}

// erfc(z) for z >= 0: t exp(-z^2 + p(t)), t = 2/(2+z), p a Chebyshev series
function erfc(z) {
  const { coefficients } = TABLES.erfc, t = 2 / (2 + z), x = 2 * t - 1;
  let b = 0, c = 0;
  for (let k = coefficients.length - 1; k > 0; k--) [b, c] = [2 * x * b - c + coefficients[k], b];
  return t * Math.exp(-z * z + x * b - c + coefficients[0]);
}

// a function x -> P(r^2/2 > x) for r ~ chi with `dof` degrees of freedom
function chiTail(dof) {
  const below = Math.floor(dof / 2), odd = dof % 2, inverse = [];
  for (let k = 1; k < below; k++) inverse[k] = 1 / (k + odd / 2);
  return (half) => {
    const x = Math.min(half, 800);
    let total = 1;
    for (let k = below - 1; k > 0; k--) total = total * x * inverse[k] + 1;
    total *= Math.exp(-x);
    if (!odd) return total;
    return erfc(Math.sqrt(x)) + (below ? Math.sqrt((4 * x) / Math.PI) * total : 0);
  };
}

// Test errors [with, without the fast feature] of a network: features (J x 2), gram W W^T (J x J).
// It uses the workspace's kernel only on arrays of its own, after `begin` of a training.
class Population {
  constructor(run) {
    const { distribution, network } = run, J = network.J, Q = distribution.noise_patches;
    const width = J + (J % 2), columns = columnsOf(width);
    Object.assign(this, { distribution, network, J, Q, width, columns });
    const packed = sphere(Q * J, J, columns);
    this.rows = DIRECTIONS * Q;
    this.directions = Workspace.array(packed.length);
    this.directions.set(packed);
    this.root = Workspace.array(J * width);
    this.z = Workspace.array(this.rows * width);
    this.multiply = Workspace.product(width, columns);
    this.tail = chiTail(Q * J);
    this.noise = new Float64Array(DIRECTIONS);
    this.inverse = new Float64Array(DIRECTIONS);
  }

  static room(run) { // numbers of the workspace that it needs
    const { J } = run.network, Q = run.distribution.noise_patches;
    return DIRECTIONS * Q * (2 * J + 2) + J * (J + 1) + 64;
  }

  errors(features, gram) {
    const { distribution, network, J, Q, width, columns, root, z, noise, inverse } = this;
    const scale = distribution.sigma_p ** 2 / distribution.d, q = network.power;
    const square = symmetricRoot(gram.map((x) => scale * x), J);
    for (let i = 0; i < J; i++) for (let j = 0; j < J; j++) root[i * width + j] = square[i * J + j];
    this.multiply(root, this.directions, z, J, this.rows / columns);
    const bend = bendOf(q, network.rectified), cubic = q === 3 && !network.rectified;
    for (let d = 0, at = 0; d < DIRECTIONS; d++) {
      let total = 0;
      if (cubic) for (const end = at + Q * width; at < end; at++) total += z[at] * z[at] * z[at];
      else for (const end = at + Q * width; at < end; at++) total += bend(z[at]) * z[at];
      noise[d] = total;
      if (cubic) {
        const edge = Math.cbrt(Math.abs(total));
        inverse[d] = 1 / (edge * edge);
      } else inverse[d] = Math.pow(Math.abs(total), -2 / q);
    }
    const margins = (y) => {
      let fast = 0, slow = 0;
      for (let j = 0; j < J; j++) {
        const e = y * features[2 * j] * distribution.beta_e, d = y * features[2 * j + 1] * distribution.beta_d;
        fast += bend(e) * e;
        slow += bend(d) * d;
      }
      return [y * (fast + slow), y * slow];
    };
    if (!network.rectified) return margins(1).map((margin) => this.mean(margin, () => true, 2 * DIRECTIONS));
    const errors = [0, 0];
    for (const y of [1, -1]) {
      margins(y).forEach((margin, f) => {
        const against = margin >= 0 ? (h) => y * h < 0 : (h) => y * h > 0;
        errors[f] += this.mean(margin, against, DIRECTIONS) / 2;
      });
    }
    return errors;
  }

  mean(margin, against, directions) {
    const { noise, inverse, tail, network } = this;
    const size = (network.power === 3 ? Math.cbrt(Math.abs(margin)) ** 2
      : Math.pow(Math.abs(margin), 2 / network.power)) / 2;
    let total = 0;
    for (let d = 0; d < DIRECTIONS; d++) {
      if (noise[d] !== 0 && against(noise[d])) total += tail(size * inverse[d]);
    }
    total /= directions;
    return margin >= 0 ? total : 1 - total;
  }
}
