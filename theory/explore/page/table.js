"use strict";
// Measurements beside closed forms, for both sides, as rows {label, about, a, b}.

const lastOf = (result, curve) => (result && !result.diverged && result.done ? result.curves[curve].at(-1) : null);

// the first step at which a curve is at most `level`, linear between recorded ones; null if never
function crossing(result, curve, level) {
  if (!result?.done || result.diverged) return null;
  const values = result.curves[curve], i = values.findIndex((value) => value !== null && value <= level);
  if (i < 0) return null;
  if (i === 0) return result.steps[0];
  const share = (values[i - 1] - level) / (values[i - 1] - values[i]);
  return result.steps[i - 1] + share * (result.steps[i] - result.steps[i - 1]);
}

function tableRows({ runs, results, initial, factors }) {
  const sides = runs.map((run, s) => ({ run, result: results[SIDES[s]], s }));
  const numbers = (result) => (result?.done && !result.diverged ? result.numbers : null);
  const rows = [], group = (title) => rows.push({ group: title });
  const row = (label, values, about = "", digits = short) => {
    const [a, b] = values.map((value) => (typeof value === "string" ? value : digits(value)));
    rows.push({ label, about, a, b });
  };
  const each = (measure) => sides.map(measure);
  group(`After ${runs[0].optimiser.steps} steps`);
  for (const [label, curve, unit, about] of [
    ["test error, %", "test_error", 100, "on new examples, exact in the dimension"],
    ["test error without fast feature, %", "test_error_slow", 100, "on new examples without the fast feature"],
    ["noise, slow examples", "noise_memorised_slow", 1, "what their own noise adds to the margin, mean"],
    ["noise, fast examples", "noise_memorised_fast", 1, "the same on examples with the fast feature"],
    ["training loss", "loss", 1, "mean logistic loss"],
  ]) row(label, each(({ result }) => { const value = lastOf(result, curve); return value === null ? null : value * unit; }), about, unit === 100 ? percent : short);
  row("examples trained on", each(({ result }) => numbers(result)?.examples ?? null), "N', copies and variants counted one by one", (v) => (v === null ? "–" : String(v)));

  group("Race law, from the first weights");
  row("S", each(({ result }) => result?.race?.ratio ?? null), "time that slow examples' noise needs, over the time left to the slow feature, at k_eff = 1");
  row("k_eff S, learned if > 1", each(({ result }) => (result?.race ? result.race.kEff * result.race.ratio : null)), "copies add no noise vectors, k_eff = 1; k-1 variants do, k_eff = k");
  row("slow feature learned, predicted step", each(({ result }) => (result?.race ? (Number.isFinite(result.race.step) ? result.race.step : "never") : "–")), "the step at which the clocks reach the slow feature's end");
  row("slow feature learned, step", each(({ result }) => { const n = numbers(result); return n ? n.time_slow ?? "never" : null; }), "first step with alignment 0.5", (v) => (v === null ? "–" : String(v)));
  row("identity, τ_B − τ_A − Σ τ", each(({ result }) => (result?.clocks ? result.clocks.slow - result.clocks.fast - result.clocks.noise : null)),
    "exactly 0 along training, but for rounding", (v) => (v === null ? "–" : v === 0 ? "0" : v.toExponential(0).replace("-", "−")));

  group("Speed of the fast feature over the slow one");
  row("R, measured", each(({ result }) => numbers(result)?.speed_ratio ?? null), "early learning speeds, until the first feature has doubled");
  row("R, closed form", each(({ result }) => numbers(result)?.speed_ratio_predicted ?? null), "with the slow examples drawn; of gradient descent");
  row("R, expected", each(({ run }) => { const [e, d] = growthRates(run.distribution, run.network, run.method); return e / d; }), "R(k) = α/(α + k(1-α)) (β_e/β_d)³ for copies");
  row("k*, where R = 1", each(({ run }) => (["original", "useful", "tada"].includes(run.method.name) ? balancingFactor(run.distribution, run.network.power) : null)), "copies or faithful variants of slow examples");
  row("fast feature learned, step", each(({ result }) => { const n = numbers(result); return n ? n.time_fast ?? "never" : null; }), "first step with alignment 0.5", (v) => (v === null ? "–" : String(v)));
  row("the same, closed form", each(({ result }) => result?.forms?.times[0] ?? null), "early phase of gradient descent");

  if (runs.some(({ optimiser }) => optimiser.name === "sam")) {
    group("SAM's factor on the gradient, first step");
    for (const [name, words] of [["fast", "fast feature"], ["slow", "slow feature"], ["noise_slow", "slow noise"], ["noise_fast", "fast noise"]]) {
      row(`SAM's factor, ${words}`, each(({ s }) => factors[s]?.[name]?.[0] ?? null), "gradient of SAM over that of gradient descent along this direction");
      row(`SAM's factor, ${words}, closed form`, each(({ s }) => factors[s]?.[name]?.[1] ?? null), "(1 - ρ growth rate/|gradient|)²");
    }
  }

  group("Steps to a training loss");
  for (const level of [0.3, 0.1, 0.03]) row(`steps to loss ${level}`, each(({ result }) => (result?.done ? crossing(result, "loss", level) ?? "never" : null)), "linear between recorded steps");

  const [one, other] = runs, k = other.method.k, slow = 1 - other.distribution.alpha;
  const cubic = other.network.power === 3 && !other.network.rectified && other.method.kappa === 0;
  const compared = one.method.name === "useful" && other.method.name === "tada" && one.method.k === k && cubic;
  group(`First step, copies (A) against variants (B)${initial.length ? `, ${initial.length} data sets` : ""}`);
  const pair = (label, value, about) => rows.push({ label, about, both: value });
  if (compared) {
    pair("noise alignment, B : A", withInterval(meanInterval(initial.map(([a, b]) => b.alignment / a.alignment))), "measured; mean and 95% interval");
    pair("noise alignment, closed form", short(noiseAlignmentRatio(slow, k, other.method.scale)), "(α + (1-α)(1 + (k-1)s⁴)) / (α + (1-α)k²); below 1 where s⁴ < k+1");
    if (other.distribution.noise_patches === 1 && other.method.scale === 1 && other.method.fidelity === 1) {
      const V = slowGradientVariance(other.distribution, other.network), batch = other.optimiser.batch ?? Infinity;
      const gap = initial.filter(([a, b]) => a.squares && b.squares).map(([a, b]) =>
        ((1 - 1 / batch) * (a.squares[1] - b.squares[1]) + (batch === Infinity ? 0 : (a.squares[0] - b.squares[0]) / batch)) / V);
      pair("variance, A − B, in V", withInterval(meanInterval(gap)), "variance of a gradient on copies minus that on variants, over V, the variance of one slow example's gradient");
      pair("variance, closed form", short(sharedNoise(slow, k, other.distribution.n, batch)), "(1 - 1/B) k(k-1)(1-α) / ((α + k(1-α))² n)");
    }
  } else pair("shown for useful (A) and tada (B) of one k", "–", "with the cubic activation and fresh noise, κ = 0");
  return rows;
}

// the rows that bear on the preset's claim stand first
function tableHtml(rows, marked) {
  const first = marked.map((label) => rows.find((row) => row.label === label)).filter(Boolean);
  const rest = rows.filter((row) => !first.includes(row)).filter((row, i, all) => !row.group || (all[i + 1] && !all[i + 1].group));
  const data = rows.find(({ group }) => group?.startsWith("First step"))?.group.split(", ")[1];
  const measured = first.some((row) => row.both) && data ? ` (${data})` : "";
  rows = first.length ? [{ group: `For this claim${measured}` }, ...first, ...rest] : rows;
  const body = rows.map((row) => {
    if (row.group) return `<tr class="group"><th colspan="3" scope="colgroup">${escaped(row.group)}</th></tr>`;
    const cells = row.both !== undefined ? `<td colspan="2" data-side="both">${escaped(row.both)}</td>` : `<td data-side="a">${escaped(row.a)}</td><td data-side="b">${escaped(row.b)}</td>`;
    return `<tr data-row="${escaped(row.label)}"${marked.includes(row.label) ? ' class="marked"' : ""} title="${escaped(row.about)}"><th scope="row">${subscripts(row.label)}</th>${cells}</tr>`;
  });
  return `<thead><tr><th scope="col"></th><th scope="col" class="a">A</th><th scope="col" class="b">B</th></tr></thead><tbody>${body.join("")}</tbody>`;
}
