"use strict";
// Closed forms of the early phase, as in theory/closed_forms.py, and single quantities measured at
// initialisation, as in theory/probes.py.

// rate a with which c' = a c^(q-1) goes from start to end in this time
function growthRate(start, end, time, q = 3) {
  if (q === 2) return Math.log(end / start) / time;
  return (start ** (2 - q) - end ** (2 - q)) / ((q - 2) * time);
}

// R(k) and the factor k* at which it is 1
function speedRatio({ alpha, beta_e, beta_d }, k, q = 3, fidelity = 1) {
  return (alpha / (alpha + (1 - alpha) * (1 + (k - 1) * fidelity ** q))) * (beta_e / beta_d) ** q;
}
function balancingFactor({ alpha, beta_e, beta_d }, q = 3) {
  return alpha === 1 ? Infinity : (alpha * ((beta_e / beta_d) ** q - 1)) / (1 - alpha);
}

// expected rates [a_e, a_d] of c' = a c^(q-1) under a method
function growthRates(distribution, network, method, slowFraction) {
  const q = network.power, alpha = slowFraction === undefined ? distribution.alpha : 1 - slowFraction;
  const extra = method.k - 1;
  const [onFast, onSlow] = {
    original: [0, 0], useful: [0, extra], tada: [0, extra], "syn-all": [extra, extra],
    "syn-rand": [extra * (1 - alpha), extra * (1 - alpha)],
  }[method.name];
  const kept = method.name === "useful" ? 1 : method.fidelity ** q;
  const total = alpha * (1 + onFast) + (1 - alpha) * (1 + onSlow);
  const fast = alpha * (1 + onFast * kept), slow = (1 - alpha) * (1 + onSlow * kept);
  const scale = q / (network.rectified ? 4 : 2) / total;
  // variants that do not follow their original have the fast feature as often as an example has
  const strays = method.name === "useful" ? 0 : (1 - method.targeting) * kept;
  const present = distribution.alpha;
  const moved = strays * ((1 - alpha) * onSlow * present - alpha * onFast * (1 - present));
  return [scale * distribution.beta_e ** q * (fast + moved), scale * distribution.beta_d ** q * (fast + slow)];
}

function earlyAlignment(start, rate, time, q = 3) {
  if (q === 2) return start * Math.exp(rate * time);
  const left = start ** (2 - q) - (q - 2) * rate * time;
  return left > 0 ? left ** (-1 / (q - 2)) : Infinity;
}
const earlyTime = (start, end, rate, q = 3) => (rate > 0 ? growthRate(start, end, 1, q) / rate : Infinity);

const noiseAlignmentRatio = (slow, k, s) => (1 + slow * (k - 1) * s ** 4) / (1 + slow * (k * k - 1));
const sharedNoise = (slow, k, n, batch) =>
  ((1 - 1 / batch) * k * (k - 1) * slow) / ((1 + (k - 1) * slow) ** 2 * n);

// V, for the cubic and one noise patch
function slowGradientVariance({ d, sigma_p }, { J, sigma_0 }) {
  const D = d - 2;
  return (27 / 4) * J * sigma_0 ** 4 * sigma_p ** 6 * ((D * (D + 2) * (D + 4)) / d ** 3);
}

// R of the examples drawn
function predictedRatio(sample, network) {
  let fast = 0, slow = 0;
  for (let i = 0; i < sample.N; i++) {
    if (network.rectified && sample.labels[i] < 0) continue;
    fast += sample.multiplicities[i] * sample.fast[i] ** network.power;
    slow += sample.multiplicities[i] * sample.weak[i] ** network.power;
  }
  return slow > 0 ? fast / slow : null;
}

// closed forms of both features from their first alignments, until the first is learned:
// [[steps, alignments] or null, ...], and the steps at which they reach LEARNED
function earlyCurves(run, peaks, slowFraction, points = 60) {
  const q = run.network.power, { eta, steps: last } = run.optimiser;
  const rates = growthRates(run.distribution, run.network, run.method, slowFraction);
  const times = peaks.map((start, f) =>
    start > 0 ? earlyTime(start, Math.max(start, LEARNED), rates[f], q) / eta : null);
  const end = Math.min(last, ...times.filter((time) => time !== null));
  const curves = peaks.map((start, f) => {
    if (times[f] === null) return null;
    const steps = Array.from({ length: points + 1 }, (_, i) => (end * i) / points);
    return [steps, steps.map((step) => earlyAlignment(start, rates[f], eta * step, q))];
  });
  return { curves, times };
}

// ---------------------------------------------------------------- at initialisation

const begun = (run, seed) => {
  const sample = drawSample(run, seed);
  return new Training(run, seed, sample, shapeOf(run, seed, sample));
};

// NoiseAlign: mean of y<-grad_j L, xi> over the entries with y<w_j, xi> > 0, each copy an entry
function meanAlignment(training) {
  const { slope, lifted, projections, weights, sample, shape, run } = training, { Q, J } = sample;
  training.lift(slope, lifted);
  let total = 0, count = 0;
  for (let m = 0; m < shape.M; m++) {
    const i = Math.floor(m / Q), y = sample.labels[i];
    for (let j = 0; j < J; j++) {
      const at = m * shape.width + j;
      if (!(y * projections[at] > 0)) continue;
      total -= weights[i] * y * lifted[at];
      count += weights[i];
    }
  }
  return total / count / run.optimiser.eta;
}

// [sum p_i |g_i|^2, |sum p_i g_i|^2]; one noise patch, odd power
function gradientSquares(training) {
  const { slope, lifted, pull, projections, features, logits, weights, sample, shape, run } = training;
  const q = run.network.power, eta = run.optimiser.eta, bend = bendOf(q, false), { J } = sample;
  training.lift(slope, lifted);
  let mean = 0, single = 0, e = 0, d = 0;
  for (let a = 0; a < slope.length; a++) mean += slope[a] * lifted[a];
  for (let a = 0; a < pull.length; a++) mean += pull[a] * pull[a];
  for (let j = 0; j < J; j++) {
    e += (q * bend(features[2 * j])) ** 2;
    d += (q * bend(features[2 * j + 1])) ** 2;
  }
  const [fast, weak] = training.strengths;
  for (let i = 0; i < sample.N; i++) {
    let noise = 0;
    for (let j = 0; j < J; j++) noise += (q * bend(projections[i * shape.width + j])) ** 2;
    const residual = 1 / (1 + Math.exp(sample.labels[i] * logits[i]));
    const square = shape.diagonal ? shape.diagonal[i] : gramDiagonal(shape, i);
    single += weights[i] * residual ** 2 * (noise * square + e * fast[i] ** 2 + d * weak[i] ** 2);
  }
  return [single, mean / eta ** 2];
}
const gramDiagonal = ({ gram, M, columns }, i) =>
  gram[Math.floor(i / columns) * M * columns + i * columns + (i % columns)];

// by which factor SAM multiplies the gradient along the features and the noise of slow and of fast
// examples, measured and to first order: {fast: [measured, predicted], ...}, null where none grows
function samFactors(training, rho) {
  const { sample, shape } = training, { Q, J } = sample, { width, M } = shape;
  const first = { slope: Float64Array.from(training.slope), pull: Float64Array.from(training.pull) };
  const held = training.run;
  training.run = { ...held, optimiser: { ...held.optimiser, rho } };
  const towards = training.ascent();
  if (!towards) return null;
  const moved = Float64Array.from(training.lifted);
  const point = Workspace.supported() ? training.moved : new Float64Array(moved.length);
  for (let a = 0; a < moved.length; a++) point[a] = training.projections[a] + moved[a];
  training.gradient(training.features.map((w, a) => w + towards[a]), point);
  const sums = {};
  const add = (name, g, sharp, c, displacement) => {
    if (!(c > 0)) return;
    const sum = (sums[name] ??= [0, 0, 0]);
    sum[0] += g;
    sum[1] += sharp;
    sum[2] += g * (1 + displacement / c) ** 2;
  };
  for (let j = 0; j < J; j++) {
    ["fast", "slow"].forEach((name, f) => {
      const a = 2 * j + f;
      add(name, first.pull[a], training.pull[a], training.features[a], towards[a]);
    });
  }
  for (let m = 0; m < M; m++) {
    const i = Math.floor(m / Q), y = sample.labels[i];
    for (let j = 0; j < J; j++) {
      const a = m * width + j;
      const values = [first.slope[a] * y, training.slope[a] * y, training.projections[a] * y, moved[a] * y];
      add("noise", ...values);
      add(sample.fast[i] === 0 ? "noise_slow" : "noise_fast", ...values);
    }
  }
  training.run = held;
  training.slope.set(first.slope);
  training.pull.set(first.pull);
  return Object.fromEntries(Object.entries(sums).map(([name, [g, sharp, predicted]]) =>
    [name, g === 0 ? null : [sharp / g, predicted / g]]));
}
