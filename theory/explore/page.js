// The explorer's page. It shows and asks; every number comes from Python in a picture (theory/explore/picture.py).
//
//   1. looks: what a curve is called and coloured      4. controls: from the table of fields
//   2. small helpers                                   5. time: play, pause, step, reset, scrub
//   3. figure: all panels as one SVG                   6. saving, and the page as a whole

// ---------------------------------------------------------------- 1. looks

const INK = "#222222", GREY = "#666666", LIGHT = "#dddddd";
const SIDES = ["a", "b"];
// one colour, one meaning (Okabe-Ito: told apart by colour-blind readers too)
const ROWS = [
  { title: "Features learned", about: "alignment max_j <w_j, v> with each feature; 0.5 counts as learned", least: 1, floor: 1e-2, series: [
    { curve: "fast_alignment", label: "fast", colour: "#0072B2" },
    { curve: "slow_alignment", label: "slow", colour: "#D55E00" },
  ] },
  { title: "Noise memorised", about: "y Σ_j σ(<w_j, ξ>), what their own noise adds to the margin of original examples, mean", least: 0.1, series: [
    { curve: "noise_memorised_fast", label: "fast ex.", colour: "#999999" },
    { curve: "noise_memorised_slow", label: "slow ex.", colour: "#E69F00" },
  ] },
  { title: "Test error, %", about: "population test error, on all examples, on those with the fast feature and on those without", least: 1, unit: 100, floor: 1e-3, series: [
    { curve: "test_error_fast", label: "fast ex.", colour: "#56B4E9" },
    { curve: "test_error_slow", label: "slow ex.", colour: "#CC79A7" },
    { curve: "test_error", label: "all", colour: INK },
  ] },
  { title: "Loss", about: "mean logistic loss of the training set", least: 0.1, floor: 1e-5, series: [
    { curve: "loss", label: "loss", colour: "#009E73" },
  ] },
];
const SECONDS = 6; // that playing from start to end takes

// ---------------------------------------------------------------- 2. small helpers

const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const subscripts = (text) => escaped(text).replace(/_(\w)/g, "<sub>$1</sub>");
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "html") node.innerHTML = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const short = (value) => {
  if (value == null) return "–";
  const size = Math.abs(value);
  const digits = size >= 99.95 ? value.toFixed(0) : size >= 9.995 ? value.toFixed(1) : value.toFixed(2);
  return digits.replace("-", "−").replace(/^−(0(\.0+)?)$/, "$1");
};

// where a step stands on its axis, 0 to 1, and back; in the logarithm of 1 + step, so that step 0 is there too
const axis = (last, log) => (log
  ? { share: (step) => Math.log1p(step) / Math.log1p(last), step: (share) => Math.expm1(share * Math.log1p(last)) }
  : { share: (step) => step / last, step: (share) => share * last });

// the curve's value at any step, on the straight line that is drawn between recorded ones
function at(steps, values, step, share) {
  let i = steps.findIndex((s) => s >= step);
  if (i < 0) i = steps.length - 1;
  if (i === 0 || steps[i] === step) return values[i];
  if (values[i] == null || values[i - 1] == null) return null;
  const weight = (share(step) - share(steps[i - 1])) / (share(steps[i]) - share(steps[i - 1]));
  return values[i - 1] + weight * (values[i] - values[i - 1]);
}

// 1, 2, 2.5 or 5 times a power of ten
function spacing(span, count) {
  const rough = span / count, power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 2.5, 5, 10].find((m) => m * power >= rough * 0.999);
}

function ticks(low, high, count) {
  const gap = spacing(high - low, count), first = Math.ceil(low / gap - 1e-9);
  return Array.from({ length: Math.floor(high / gap + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * gap).toPrecision(10)));
}

// ---------------------------------------------------------------- 3. figure: all panels as one SVG

const FONT = "font-family='system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif'";

// where panels stand: two columns where there is room, else one below the other
function layout(width, height) {
  const stacked = width < 620, left = 40, right = 16, gap = 26, head = 26, title = 19, foot = 18;
  const columns = stacked ? 1 : 2, count = ROWS.length * (stacked ? 2 : 1);
  const breadth = (width - left - right - (columns - 1) * gap) / columns;
  const over = breadth < 330 || stacked ? 18 : 0; // a line of its own for a row's title, where it does not fit beside the values
  const tall = stacked ? 84 : Math.max(74, (height - head - foot) / ROWS.length - title - 12 - over);
  const place = (row, side) => {
    const line = stacked ? 2 * row + side : row;
    const y = head + line * (title + tall + 12) + title + over * (row + 1);
    return { x: left + (stacked ? 0 : side * (breadth + gap)), y, w: breadth, h: tall, line };
  };
  return { stacked, over, place, count, bottom: head + count * (title + tall + 12) + over * ROWS.length + foot };
}

// low and high end of a row's axis, the same for both sides
function extent(row, sides, log) {
  const values = sides.flatMap((side) => row.series.flatMap(({ curve }) => side.curves[curve] ?? [])).filter((v) => v != null);
  const unit = row.unit ?? 1, high = Math.max(...values.map((v) => v * unit), 0), low = Math.min(...values.map((v) => v * unit), 0);
  if (log) {
    const least = Math.max(row.floor, Math.min(...values.map((v) => v * unit).filter((v) => v > 0), high || 1));
    const from = Math.floor(Math.log10(least) + 1e-9), to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(high, least)) - 1e-9));
    return { low: from, high: to, marks: ticks(from, to, 3).filter(Number.isInteger) };
  }
  const top = 1.04 * Math.max(high, row.least), bottom = low < -0.04 * top ? 1.04 * low : 0;
  return { low: bottom, high: top, marks: ticks(bottom, top, 3) };
}

const path = (points) => points.map(([x, y], i) => `${i && points[i - 1] ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

// scales of one panel: steps to x, values to y
function scales(row, box, range, log, along) {
  const x = (step) => box.x + box.w * along.share(step);
  const level = log ? (v) => Math.log10(Math.max(v, 1e-300)) : (v) => v;
  const y = (value) => box.y + box.h * (1 - clamp((level(value * (row.unit ?? 1)) - range.low) / (range.high - range.low), 0, 1));
  return { x, y };
}

function drawn(steps, values, { x, y }) {
  return path(steps.map((step, i) => (values[i] == null ? null : [x(step), y(values[i])])).filter(Boolean));
}

function frame(box, range, log, x, along, numbered, labelled) {
  const level = (mark) => box.y + box.h * (1 - (mark - range.low) / (range.high - range.low));
  const marks = range.marks.map((mark) => {
    const y = level(mark).toFixed(1), name = log ? (mark > 2 || mark < -2 ? `1e${mark}` : `${10 ** mark}`) : `${mark}`.replace("-", "−");
    return `<line x1="${box.x}" x2="${box.x + box.w}" y1="${y}" y2="${y}" stroke="${LIGHT}" stroke-width="0.7"/>` +
      (numbered ? `<text x="${box.x - 5}" y="${y}" dy="0.33em" text-anchor="end" fill="${GREY}">${name}</text>` : "");
  });
  const steps = along.map((step) => {
    const place = x(step).toFixed(1);
    return `<line x1="${place}" x2="${place}" y1="${box.y}" y2="${box.y + box.h}" stroke="#f0f0f0" stroke-width="0.7"/>` +
      (labelled ? `<text x="${place}" y="${box.y + box.h + 14}" text-anchor="middle" fill="${GREY}">${step}</text>` : "");
  });
  const base = `<line x1="${box.x}" x2="${box.x + box.w}" y1="${box.y + box.h}" y2="${box.y + box.h}" stroke="${GREY}" stroke-width="0.7"/>`;
  return steps.join("") + marks.join("") + base;
}

// The whole figure. Curves are drawn twice: faint as a whole, and in full up to the step shown, by a clip that time alone moves.
function figure(picture, view, width, height) {
  const plan = layout(width, height), sides = SIDES.map((side) => picture.sides[side]);
  const last = picture.state.steps, along = axis(last, view.log_steps), parts = [], panels = [];
  const marks = view.log_steps ? [0, ...Array.from({ length: 5 }, (_, i) => 10 ** i).filter((step) => step <= last)] : ticks(0, last, 4);
  ROWS.forEach((row, r) => {
    const log = view.log_values && row.floor, range = extent(row, sides, log);
    sides.forEach((side, s) => {
      const box = plan.place(r, s), scale = scales(row, box, range, log, along), bottom = plan.stacked ? box.line === plan.count - 1 : r === ROWS.length - 1;
      const own = { row, side: SIDES[s], box, scale, id: `${SIDES[s]}-${r}` };
      panels.push(own);
      parts.push(frame(box, range, log, scale.x, marks, plan.stacked || s === 0, bottom));
      if (side.diverged) {
        const lines = r === 0 ? side.diverged.split(/: /) : ["diverged"];
        parts.push(`<text class="diverged" text-anchor="middle" fill="${GREY}">` + lines.map((line, i) =>
          `<tspan x="${box.x + box.w / 2}" y="${box.y + box.h / 2 + 15 * i - 7 * (lines.length - 1)}">${escaped(line)}</tspan>`).join("") + "</text>");
        return;
      }
      const forms = row.series.filter(({ curve }) => side.predictions[curve]).map(({ curve, colour }) =>
        `<path class="form" data-curve="${curve}" data-side="${SIDES[s]}" d="${drawn(...side.predictions[curve], scale)}" fill="none" stroke="${colour}" stroke-width="6" stroke-opacity="0.35" stroke-dasharray="5 3"/>`);
      const lines = row.series.map(({ curve, colour }) =>
        `<path data-curve="${curve}" data-side="${SIDES[s]}" d="${drawn(side.steps, side.curves[curve], scale)}" fill="none" stroke="${colour}" stroke-width="1.9" stroke-linejoin="round"/>`);
      parts.push(`${forms.join("")}<g opacity="0.2">${lines.join("")}</g><g class="sofar" clip-path="url(#sofar-${own.id})">${lines.join("")}</g>`);
    });
  });
  const clips = panels.map(({ id, box }) => `<clipPath id="sofar-${id}"><rect x="${box.x - 1}" y="${box.y - 3}" width="${box.w + 2}" height="${box.h + 6}"/></clipPath>`);
  const heads = sides.map((side, s) => {
    const x = plan.stacked ? 8 + (s * width) / 2 : plan.place(0, s).x;
    return `<text x="${x}" y="14" font-size="14" font-weight="700" fill="${INK}">${SIDES[s].toUpperCase()}  ${escaped(side.name)}</text>`;
  }).join("");
  const caption = `<text x="${width - 16}" y="${plan.bottom}" text-anchor="end" fill="${GREY}">training steps</text>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${plan.bottom + 4}" width="${width}" height="${plan.bottom + 4}" font-size="11" ${FONT}>` +
    `<defs>${clips.join("")}</defs>${heads}${parts.join("")}${caption}<g class="now"></g></svg>`;
  return { svg, panels, plan, along };
}

// what moves with time: the clip, a line, dots, and the values in the panels' titles
function now(svg, drawing, picture, step) {
  const parts = drawing.panels.map(({ row, side, box, scale, id }) => {
    const run = picture.sides[side], x = scale.x(step);
    svg.querySelector(`#sofar-${id} rect`).setAttribute("width", Math.max(0, x - box.x + 1).toFixed(1));
    const { stacked, over: apart } = drawing.plan, strong = `font-weight="600" fill="${INK}"`, about = `<title>${escaped(row.about)}</title>`;
    const over = apart && side === "a" ? `<text x="8" y="${box.y - 27}" ${strong}>${row.title}${about}</text>` : "";
    const named = stacked ? side.toUpperCase() : side === "a" && !apart ? row.title : "";
    let head = named ? `<tspan ${strong}>${named}${about}</tspan>` : "";
    if (run.diverged) return `${over}<text x="${box.x}" y="${box.y - 7}">${head}</text>`;
    const dots = [];
    for (const { curve, label, colour } of row.series) {
      const value = at(run.steps, run.curves[curve], step, drawing.along.share);
      head += `<tspan dx="${head ? 9 : 0}" fill="${colour}" font-size="14">●</tspan><tspan dx="2" fill="${GREY}">${label}</tspan>` +
        `<tspan dx="3" fill="${INK}" class="value" data-curve="${curve}" data-side="${side}">${short(value == null ? null : value * (row.unit ?? 1))}</tspan>`;
      if (value != null) dots.push(`<circle cx="${x.toFixed(1)}" cy="${scale.y(value).toFixed(1)}" r="3" fill="${colour}" stroke="#fff" stroke-width="1"/>`);
    }
    return `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${box.y}" y2="${box.y + box.h}" stroke="${GREY}" stroke-width="0.7"/>${dots.join("")}` +
      `${over}<text x="${box.x}" y="${box.y - 7}">${head}</text>`;
  });
  svg.querySelector(".now").innerHTML = parts.join("");
}

// ---------------------------------------------------------------- 4. controls: from the table of fields

// position of a slider, 0 to 1000, and back; even in the logarithm where the field says so
const position = (field, value) => field.log
  ? (1000 * Math.log(value / field.least)) / Math.log(field.most / field.least)
  : (1000 * (value - field.least)) / (field.most - field.least);

function chosen(field, place) {
  const share = place / 1000, span = field.most - field.least;
  const value = field.log ? field.least * (field.most / field.least) ** share : field.least + span * share;
  if (field.kind === "whole") return Math.round(value);
  return Number(field.log ? value.toPrecision(2) : value.toFixed(2));
}

function control(key, field, change) {
  const name = make("span", { html: subscripts(field.label) }), label = { "aria-label": `${key}: ${field.label}`, "data-key": key };
  if (field.kind === "choice") {
    const select = make("select", { ...label, onchange: () => change(key, select.value) }, ...field.choices.map((c) => make("option", { value: c }, c)));
    return { node: make("label", { class: "field choice", title: field.about }, name, select), show: (value) => { select.value = value; } };
  }
  if (field.kind === "switch") {
    const box = make("input", { ...label, type: "checkbox", onchange: () => change(key, box.checked) });
    return { node: make("label", { class: "field switch", title: field.about }, box, name), show: (value) => { box.checked = value; } };
  }
  const slider = make("input", { type: "range", min: 0, max: 1000, step: 1, "aria-label": field.label, "data-slider": key, oninput: () => {
    number.value = chosen(field, slider.value);
    change(key, chosen(field, slider.value));
  } });
  const number = make("input", { ...label, type: "text", inputmode: "decimal", autocomplete: "off", oninput: () => {
    if (number.value.trim() !== "" || field.optional) change(key, number.value.trim());
  } });
  const show = (value) => {
    const root = number.getRootNode();
    if (root.activeElement !== number) number.value = value == null ? "" : field.kind === "whole" ? value : Number(value.toPrecision(4));
    if (root.activeElement !== slider || slider.value === "") slider.value = value == null ? 0 : position(field, value);
    slider.classList.toggle("empty", value == null);
  };
  return { node: make("label", { class: "field", title: field.about }, name, slider, number), show };
}

function group(title, keys, fields, change, extra = []) {
  const entries = keys.map((key) => [key, control(key, fields[key], change)]);
  const nodes = (folded) => entries.filter(([key]) => fields[key].folded === folded).map(([, entry]) => entry.node);
  const more = nodes(true);
  const node = make("section", {}, make("h2", {}, title), ...extra, ...nodes(false),
    ...(more.length ? [make("details", {}, make("summary", {}, "more"), ...more)] : []));
  const show = (state) => {
    for (const [key, entry] of entries) {
      entry.show(state[key]);
      const side = key.includes(".") ? `${key.split(".")[0]}.` : "";
      entry.node.hidden = !fields[key].only.every(([other, values]) => values.includes(state[side + other]));
    }
    const details = node.querySelector("details");
    if (details) details.hidden = more.every((one) => one.hidden);
  };
  return { node, show };
}

// ---------------------------------------------------------------- 5. time: play, pause, step, reset, scrub

function clock(first, view, last, recorded, moved) {
  const along = () => axis(last(), view.log_steps);
  let playing = null;
  const play = make("button", { class: "play", onclick: () => (playing ? pause() : start()) }, "Play");
  const scrub = make("input", { type: "range", min: 0, max: 1000, step: 1, "aria-label": "step shown", "data-slider": "at", oninput: () => { pause(); set(Math.round(along().step(scrub.value / 1000))); } });
  const said = make("output", { class: "step" });
  const where = () => Math.min(view.at ?? last(), last());

  function set(step) {
    view.at = step >= last() ? null : step;
    show();
    moved(!playing);
  }
  function start() {
    const from = where() >= last() ? 0 : along().share(where()), began = performance.now();
    const tick = (time) => {
      const share = Math.max(from, from + (time - began) / 1000 / SECONDS);
      if (share >= 1) { playing = null; set(last()); return; }
      playing = requestAnimationFrame(tick);
      set(along().step(share));
    };
    playing = requestAnimationFrame(tick);
    show();
  }
  function pause() {
    if (!playing) return;
    cancelAnimationFrame(playing);
    playing = null;
    set(Math.round(where()));
  }
  const step = () => { pause(); set(recorded().find((s) => s > where()) ?? last()); };
  const reset = () => { pause(); set(0); };
  function show() {
    scrub.value = 1000 * along().share(where());
    play.textContent = playing ? "Pause" : "Play";
    said.textContent = `step ${Math.round(where())} of ${last()}`;
  }
  const node = make("div", { class: "clock" },
    ...first, make("button", { class: "reset", title: "back to step 0", onclick: reset }, "Reset"), play,
    make("button", { class: "single", title: "on to the next recorded step", onclick: step }, "Step"), scrub, said);
  return { node, show, where, stop: pause };
}

// ---------------------------------------------------------------- 6. saving, and the page as a whole

function save(name, type, content) {
  const link = make("a", { href: URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function csv(picture) {
  const curves = ROWS.flatMap((row) => row.series.map(({ curve }) => curve));
  const lines = SIDES.flatMap((side) => {
    const { steps, curves: own, name } = picture.sides[side];
    return steps.map((step, i) => [side, `"${name}"`, step, ...curves.map((curve) => own[curve][i] ?? "")].join(","));
  });
  return [["side", "method", "step", ...curves].join(","), ...lines, ""].join("\n");
}

function png(svg, done) {
  const image = new Image(), box = svg.viewBox.baseVal, canvas = make("canvas", { width: 2 * box.width, height: 2 * box.height });
  image.onload = () => {
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(done, "image/png");
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
}

async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed here";
  }
  setTimeout(() => { button.textContent = before; }, 1200);
}

function table(rows) {
  let group = null;
  const body = rows.flatMap((row) => {
    const heading = row.group === group ? [] : [`<tr class="group"><th colspan="4">${escaped(row.group)}</th></tr>`];
    group = row.group;
    const cells = ["a", "b", "difference"].map((side) => `<td data-side="${side}">${escaped(row[side])}</td>`).join("");
    return [...heading, `<tr data-row="${escaped(row.label)}" title="${escaped(row.about)}"><th>${escaped(row.label)}</th>${cells}</tr>`];
  });
  return `<thead><tr><th></th><th>A</th><th>B</th><th>B − A</th></tr></thead><tbody>${body.join("")}</tbody>`;
}

function render({ model, el }) {
  const fields = model.get("fields"), presets = model.get("presets");
  let picture = null, state = null, preset = "start", drawing = null, svg = null, sent = 0, waiting = false, again = false;
  const view = {};
  const element = (tag, name, ...children) => make(tag, { class: name }, ...children);

  // asking: one request at a time, and then the newest state, so that a dragged slider neither waits nor queues
  function ask() {
    if (waiting) { again = true; return; }
    waiting = true;
    sent += 1;
    page.classList.add("asking");
    model.set("request", { number: sent, state: { ...state, ...view }, preset });
    model.save_changes();
  }
  function change(key, value) {
    if (fields[key].view) view[key] = value;
    else state[key] = value;
    const [side, name] = key.split(".");
    if (name === "kappa" || name === "fidelity") state[`${side}.strength`] = null;
    ask();
  }
  function choose(name) {
    preset = name;
    state = { ...presets[name].state };
    time.stop();
    view.at = null;
    ask();
  }

  // controls
  const shared = Object.keys(fields).filter((key) => !key.includes(".") && !fields[key].view && key !== "seed");
  const seed = control("seed", fields.seed, change);
  const fresh = make("button", { class: "fresh", onclick: () => change("seed", (Number(state.seed) + 1) % (fields.seed.most + 1)) }, "New data");
  const groups = [
    group("Data, network, training", shared, fields, change, [element("div", "seed", seed.node, fresh)]),
    ...SIDES.map((side) => group(`Side ${side.toUpperCase()}`, Object.keys(fields).filter((key) => key.startsWith(`${side}.`)), fields, change)),
  ];
  const controls = element("aside", "controls", ...groups.map(({ node }) => node));
  const hide = make("button", { class: "hide", onclick: () => toggle("controls") });

  // presets
  const chips = element("nav", "presets", ...Object.entries(presets).map(([name, { title }]) => make("button", { "data-preset": name, title, onclick: () => choose(name) }, ...title.split(" ").map((word, i) => element("span", i ? "word" : "", word)))));
  const look = element("p", "look"), message = make("p", { class: "message", role: "alert" });

  // saving
  const toggles = ["log_steps", "log_values"].map((key) => make("button", { "data-view": key, title: fields[key].about, onclick: () => toggle(key) }, fields[key].label));
  const link = make("button", { class: "link", onclick: () => { remember(); copy(location.href, link); } }, "Copy link");
  const file = (label, act) => make("button", { "data-save": label, onclick: () => { act(); menu.open = false; } }, label);
  const menu = make("details", { class: "menu" }, make("summary", {}, "Save"), element("div", "",
    file("Data, CSV", () => save("tada.csv", "text/csv", csv(picture))),
    file("Data, JSON", () => save("tada.json", "application/json", JSON.stringify({ address: location.search, ...picture.data, table: picture.table }, null, 1))),
    file("Figure, SVG", () => save("tada.svg", "image/svg+xml", new XMLSerializer().serializeToString(svg))),
    file("Figure, PNG", () => png(svg, (blob) => save("tada.png", "image/png", blob)))));
  const codes = ["python", "commands"].map((name) => element("pre", `code ${name}`));
  const code = make("details", { class: "menu wide" }, make("summary", {}, "Code"), element("div", "",
    ...codes.flatMap((pre, i) => {
      const button = make("button", { onclick: () => copy(pre.textContent, button) }, ["Copy Python", "Copy commands"][i]);
      return [pre, button];
    })));

  // figure and time
  const canvas = element("div", "figure"), numbers = element("table", "numbers");
  const recorded = () => SIDES.map((side) => picture.sides[side].steps).reduce((one, other) => (other.length > one.length ? other : one));
  const time = clock([hide], view, () => picture?.state.steps ?? 1, recorded, (settled) => { follow(); if (settled) remember(); });
  const legend = make("p", { class: "legend", html: "<svg width='29' height='8'><path d='M0 4H29' stroke='#0072B2' stroke-opacity='0.35' stroke-width='6' stroke-dasharray='5 3'/></svg> closed form of gradient descent, early phase" });
  const page = element("div", "tada",
    make("header", {}, make("h1", {}, "TADA explorer"), chips, element("div", "actions", link, code, menu)),
    look, message,
    element("main", "", controls, element("div", "stage", time.node, canvas, element("div", "below", legend, ...toggles)), element("div", "side", numbers)));
  el.append(page);

  // the address: Python's part as it came, the view's part beside it
  function remember() {
    if (!picture) return;
    const query = new URLSearchParams(picture.address);
    for (const [key, value] of Object.entries(view)) {
      const plain = presets.start.state[key];
      if (value !== plain) query.set(key, value === true ? "1" : value === false ? "0" : String(Math.round(value)));
    }
    const text = query.toString();
    history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : ""));
  }
  function toggle(key) {
    view[key] = !view[key];
    arrange();
    time.show();
    draw();
    remember();
  }
  function arrange() {
    page.classList.toggle("bare", !view.controls);
    hide.textContent = view.controls ? "Hide controls" : "Show controls";
    for (const button of toggles) {
      button.classList.toggle("on", view[button.dataset.view]);
      button.setAttribute("aria-pressed", view[button.dataset.view]);
    }
  }
  function draw() {
    if (!picture) return;
    const width = Math.floor(canvas.clientWidth);
    if (width < 50) return;
    const above = canvas.getBoundingClientRect().top - page.getBoundingClientRect().top;
    const room = window.innerHeight - above - 40;
    drawing = figure(picture, view, width, clamp(room, 420, 900));
    canvas.innerHTML = drawing.svg;
    svg = canvas.firstElementChild;
    follow();
  }
  function follow(step = time.where()) {
    if (svg) now(svg, drawing, picture, step);
  }
  function hover(event) {
    if (!drawing || event.pointerType === "touch") return;
    const { left, top } = canvas.getBoundingClientRect(), x = event.clientX - left, y = event.clientY - top;
    const panel = drawing.panels.find(({ box }) => x >= box.x - 4 && x <= box.x + box.w + 4 && y >= box.y - 20 && y <= box.y + box.h + 14);
    follow(panel ? drawing.along.step(clamp((x - panel.box.x) / panel.box.w, 0, 1)) : undefined);
  }
  canvas.addEventListener("pointermove", hover);
  canvas.addEventListener("pointerleave", () => follow());

  function receive() {
    const next = model.get("picture");
    if (next.number && next.number !== sent) return;
    waiting = false;
    page.classList.remove("asking");
    message.textContent = next.message;
    page.classList.toggle("stale", !next.sides);
    if (next.sides) {
      picture = next;
      if (!state || !again) state = Object.fromEntries(Object.entries(next.state).filter(([key]) => !fields[key].view));
      if (!next.number) for (const key of Object.keys(fields)) if (fields[key].view) view[key] = next.state[key];
      preset = next.preset;
      show();
    }
    if (again) { again = false; ask(); }
  }
  function show() {
    for (const one of groups) one.show(state);
    seed.show(state.seed);
    for (const chip of chips.children) chip.classList.toggle("on", chip.dataset.preset === preset);
    look.textContent = presets[preset].look;
    look.classList.toggle("changed", picture.changed);
    numbers.innerHTML = table(picture.table);
    codes[0].textContent = picture.python;
    codes[1].textContent = picture.commands.join("\n");
    arrange();
    time.show();
    draw();
    remember();
    page.dataset.number = picture.number;
  }
  const resized = new ResizeObserver(draw);
  model.on("change:picture", receive);
  receive();
  resized.observe(canvas);
  return () => { resized.disconnect(); time.stop(); model.off("change:picture", receive); };
}

export default { render };
