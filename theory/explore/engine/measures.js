"use strict";
// Trains a run and records it: every step up to 300, then geometrically. Test errors cost more:
// they are taken at fewer of the recorded steps, and where they change fast in between.

const LEARNED = 0.5; // a feature counts as learned once max_j <w_j, v> reaches this value
const EVERY = 300;
const CURVES = ["fast_alignment", "slow_alignment", "noise_memorised_fast", "noise_memorised_slow",
  "loss", "test_error", "test_error_fast", "test_error_slow"];
const RESOLVED = 0.004; // test errors are measured in between where they differ by more
const KEPT = 3; // every third record keeps what a test error needs

const SHAPES = new Map(); // samples' noise and Gram matrices, by all they depend on
function shapeOf(run, seed, sample) {
  const { n, d, noise_patches, alpha, sigma_p, orthogonal } = run.distribution;
  const { name, k, kappa, scale } = run.method, added = name !== "original" && name !== "useful";
  const { J, sigma_0 } = run.network;
  const key = JSON.stringify([seed, n, d, noise_patches, alpha, sigma_p, orthogonal, J, sigma_0,
    added ? [name, k, kappa, scale] : []]);
  let shape = SHAPES.get(key);
  if (!shape) {
    shape = geometry(sample);
    if (SHAPES.size >= 4) SHAPES.delete(SHAPES.keys().next().value);
  }
  SHAPES.delete(key);
  SHAPES.set(key, shape);
  return shape;
}

const softplus = (x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)));

class Simulation {
  // errors: true; "last": record the last step alone; "thin": also alignments now and then
  // wanted: further steps at which it is recorded
  constructor(run, seed, errors = true, wanted = []) {
    const sample = drawSample(run, seed);
    const shape = shapeOf(run, seed, sample);
    Object.assign(this, { run, seed, sample, errors, wanted: new Set(wanted), line: [] });
    this.training = new Training(run, seed, sample, shape, Population.room(run));
    this.population = new Population(run);
    this.last = run.optimiser.steps;
    this.steps = [];
    this.curves = Object.fromEntries(CURVES.map((name) => [name, []]));
    this.snapshots = [];
    this.next = 0;
    this.nextError = 0;
    this.times = [null, null];
    this.peak = null;
    this.doubled = null;
    this.race = criterion(run, sample, shape);
    this.note();
  }

  get done() {
    return this.training.step >= this.last;
  }

  // trains for about `milliseconds`; returns whether all steps are done
  advance(milliseconds) {
    const end = performance.now() + milliseconds;
    while (!this.done) {
      for (let a = 0; a < 8 && !this.done; a++) {
        this.training.advance();
        this.note();
      }
      if (performance.now() > end) break;
    }
    return this.done;
  }

  note() {
    const { training } = this, { features, step } = training, { J } = this.sample;
    let fast = -Infinity, slow = -Infinity;
    for (let j = 0; j < J; j++) {
      fast = Math.max(fast, features[2 * j]);
      slow = Math.max(slow, features[2 * j + 1]);
    }
    const peaks = [fast, slow];
    if (step === 0) this.peak = peaks;
    peaks.forEach((value, f) => {
      if (this.times[f] === null && value >= LEARNED) this.times[f] = step;
    });
    if (!this.doubled && Math.min(...this.peak) > 0 && peaks.some((value, f) => value >= 2 * this.peak[f])) {
      this.doubled = { step, peaks };
    }
    if (this.errors === "thin" && (step >= this.next || step === this.last)) {
      this.line.push([step, slow]);
      this.next = Math.max(step + 1, Math.round(step * 1.04));
    }
    const every = this.errors === true && step >= this.next;
    if (every || step === this.last || this.wanted.has(step)) this.record(peaks);
  }

  record(peaks) {
    const { training, sample, curves } = this, { step, weights, logits, own } = training;
    let loss = 0;
    for (let i = 0; i < sample.N; i++) loss += weights[i] * softplus(-sample.labels[i] * logits[i]);
    const sums = [0, 0], counts = [0, 0];
    for (let i = 0; i < sample.n; i++) {
      const f = sample.slow[i] ? 1 : 0;
      sums[f] += sample.labels[i] * own[i];
      counts[f] += 1;
    }
    this.steps.push(step);
    const values = [...peaks, ...[0, 1].map((f) => (counts[f] ? sums[f] / counts[f] : null)), loss, null, null, null];
    CURVES.forEach((name, a) => curves[name].push(values[a]));
    const index = this.steps.length - 1, error = this.errors !== true || step >= this.nextError || step === this.last;
    this.snapshots.push(error || index % KEPT === 0
      ? { features: Float64Array.from(training.features), gram: training.gramOfWeights() } : null);
    if (error) {
      this.measureError(index);
      this.nextError = Math.max(step + 1, step * 1.12);
    }
    if (this.errors === true) {
      this.next = step < EVERY ? step + 1 : Math.max(step + 1, Math.round(step * 1.01));
    }
  }

  measureError(index) {
    const { features, gram } = this.snapshots[index], { alpha } = this.run.distribution;
    const [fast, slow] = this.population.errors(features, gram);
    this.curves.test_error[index] = alpha * fast + (1 - alpha) * slow;
    this.curves.test_error_fast[index] = fast;
    this.curves.test_error_slow[index] = slow;
  }

  // measures test errors in between where they change fast; true once there is nothing left to do
  refine(milliseconds) {
    const end = performance.now() + milliseconds, error = this.curves.test_error_slow;
    for (;;) {
      let before = null, widest = null, size = RESOLVED;
      error.forEach((value, i) => {
        if (value === null) return;
        if (before !== null && i - before > 1 && Math.abs(value - error[before]) > size) {
          const middle = (before + i) / 2;
          let nearest = null; // of the records between that kept what is needed
          for (let a = before + 1; a < i; a++) {
            if (this.snapshots[a] && (nearest === null || Math.abs(a - middle) < Math.abs(nearest - middle))) nearest = a;
          }
          if (nearest !== null) {
            size = Math.abs(value - error[before]);
            widest = nearest;
          }
        }
        before = i;
      });
      if (widest === null) return true;
      this.measureError(widest);
      if (performance.now() > end) return false;
    }
  }

  // numbers of the whole run, named as in theory/simulation.py
  numbers() {
    const { run, sample, doubled, peak } = this, q = run.network.power;
    let speeds = [null, null];
    if (doubled) {
      speeds = [0, 1].map((f) => growthRate(peak[f], doubled.peaks[f], run.optimiser.eta * doubled.step, q));
    }
    return {
      time_fast: this.times[0], time_slow: this.times[1],
      speed_fast: speeds[0], speed_slow: speeds[1],
      speed_ratio: doubled && speeds[1] > 0 ? speeds[0] / speeds[1] : null,
      speed_ratio_predicted: predictedRatio(sample, run.network),
      slow_fraction: sample.slow.filter(Boolean).length / sample.n,
      examples: this.training.examples,
    };
  }
}

// everything at once, for tests and for cells of a map
function simulate(run, seed, errors = true) {
  const simulation = new Simulation(run, seed, errors);
  simulation.advance(Infinity);
  if (errors === true) simulation.refine(Infinity);
  return simulation;
}
