"use strict";
// The four panels as one SVG. Colour says the side, the line says the examples: solid slow ones,
// dotted fast ones, dashed all of them. Everything is drawn from measured values.

const LIGHT = {
  ink: "#1d1f24", grey: "#5c6068", rule: "#e3e5e8", back: "#ffffff", a: "#7b3294", b: "#00714d",
  ghost: "#84888f", fast: "#0072b2", slow: "#d55e00", noise: "#5c6068",
};
const DARK = {
  ink: "#eceef1", grey: "#a9aeb7", rule: "#33373f", back: "#15171b", a: "#cda2ef", b: "#45cf9c",
  ghost: "#82878f", fast: "#56b4e9", slow: "#ff8a3c", noise: "#a9aeb7",
};
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
const LINES = {
  slow: { width: 2.2, dash: "" }, fast: { width: 1.6, dash: "1.5 3.5" }, all: { width: 1.9, dash: "7 3.5" },
};
const PANELS = [
  { id: "features", title: "Features learned", main: "slow_alignment", what: "slow feature", least: 1, floor: 1e-2, mark: LEARNED,
    about: "alignment max_j <w_j, v> of the weights with each feature; from 0.5 on it counts as learned",
    curves: [["fast_alignment", "fast"], ["slow_alignment", "slow"]] },
  { id: "noise", title: "Noise memorised", main: "noise_memorised_slow", what: "slow examples", least: 0.1,
    about: "what an example's own noise adds to its margin, y Σ_j σ(<w_j, ξ>), mean over original examples",
    curves: [["noise_memorised_fast", "fast"], ["noise_memorised_slow", "slow"]] },
  { id: "error", title: "Test error, %", main: "test_error", what: "all examples", unit: 100, least: 1, floor: 1e-3,
    about: "population test error, exact: on all examples, on those with and on those without the fast feature",
    curves: [["test_error_fast", "fast"], ["test_error_slow", "slow"], ["test_error", "all"]] },
  { id: "loss", title: "Training loss", main: "loss", what: "all examples", least: 0.1, floor: 1e-5,
    about: "mean logistic loss of the training set, copies and variants included", curves: [["loss", "all"]] },
];

const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

// a number with as many decimals as a reader needs; null as a dash
function short(value, signed = false) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size > 0 && size < 0.0005) return `${value < 0 ? "−" : signed ? "+" : ""}${size.toExponential(0).replace("-", "−")}`;
  const digits = size.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3);
  return (Number(digits) === 0 ? "" : value < 0 ? "−" : signed ? "+" : "") + digits;
}

const percent = (value, signed = false) => (value !== null && Math.abs(value) < 0.0005 ? "0.000" : short(value, signed));
const svgSub = (text) => escaped(text).replace(/_(\w)/g, '<tspan dy="3" font-size="8">$1</tspan><tspan dy="-3">&#8203;</tspan>');

// where a step stands on its axis, 0 to 1, and back; in the logarithm of 1 + step
const stepAxis = (last, log) => (log
  ? { share: (step) => Math.log1p(step) / Math.log1p(last), step: (share) => Math.expm1(share * Math.log1p(last)) }
  : { share: (step) => step / last, step: (share) => share * last });

function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const gap = power * [1, 2, 2.5, 5, 10].find((m) => m * power >= rough * 0.999), first = Math.ceil(low / gap - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(high / gap + 1e-9) - first + 1) }, (_, i) => Number(((first + i) * gap).toPrecision(10)));
}

// low and high end of a panel's axis over the given results
function extent(panel, results, log) {
  const unit = panel.unit ?? 1;
  let low = Infinity, high = -Infinity, least = Infinity;
  for (const result of results) {
    for (const [curve] of panel.curves) {
      for (const value of result.curves[curve]) {
        if (value === null) continue;
        low = Math.min(low, value * unit);
        high = Math.max(high, value * unit);
        if (value > 0) least = Math.min(least, value * unit);
      }
    }
  }
  if (high === -Infinity) [low, high, least] = [0, panel.least, panel.floor ?? 1];
  if (log && panel.floor) {
    const from = Math.floor(Math.log10(Math.max(panel.floor, least)) + 1e-9);
    const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(high, 1e-300)) - 1e-9));
    return { low: from, high: to, log: true, marks: ticks(from, to, 3).filter(Number.isInteger) };
  }
  const top = 1.05 * Math.max(high, panel.least), bottom = low < -0.04 * top ? 1.05 * low : 0;
  return { low: bottom, high: top, log: false, marks: ticks(bottom, top, 3) };
}

// a path through measured points, leaving out those closer than half a pixel
function trace(steps, values, x, y) {
  let path = "", px = -9, py = -9;
  const last = values.length - 1;
  for (let i = 0; i <= last; i++) {
    if (values[i] === null || values[i] === undefined) continue;
    const a = x(steps[i]), b = y(values[i]);
    if (i < last && Math.abs(a - px) < 0.5 && Math.abs(b - py) < 0.5) continue;
    path += `${path ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`;
    [px, py] = [a, b];
  }
  return path;
}

// results: {a, b}, each {name, steps, curves, forms, diverged}; ghost: the same of before the last
// change, or null. Returns the drawing: its svg text and what `now` and hovering need.
function drawCharts({ results, ghosts, last, view, width, height, columns, colours, ranges, shown }) {
  const panels = shown ? PANELS.filter(({ id }) => shown.includes(id)) : PANELS;
  const left = 38, right = 20, gap = 22, head = 38, foot = 16, legend = columns === 1 ? 34 : 20;
  const rows = Math.ceil(panels.length / columns);
  const breadth = (width - columns * (left + right) - (columns - 1) * (gap - right)) / columns;
  const tall = Math.max(64, (height - legend - rows * (head + foot)) / rows);
  const along = stepAxis(last, view.log_steps), parts = [], placed = [];
  const marks = view.log_steps ? [0, 1, 10, 100, 1000, 10000].filter((step) => step <= last) : ticks(0, last, 4);
  const text = (x, y, content, more = "") => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${content}</text>`;
  panels.forEach((panel, p) => {
    const box = {
      x: left + (p % columns) * (breadth + left + gap), y: legend + Math.floor(p / columns) * (head + tall + foot) + head,
      w: breadth, h: tall,
    };
    const there = SIDES.map((side) => results[side]).filter((result) => result && !result.diverged);
    const found = extent(panel, [...there, ...Object.values(ghosts ?? {}).filter(Boolean)], view.log_values);
    // while curves grow, an axis may grow, but it does not shrink
    const before = ranges?.[panel.id];
    const keep = before && before.log === found.log && (before.low < found.low || before.high > found.high);
    const range = keep ? widest(before, found) : found;
    const x = (step) => box.x + box.w * along.share(step), unit = panel.unit ?? 1;
    const level = range.log ? (v) => Math.log10(Math.max(v * unit, 1e-300)) : (v) => v * unit;
    const y = (value) => box.y + box.h * (1 - clamp((level(value) - range.low) / (range.high - range.low), 0, 1));
    const place = { panel, box, x, y, range };
    placed.push(place);
    parts.push(`<g data-panel="${panel.id}"><title>${escaped(panel.about)}</title>`);
    for (const mark of range.marks) {
      const at = y(range.log ? 10 ** mark / unit : mark / unit);
      parts.push(`<path d="M${box.x} ${at.toFixed(1)}h${box.w.toFixed(1)}" stroke="${colours.rule}" fill="none"/>`);
      const name = range.log ? (mark > 2 || mark < -2 ? `1e${String(mark).replace("-", "−")}` : 10 ** mark) : String(mark).replace("-", "−");
      parts.push(text(box.x - 5, at, name, `dy="0.33em" text-anchor="end" fill="${colours.grey}"`));
    }
    for (const mark of marks) parts.push(text(x(mark), box.y + box.h + 13, mark, `text-anchor="middle" fill="${colours.grey}"`));
    parts.push(`<path d="M${box.x} ${(box.y + box.h).toFixed(1)}h${box.w.toFixed(1)}" stroke="${colours.grey}" fill="none"/>`);
    if (panel.mark !== undefined) {
      parts.push(`<path d="M${box.x} ${y(panel.mark).toFixed(1)}h${box.w.toFixed(1)}" stroke="${colours.grey}" stroke-dasharray="2 2" fill="none"/>`);
      parts.push(text(box.x + 3, y(panel.mark) - 3, "learned", `fill="${colours.grey}" font-size="10"`));
    }
    const lines = [];
    SIDES.forEach((side, s) => {
      const ghost = ghosts?.[side], result = results[side];
      if (ghost && !ghost.diverged) {
        const [curve] = panel.curves.find(([name]) => name === panel.main);
        parts.push(`<path class="ghost" d="${trace(ghost.steps, ghost.curves[curve], x, y)}" fill="none" stroke="${colours.ghost}" stroke-width="1.2" stroke-dasharray="2 2"/>`);
      }
      if (result?.diverged) {
        const words = (p === 0 ? `${side.toUpperCase()}: ${result.diverged}` : `${side.toUpperCase()} diverged`).split(/(?<=:) |; /);
        words.forEach((word, i) => parts.push(text(box.x + box.w / 2, box.y + box.h / 2 + 15 * i - 22 + 44 * s - 7 * (words.length - 1), escaped(word),
          `class="diverged" text-anchor="middle" fill="${colours[side]}" font-size="12"`)));
      }
      if (!result || result.diverged) return;
      if (panel.id === "features") {
        (result.forms?.curves ?? []).forEach((form) => {
          if (form) parts.push(`<path class="form" data-side="${side}" d="${trace(form[0], form[1], x, y)}" fill="none" stroke="${colours[side]}" stroke-opacity="0.28" stroke-width="6"/>`);
        });
      }
      for (const [curve, line] of panel.curves) {
        const { width: thick, dash } = LINES[line];
        lines.push(`<path data-curve="${curve}" data-side="${side}" d="${trace(result.steps, result.curves[curve], x, y)}" fill="none" stroke="${colours[side]}" stroke-width="${thick}" stroke-dasharray="${dash}" stroke-linejoin="round"/>`);
      }
    });
    parts.push(`<g class="future" opacity="0.22" display="none">${lines.join("")}</g><g class="sofar" clip-path="url(#clip-${panel.id})">${lines.join("")}</g></g>`);
  });
  const clips = placed.map(({ panel, box }) => `<clipPath id="clip-${panel.id}"><rect x="${box.x - 2}" y="${box.y - 4}" width="${box.w + 6}" height="${box.h + 8}"/></clipPath>`);
  const total = legend + rows * (head + tall + foot) + 2;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total.toFixed(0)}" width="${width}" height="${total.toFixed(0)}" font-size="11" font-family="${FONT}" role="img" aria-label="Curves of both sides over the training steps">` +
    `<defs>${clips.join("")}</defs>${legendOf({ results, ghosts, colours, width, columns })}${parts.join("")}<g class="now"></g></svg>`;
  return { svg, placed, along, last, colours, ranges: Object.fromEntries(placed.map(({ panel, range }) => [panel.id, range])) };
}

const widest = (one, two) => {
  const low = Math.min(one.low, two.low), high = Math.max(one.high, two.high);
  return { low, high, log: one.log, marks: one.log ? ticks(low, high, 3).filter(Number.isInteger) : ticks(low, high, 3) };
};

function legendOf({ results, ghosts, colours, width, columns }) {
  const parts = [];
  let x = 6, y = 12;
  const entry = (mark, words, size) => {
    if (columns === 1 && x + size > width) [x, y] = [6, y + 15];
    parts.push(`<g transform="translate(${x} ${y})">${mark}<text x="${mark ? 22 : 0}" fill="${colours.ink}">${escaped(words)}</text></g>`);
    x += size;
  };
  for (const side of SIDES) {
    const name = `${side.toUpperCase()} ${results[side]?.name ?? ""}`;
    entry(`<path d="M0 -4h16" stroke="${colours[side]}" stroke-width="4"/>`, name, 38 + 5.7 * name.length);
  }
  const line = (kind) => `<path d="M0 -4h18" stroke="${colours.ink}" stroke-width="${LINES[kind].width}" stroke-dasharray="${LINES[kind].dash}"/>`;
  for (const [kind, words] of [["slow", "slow"], ["fast", "fast"], ["all", "all"]]) entry(line(kind), words, 32 + 6.2 * words.length);
  entry(`<path d="M0 -4h18" stroke="${colours.grey}" stroke-width="6" stroke-opacity="0.4"/>`, "closed form", 94);
  if (ghosts) entry(`<path d="M0 -4h18" stroke="${colours.ghost}" stroke-width="1.4" stroke-dasharray="2 2"/>`, "before the change", 120);
  return `<g class="legend">${parts.join("")}</g>`;
}

// the recorded step nearest to a step at which every curve of a result was measured
function measuredAt(result, step) {
  let best = -1;
  result.steps.forEach((at, i) => {
    if (result.curves.test_error[i] === null || result.curves.test_error[i] === undefined) return;
    if (best < 0 || Math.abs(at - step) <= Math.abs(result.steps[best] - step)) best = i;
  });
  return best;
}

// what moves with time: clips, a line with the step, dots, and the values in the headings
function drawNow(svg, drawing, results, step, pointed) {
  const { colours, along, last } = drawing, parts = [], full = step >= last && !pointed;
  const index = Object.fromEntries(SIDES.map((side) => [side, results[side] && !results[side].diverged ? measuredAt(results[side], step) : -1]));
  svg.querySelectorAll(".future").forEach((node) => node.setAttribute("display", step < last && !pointed ? "inline" : "none"));
  for (const { panel, box, x, y } of drawing.placed) {
    const reach = pointed ? box.w + 6 : Math.max(0, x(Math.min(step, last)) - box.x + 6), unit = panel.unit ?? 1;
    svg.querySelector(`#clip-${panel.id} rect`).setAttribute("width", reach.toFixed(1));
    const values = {}, say = panel.unit === 100 && !drawing.placed[0].range.log ? percent : short;
    let head = `<text x="${box.x - 32}" y="${box.y - 24}" font-size="12.5" font-weight="650" fill="${colours.ink}">${panel.title}<title>${escaped(panel.about)}</title></text>`;
    let line = `<tspan fill="${colours.grey}">${panel.what}</tspan>`;
    SIDES.forEach((side) => {
      const i = index[side];
      if (i < 0) return;
      const result = results[side];
      values[side] = result.curves[panel.main][i] === null ? null : result.curves[panel.main][i] * unit;
      line += `<tspan dx="8" font-weight="650" fill="${colours[side]}">${side.toUpperCase()}</tspan><tspan dx="3" fill="${colours.ink}" class="value" data-side="${side}" data-curve="${panel.main}">${say(values[side])}</tspan>`;
      const at = x(result.steps[i]);
      for (const [curve] of panel.curves) {
        const value = result.curves[curve][i];
        if (value !== null && !full) parts.push(`<circle cx="${at.toFixed(1)}" cy="${y(value).toFixed(1)}" r="3" fill="${colours[side]}"/>`);
      }
    });
    if (values.a != null && values.b != null) {
      line += `<tspan dx="8" fill="${colours.grey}">B − A</tspan><tspan dx="3" font-weight="650" fill="${colours.ink}" class="difference" data-curve="${panel.main}">${say(values.b - values.a, true)}</tspan>`;
    }
    head += `<text x="${box.x - 32}" y="${box.y - 9}">${line}</text>`;
    if (full) {
      let taken = null;
      for (const side of SIDES) {
        if (index[side] < 0) continue;
        let at = y(results[side].curves[panel.main][index[side]] ?? 0);
        at = Math.min(at, box.y + box.h - 4);
        if (taken !== null && Math.abs(at - taken) < 11) at = taken + (at < taken || taken > box.y + box.h - 12 ? -11 : 11);
        taken = at;
        parts.push(`<text x="${(box.x + box.w + 4).toFixed(1)}" y="${at.toFixed(1)}" dy="0.33em" font-weight="650" fill="${colours[side]}">${side.toUpperCase()}</text>`);
      }
    } else {
      const at = x(clamp(step, 0, last)), right = at > box.x + box.w - 60;
      parts.push(`<path d="M${at.toFixed(1)} ${box.y}v${box.h.toFixed(1)}" stroke="${colours.grey}" fill="none"/>`,
        `<text x="${(at + (right ? -4 : 4)).toFixed(1)}" y="${(box.y + 9).toFixed(1)}" text-anchor="${right ? "end" : "start"}" font-size="10" fill="${colours.ink}">step ${Math.round(step)}</text>`);
    }
    parts.push(head);
  }
  svg.querySelector(".now").innerHTML = parts.join("");
}
