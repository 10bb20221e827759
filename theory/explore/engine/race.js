"use strict";
// The race between the slow feature and the noise of slow examples, predicted from the first
// weights alone, as in theory/race.py. A direction that starts at x(0) > 0 reaches a level on its own
// clock at tau = (x(0)^(2-q) - level^(2-q)) / ((q-2) (q/2) s), and blows up at that of level infinity.

const blowUp = (start, strength, q, level = Infinity) =>
  (start > 0 ? Math.max(0, start ** (2 - q) - level ** (2 - q)) / (((q - 2) * q) / 2 * strength) : Infinity);

function median(values) {
  const sorted = Float64Array.from(values).sort(), half = sorted.length / 2;
  return half % 1 ? sorted[half - 0.5] : (sorted[half - 1] + sorted[half]) / 2;
}

// why the law does not cover a run; "" if it does
function notCovered({ network, method, optimiser }) {
  if (optimiser.name === "sam" && optimiser.rho > 0) return "SAM, whose speeds change with the gradient's norm";
  if (network.rectified) return "a rectified network";
  if (method.kappa > 0 && !["original", "useful"].includes(method.name)) return "variants that keep noise, κ > 0";
  return "";
}

// Ends of all clocks, and what follows: S, k_eff, the step at which the slow feature is learned
// (infinite if never). For SAM the prediction is that of gradient descent. null if not covered.
function criterion(run, sample, shape) {
  if (notCovered({ ...run, optimiser: { ...run.optimiser, name: "gd" } })) return null;
  const { n, N, Q, J, features, labels } = sample, { width, start } = shape, q = run.network.power;
  const { beta_e, beta_d } = run.distribution, { eta } = run.optimiser;
  let fast = -Infinity, slow = -Infinity;
  for (let j = 0; j < J; j++) {
    fast = Math.max(fast, features[2 * j]);
    slow = Math.max(slow, features[2 * j + 1]);
  }
  const ends = { fast: blowUp(fast, beta_e ** q, q), slow: blowUp(slow, beta_d ** q, q) };
  const total = sample.multiplicities.reduce((a, b) => a + b, 0);
  const entries = []; // slow ones: {end, weight, pull}
  let fastWeight = 0, slowExamples = 0, own = 0;
  for (let i = 0; i < N; i++) {
    const pull = (sample.weak[i] / beta_d) ** q, weight = sample.multiplicities[i] / total;
    if (i < n && sample.slow[i]) slowExamples += 1;
    if (i < n ? !sample.slow[i] : sample.fast[i] !== 0) {
      fastWeight += pull * weight;
      continue;
    }
    let end = Infinity;
    for (let a = 0; a < Q; a++) {
      const m = i * Q + a, square = shape.diagonal ? shape.diagonal[m] : gramDiagonal(shape, m);
      let most = -Infinity;
      for (let j = 0; j < J; j++) most = Math.max(most, labels[i] * start[m * width + j]);
      end = Math.min(end, blowUp(most, square, q));
    }
    entries.push({ end, weight, pull });
    own += pull;
  }
  const kEff = slowExamples ? own / slowExamples : 1;
  let ratio = ends.slow === Infinity ? 0 : Infinity;
  if (ends.slow < Infinity && ends.slow > ends.fast) {
    const typical = slowExamples ? median(entries.slice(0, slowExamples).map(({ end }) => end)) : 0;
    ratio = slowExamples ? (slowExamples * typical) / (ends.slow - ends.fast) : 0;
  }
  const clocks = [...entries, { end: ends.fast, weight: fastWeight, pull: 1 }].filter((c) => c.weight > 0);
  const most = clocks.reduce((sum, c) => sum + (c.pull ? c.pull * c.end : 0), 0);
  return { ratio, kEff, step: learningTime(clocks, blowUp(slow, beta_d ** q, q, LEARNED), most) / eta };
}

// when clocks that run at full speed and stop at their ends have together reached `target`
function learningTime(clocks, target, most) {
  if (!(target < most)) return Infinity;
  const stops = clocks.map(({ end, weight, pull }) => [end / weight, pull * weight]).sort((a, b) => a[0] - b[0]);
  let speed = stops.reduce((sum, [, pulled]) => sum + pulled, 0), time = 0, reached = 0;
  for (const [stop, pulled] of stops) {
    if (reached + speed * (stop - time) >= target) break;
    reached += speed * (stop - time);
    time = stop;
    speed -= pulled;
  }
  return time + (target - reached) / speed;
}

// tau_A, tau_B and the sum over slow examples' noise, as measured; the law: B = A + sum
function measuredClocks(training) {
  const { sample, clocks, power, run } = training;
  let fast = 0, slow = 0, noise = 0;
  for (let i = 0; i < sample.N; i++) {
    const seen = clocks[i] * (sample.weak[i] / run.distribution.beta_d) ** power;
    slow += seen;
    if (sample.fast[i] !== 0) fast += seen;
    else noise += seen;
  }
  return { fast, slow, noise };
}
