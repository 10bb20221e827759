"use strict";
// What can be saved: data as CSV or JSON, the figure as SVG or PNG, each with all settings.

function download(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function csvOf(state, results) {
  const [a, b] = runsOf(state), lines = [`# ${settingsLine(state)}`];
  for (const [side, run] of [["a", a], ["b", b]]) lines.push(`# ${side}: ${JSON.stringify(run)}, seed ${state.seed}`);
  lines.push(["side", "method", "seed", "step", ...CURVES].join(","));
  for (const side of SIDES) {
    const result = results[side];
    if (!result || result.diverged) continue;
    result.steps.forEach((step, i) => lines.push([side, `"${result.name}"`, state.seed, step, ...CURVES.map((curve) => result.curves[curve][i] ?? "")].join(",")));
  }
  return [...lines, ""].join("\n");
}

const plainNumber = (key, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value);

function jsonOf(state, preset, results, seeds) {
  const sides = runsOf(state).map((run, s) => {
    const { curves, steps, numbers, diverged, race } = results[SIDES[s]] ?? {};
    return [SIDES[s], { run, metrics: diverged || !steps ? null : { steps, ...curves, ...numbers }, race: race ?? null, diverged: diverged ?? "" }];
  });
  const many = seeds.results && {
    first: seeds.first, ...Object.fromEntries(SIDES.map((side) => [side, seeds.results[side].map((one) => one && { test_error: one.error ?? null, time_slow: one.times?.[1] ?? null, predicted_step: one.race?.step ?? null })])),
  };
  return JSON.stringify({ address: `#${writeAddress(state, preset)}`, seed: state.seed, sides: Object.fromEntries(sides), seeds: many ?? null }, plainNumber, 1);
}

// the figure in light colours, with legend and settings below
function figureOf(state, results, ghosts) {
  const width = 1000, drawing = drawCharts({ results, ghosts, last: state.steps, view: state, width, height: 620, columns: 2, colours: LIGHT });
  const holder = document.createElement("div");
  holder.innerHTML = drawing.svg;
  const svg = holder.firstElementChild, height = Number(svg.getAttribute("height")), words = settingsLine(state).split(" | ");
  drawNow(svg, drawing, results, state.steps, false);
  const below = [words.slice(0, 3).join("   "), words.slice(3).join(" ")].map((line, i) => `<text x="6" y="${height + 14 + 15 * i}" fill="${LIGHT.grey}">${escaped(line)}</text>`).join("");
  svg.insertAdjacentHTML("beforeend", below);
  svg.insertAdjacentHTML("afterbegin", `<rect width="${width}" height="${height + 38}" fill="${LIGHT.back}"/>`);
  svg.setAttribute("height", height + 38);
  svg.setAttribute("viewBox", `0 0 ${width} ${height + 38}`);
  return new XMLSerializer().serializeToString(svg);
}

function pngOf(text, done) {
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(done, "image/png");
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}
