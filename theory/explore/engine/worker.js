"use strict";
// Runs tasks one at a time and posts their parts; between slices it listens for "cancel".

const SLICE = 12; // milliseconds between two looks at the messages

const pause = (() => {
  const channel = new MessageChannel(), waiting = [];
  channel.port1.onmessage = () => waiting.shift()();
  return () => new Promise((done) => { waiting.push(done); channel.port2.postMessage(0); });
})();

const stopped = new Set();

// Each task yields after every slice, with what to post, or with nothing.
const TASKS = {
  // one run in full, its curves as they grow
  *train({ run, seed }) {
    const simulation = new Simulation(run, seed);
    let sent = 0;
    const part = (all) => {
      const from = all ? 0 : sent;
      sent = simulation.steps.length;
      return {
        from, steps: simulation.steps.slice(from),
        curves: Object.fromEntries(CURVES.map((name) => [name, simulation.curves[name].slice(from)])),
      };
    };
    const peaks = [simulation.curves.fast_alignment[0], simulation.curves.slow_alignment[0]];
    const slowFraction = simulation.numbers().slow_fraction;
    const first = { forms: earlyCurves(run, peaks, slowFraction), race: simulation.race, slow: simulation.sample.slow };
    let finished = simulation.advance(SLICE);
    yield { ...part(), ...first };
    while (!finished) {
      finished = simulation.advance(SLICE);
      yield part();
    }
    while (!simulation.refine(SLICE)) yield null;
    yield { ...part(true), numbers: simulation.numbers(), clocks: measuredClocks(simulation.training), done: true };
  },
  // the end of several runs: [[run, seed], ...]
  *outcomes({ items, thin, wanted = [] }) {
    for (const [index, [run, seed]] of items.entries()) {
      let result;
      try {
        const simulation = new Simulation(run, seed, thin ? "thin" : "last", wanted);
        while (!simulation.advance(SLICE)) yield null;
        const { curves, times, race, line } = simulation, end = (name) => curves[name].at(-1);
        result = {
          error: end("test_error"), error_fast: end("test_error_fast"), error_slow: end("test_error_slow"),
          slow: end("slow_alignment"), noise: end("noise_memorised_slow"), loss: end("loss"), times, race, line,
          steps: simulation.steps, errors: curves.test_error,
        };
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        result = { diverged: error.message };
      }
      yield { index, result };
    }
  },
  // quantities at the first step of runs a and b, by data set: [[a, b, seed], ...]
  *initial({ items }) {
    for (const [index, [a, b, seed]] of items.entries()) {
      const measured = [a, b].map((run) => {
        const training = begun(run, seed);
        const alignment = meanAlignment(training);
        const squares = run.network.rectified || run.distribution.noise_patches > 1 ? null : gradientSquares(training);
        return { alignment, squares, slow: training.sample.slow.filter(Boolean).length / training.sample.n };
      });
      yield { index, measured };
    }
  },
  // SAM's factors at the first step
  *factors({ run, seed, rho }) {
    yield { factors: samFactors(begun(run, seed), rho) };
  },
};

async function perform({ id, kind, ...task }) {
  let last = performance.now();
  try {
    for (const part of TASKS[kind](task)) {
      if (part) postMessage({ id, part });
      if (performance.now() - last > SLICE / 2) {
        await pause();
        last = performance.now();
        if (stopped.delete(id)) break;
      }
    }
    postMessage({ id, done: true });
  } catch (error) {
    postMessage({ id, done: true, error: error.message, expected: error instanceof RangeError });
  }
}

onmessage = ({ data }) => {
  if (data.cancel) stopped.add(data.cancel);
  else perform(data);
};
