"use strict";
// The page's state: the value of every field (PAGE.fields), its address, its two runs, and Python
// code that repeats them. Nothing here touches the document.

const SIDES = ["a", "b"];
const PARTS = {
  distribution: ["n", "d", "noise_patches", "beta_e", "beta_d", "alpha", "sigma_p", "orthogonal"],
  network: ["J", "sigma_0", "power", "rectified"],
  optimiser: ["name", "eta", "rho", "steps", "batch"],
  method: ["name", "k", "kappa", "scale", "fidelity", "targeting"],
};
const VARIANT_METHODS = ["tada", "syn-all", "syn-rand"];
const AFFORDABLE = 6e10; // multiplications of a run: some ten seconds
const plainName = { original: "Original", useful: "USEFUL", tada: "TADA", "syn-all": "Syn-all", "syn-rand": "Syn-rand" };

const presetState = (name) => ({ ...PAGE.defaults, ...PAGE.presets[name].changes });

function allowed(field) {
  if (field.kind === "choice") return `one of ${field.choices.join(", ")}`;
  if (field.kind === "switch") return "0 or 1";
  const noun = field.kind === "whole" ? "a whole number" : "a number";
  return `${noun} from ${field.least} to ${field.most}${field.optional ? ", or empty" : ""}`;
}

// the value of a field from text or the page; a RangeError says what is allowed
function parse(key, raw) {
  const field = PAGE.fields[key], text = String(raw ?? "").trim().replace("−", "-").replace(",", ".");
  if (field.optional && text === "") return null;
  const wrong = () => new RangeError(`${key} = ${text} is not allowed here; it must be ${allowed(field)}`);
  if (field.kind === "choice") {
    if (!field.choices.includes(text)) throw wrong();
    return text;
  }
  if (field.kind === "switch") {
    if (!["0", "1", "true", "false"].includes(text)) throw wrong();
    return text === "1" || text === "true";
  }
  const value = text === "" ? NaN : Number(text);
  if (!(value >= field.least && value <= field.most)) throw wrong();
  if (field.kind === "whole" && !Number.isInteger(value)) throw wrong();
  return value;
}

const textOf = (value) => (value === null ? "" : value === true ? "1" : value === false ? "0" : String(value));

// the fragment of the address: a preset, and the fields that differ from it
function writeAddress(state, preset) {
  const base = presetState(preset), parts = preset === "start" ? [] : [`preset=${preset}`];
  for (const key of Object.keys(PAGE.fields)) {
    if (state[key] !== base[key]) parts.push(`${key}=${encodeURIComponent(textOf(state[key]))}`);
  }
  return parts.join("&");
}

// state, preset and a message, which is empty if all values are usable
function readAddress(fragment, fallback = "start") {
  const problems = [], given = new URLSearchParams(fragment.replace(/^#/, ""));
  let preset = given.get("preset") ?? (fragment.length > 1 ? "start" : fallback);
  if (!(preset in PAGE.presets)) {
    problems.push(`preset = ${preset} is not allowed here; it must be one of ${Object.keys(PAGE.presets).join(", ")}`);
    preset = "start";
  }
  let state = presetState(preset);
  for (const [key, raw] of given) {
    if (key === "preset") continue;
    if (!(key in PAGE.fields)) {
      problems.push(`there is no parameter ${key}`);
      continue;
    }
    try {
      state[key] = parse(key, raw);
    } catch (error) {
      problems.push(error.message);
    }
  }
  try {
    runsOf(state);
  } catch (error) {
    problems.push(error.message);
    state = presetState(preset);
  }
  return { state, preset, message: problems.length ? `From the address, left out: ${problems.join("; ")}.` : "" };
}

// the runs of both sides; a RangeError says what cannot be trained
function runsOf(state) {
  return SIDES.map((side) => {
    const own = (name) => state[`${side}.${name}`], name = own("method");
    const variants = VARIANT_METHODS.includes(name);
    const pick = (part) => Object.fromEntries(PARTS[part].map((key) => [key, state[key]]));
    const run = {
      distribution: pick("distribution"),
      network: pick("network"),
      optimiser: {
        name: own("optimiser"), eta: state.eta, rho: own("optimiser") === "sam" ? own("rho") : 0.1,
        steps: state.steps, batch: state.batch,
      },
      // values that a method does not use keep their defaults, so that equal runs are equal
      method: {
        name, k: name === "original" ? 2 : own("k"), kappa: variants ? own("kappa") : 0,
        scale: variants ? own("scale") : 1, fidelity: variants ? own("fidelity") : 1,
        targeting: variants ? own("targeting") : 1,
      },
    };
    checkRun(run);
    return run;
  });
}

function checkRun({ distribution, network, optimiser, method }) {
  const { power, rectified } = network;
  if (!rectified && (power < 3 || power % 2 === 0)) {
    throw new RangeError(`power = ${power} is not allowed; it must be an odd whole number of at least 3 (any from 2 on if rectified)`);
  }
  if (distribution.orthogonal && method.kappa > 0) {
    throw new RangeError(`kappa = ${method.kappa} is not allowed; it must be 0 with orthogonal noise`);
  }
  const share = { tada: 1 - distribution.alpha, "syn-all": 1, "syn-rand": 1 - distribution.alpha }[method.name] ?? 0;
  const M = distribution.n * distribution.noise_patches * (1 + share * (method.k - 1));
  const gradients = optimiser.name === "sam" ? 2 : 1;
  const work = distribution.orthogonal ? 20 * network.J * M : network.J * M * M;
  if (M * M * M / 2 + gradients * optimiser.steps * work > AFFORDABLE || M > 6000) {
    throw new RangeError(`${plainName[method.name]}(${method.k}) would take too long for a page that answers at once; lower n, k, J, noise patches or steps`);
  }
}

// the name of a run, such as "TADA(5), mini-batch SAM"
function nameOf({ method, optimiser }) {
  const factor = method.name === "original" ? "" : `(${method.k})`;
  const kind = { gd: optimiser.batch ? "SGD" : "GD", sam: optimiser.batch ? "mini-batch SAM" : "SAM" }[optimiser.name];
  return `${plainName[method.name]}${factor}, ${kind}`;
}

const pythonNumber = (key, value) =>
  (value === true ? "True" : value === false ? "False" : value === null ? "None"
    : typeof value === "string" ? JSON.stringify(value) : String(value));

function changesOf(run, part) {
  const fields = PAGE.python[part];
  return PARTS[part].filter((key) => run[part][key] !== fields[key]).map((key) => [key, run[part][key]]);
}

function pythonRun(run) {
  const classes = { distribution: "Distribution", network: "Network", optimiser: "Optimiser", method: "Method" };
  const parts = Object.keys(PARTS).flatMap((part) => {
    const given = changesOf(run, part).map(([key, value]) => `${key}=${pythonNumber(key, value)}`);
    return given.length ? [`${part}=${classes[part]}(${given.join(", ")})`] : [];
  });
  return `Run(${parts.join(", ")})`;
}

// Python lines that give the same numbers
function pythonCode(state) {
  const [a, b] = runsOf(state);
  return [
    "from theory import Distribution, Method, Network, Optimiser, Run, simulate",
    "",
    `a = ${pythonRun(a)}`,
    `b = ${pythonRun(b)}`,
    `metrics_a, metrics_b = (simulate(run, seed=${state.seed}) for run in (a, b))`,
    'print(metrics_a["test_error"][-1], metrics_b["test_error"][-1])',
  ].join("\n");
}

function shellCode(state) {
  return runsOf(state).map((run) => {
    const flags = Object.keys(PARTS).flatMap((part) => changesOf(run, part).map(([key, value]) =>
      `--${part}.${key.replace("_", "-").replace("_", "-")}${value === true ? "" : ` ${value}`}`));
    return ["python -m theory simulate", ...flags, `--seed ${state.seed}`].join(" ");
  }).join("\n");
}

// one line that says all parameters, for pictures and files
function settingsLine(state) {
  const [a, b] = runsOf(state);
  return `A ${nameOf(a)} | B ${nameOf(b)} | seed ${state.seed} | ` +
    ["n", "d", "alpha", "beta_e", "beta_d", "sigma_p", "J", "sigma_0", "eta", "steps"].map((key) => `${key} ${state[key]}`).join(", ") +
    (state.batch ? `, batch ${state.batch}` : "");
}
