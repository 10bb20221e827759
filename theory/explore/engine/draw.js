"use strict";
// Draws examples and initial weights as theory/data.py does, number for number.

// Rows of the Bartlett factor of Gaussian vectors in D = dimension, without trailing zeros.
function bartlettRow(rng, i, dimension) {
  const length = Math.min(i, dimension);
  const row = new Float64Array(i < dimension ? length + 1 : length);
  for (let a = 0; a < length; a++) row[a] = rng.normal();
  if (i < dimension) row[length] = Math.sqrt(rng.chisquare(dimension - i));
  return row;
}

// Rows are kept: the methods of a seed share the originals, and a larger k only appends variants.
const FACTORS = new Map();
function gaussianFactor(seed, originals, variants, dimension) {
  const key = `${seed} ${originals} ${dimension}`;
  let kept = FACTORS.get(key);
  if (!kept) {
    const rng = stream(seed, "originals");
    kept = { rows: [], fresh: stream(seed, "variants") };
    for (let i = 0; i < originals; i++) kept.rows.push(bartlettRow(rng, i, dimension));
    if (FACTORS.size >= 4) FACTORS.delete(FACTORS.keys().next().value);
  }
  FACTORS.delete(key);
  FACTORS.set(key, kept); // the newest last
  const total = originals + variants;
  while (kept.rows.length < total) {
    kept.rows.push(bartlettRow(kept.fresh, kept.rows.length, dimension));
  }
  return { rows: kept.rows.slice(0, total), width: Math.min(total, dimension) };
}

function labelsAndPresence(distribution, seed) {
  const { n, alpha } = distribution, rng = stream(seed, "labels");
  const labels = Float64Array.from({ length: n }, () => (rng.below(1) ? 1 : -1));
  const present = Array.from({ length: n }, () => rng.uniform() < alpha);
  return { labels, present };
}

// Which examples a method adds: multiplicities of the originals, the originals of the variants in
// the order in which these are drawn, and which variants are used.
function augmentation(method, slow, seed) {
  const n = slow.length, all = slow.map((_, i) => i);
  const order = [...all.filter((i) => slow[i]), ...all.filter((i) => !slow[i])];
  const count = slow.filter(Boolean).length;
  const targets = { tada: order.slice(0, count), "syn-all": order, "syn-rand": order }[method.name] ?? [];
  const sources = [];
  for (let copy = 1; copy < method.k; copy++) sources.push(...targets);
  const multiplicities = new Float64Array(n).fill(1);
  if (method.name === "useful") slow.forEach((is, i) => { if (is) multiplicities[i] = method.k; });
  let kept = sources.map(() => true);
  if (method.name === "syn-rand") {
    const subset = new Set(stream(seed, "subset").permutation(n).slice(0, count));
    kept = sources.map((i) => subset.has(i));
  }
  return { multiplicities, sources, kept };
}

// Which variants have the fast feature: that of their original or, with probability 1 - targeting,
// as often as an example has it.
function variantPresence({ distribution, method }, seed, present, sources) {
  if (method.targeting >= 1) return sources.map((i) => present[i]);
  const rng = stream(seed, "presence");
  return sources.map((i) => {
    const follows = rng.uniform() < method.targeting, anew = rng.uniform() < distribution.alpha;
    return follows ? present[i] : anew;
  });
}

// A sample: N examples (originals first) with Q noise patches each, and J neurons' first weights.
// noise: M = N Q rows, patch q of example i in row i Q + q; other: J rows beside the features.
// With orthogonal noise, norms (M) stand in place of noise, and along (J x M) of the rows.
function drawSample(run, seed) {
  const { distribution, method, network } = run;
  const { labels, present } = labelsAndPresence(distribution, seed);
  const slow = present.map((is) => !is);
  const { multiplicities, sources, kept } = augmentation(method, slow, seed);
  const used = sources.filter((_, v) => kept[v]);
  const rng = stream(seed, "features"), J = network.J;
  const features = Float64Array.from({ length: 2 * J }, () => rng.normal() * network.sigma_0);
  const n = distribution.n, N = n + used.length;
  const owner = [...slow.keys(), ...used];
  const share = owner.map((_, i) => (i < n ? 1 : method.fidelity));
  const has = [...present, ...variantPresence(run, seed, present, sources).filter((_, v) => kept[v])];
  const shared = {
    n, N, Q: distribution.noise_patches, J, slow, features, owner, sources,
    labels: Float64Array.from(owner, (i) => labels[i]),
    multiplicities: Float64Array.from(owner, (_, i) => (i < n ? multiplicities[i] : 1)),
    fast: Float64Array.from(owner, (_, i) => share[i] * (has[i] ? distribution.beta_e : 0)),
    weak: Float64Array.from(owner, (_, i) => share[i] * distribution.beta_d),
  };
  const rest = distribution.orthogonal ? orthogonalNoise : gaussianNoise;
  return { ...shared, ...rest(run, seed, shared, kept) };
}

function gaussianNoise(run, seed, { n, N, Q, J, sources }, kept) {
  const { distribution, method, network } = run;
  const { rows, width } = gaussianFactor(seed, n * Q + J, sources.length * Q, distribution.d - 2);
  const scale = distribution.sigma_p / Math.sqrt(distribution.d);
  const noise = new Float64Array(N * Q * width);
  for (let m = 0; m < n * Q; m++) rows[m].forEach((x, a) => { noise[m * width + a] = scale * x; });
  const anew = Math.sqrt(1 - method.kappa ** 2) * method.scale;
  let at = n * Q;
  sources.forEach((source, v) => {
    if (!kept[v]) return;
    for (let q = 0; q < Q; q++, at++) {
      const fresh = rows[n * Q + J + v * Q + q], old = (source * Q + q) * width;
      for (let a = 0; a < width; a++) {
        noise[at * width + a] = method.kappa * noise[old + a] +
          (a < fresh.length ? anew * (scale * fresh[a]) : 0);
      }
    }
  });
  const other = new Float64Array(J * width);
  for (let j = 0; j < J; j++) {
    rows[n * Q + j].forEach((x, a) => { other[j * width + a] = network.sigma_0 * x; });
  }
  return { noise, width, other };
}

function orthogonalNoise(run, seed, { n, N, Q, J, sources }, kept) {
  const { distribution, method, network } = run;
  const patches = (n + sources.length) * Q, dimension = distribution.d - 2;
  if (patches >= dimension) {
    throw new RangeError(
      `${patches} orthogonal noise patches do not fit: d = ${distribution.d}; allowed: d above ${patches + 2}`);
  }
  const own = stream(seed, "originals"), rng = stream(seed, "variants");
  const fresh = Float64Array.from({ length: J * sources.length * Q }, () => rng.normal());
  const along = Float64Array.from({ length: J * n * Q }, () => own.normal());
  const beside = Array.from({ length: J }, (_, i) => bartlettRow(own, i, dimension - patches));
  const used = [...sources.keys()].filter((v) => kept[v]);
  const M = N * Q, width = M + J, other = new Float64Array(J * width);
  for (let j = 0; j < J; j++) {
    for (let m = 0; m < n * Q; m++) other[j * width + m] = network.sigma_0 * along[j * n * Q + m];
    used.forEach((v, u) => {
      for (let q = 0; q < Q; q++) {
        other[j * width + n * Q + u * Q + q] = network.sigma_0 * fresh[(j * sources.length + v) * Q + q];
      }
    });
    beside[j].forEach((x, a) => { other[j * width + M + a] = network.sigma_0 * x; });
  }
  const norms = Float64Array.from({ length: M }, (_, m) =>
    distribution.sigma_p * (m < n * Q ? 1 : method.scale));
  return { norms, width, other };
}
