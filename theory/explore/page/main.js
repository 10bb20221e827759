"use strict";
// The page as a whole: state, computing, drawing, history, tour.

const $ = (selector) => document.querySelector(selector);
const SCRIPT = `${$("#engine").textContent}\n${$("#worker").textContent}`;
const pool = new Pool(SCRIPT, clamp(navigator.hardwareConcurrency || 2, 2, 4));
const darkness = matchMedia("(prefers-color-scheme: dark)"), calm = matchMedia("(prefers-reduced-motion: reduce)");
const phone = matchMedia("(max-width: 760px)");

let { state, preset, message } = readAddress(location.hash, PAGE.first);
const results = { a: null, b: null }; // what is shown, growing
const jobs = { a: null, b: null };
let ghosts = null, ranges = null, drawing = null, at = null, pointed = null, panel = "features", version = 0;
const kept = new Map(); // finished results by run and seed
const seeds = new Seeds(pool), maps = new Maps(pool);
const first = { key: "", measured: [], factors: [], tasks: [] }; // at the first step, for the table
let gesture = { key: "", time: 0, base: null };
let mapDrawing = null;

const colours = () => (darkness.matches ? DARK : LIGHT);
const stale = () => document.body.classList.contains("stale"); // the state cannot be trained
const settled = () => SIDES.every((side) => results[side]?.done && !jobs[side]);
document.documentElement.dataset.opened = performance.now();

// ---------------------------------------------------------------- computing

function compute() {
  let runs;
  try {
    runs = runsOf(state);
  } catch (error) {
    refuse(error.message);
    document.body.classList.add("stale");
    return;
  }
  document.body.classList.remove("stale");
  say(message);
  message = "";
  runs.forEach((run, s) => computeSide(SIDES[s], run));
  show();
}

function computeSide(side, run) {
  const key = JSON.stringify([run, state.seed]);
  const job = jobs[side];
  if (job && job.wants === key) return;
  const known = results[side]?.done && results[side].key === key ? results[side] : kept.get(key);
  if (known) {
    if (!job && results[side] === known) return;
    pool.cancel(job?.task);
    jobs[side] = null;
    results[side] = known;
    after();
    return;
  }
  // a run that has shown nothing yet goes on a little, so that a dragged slider always shows curves
  if (job && !job.shown && performance.now() - job.began < 60) {
    Object.assign(job, { next: run, wants: key });
    return;
  }
  pool.cancel(job?.task);
  const mine = { began: performance.now(), shown: false, next: null, wants: key };
  jobs[side] = mine;
  const result = { key, name: nameOf(run), steps: [], curves: Object.fromEntries(CURVES.map((name) => [name, []])), done: false, diverged: "" };
  const moveOn = () => {
    if (!mine.next || jobs[side] !== mine) return false;
    const { next } = mine;
    Object.assign(mine, { next: null, wants: "", shown: true });
    computeSide(side, next);
    return true;
  };
  mine.task = pool.submit({ kind: "train", run, seed: state.seed }, 0, (part) => {
    const { from, steps, curves, ...rest } = part;
    result.steps.length = from;
    result.steps.push(...steps);
    for (const name of CURVES) {
      result.curves[name].length = from;
      result.curves[name].push(...curves[name]);
    }
    Object.assign(result, rest);
    results[side] = result;
    mine.shown = true;
    if (moveOn()) return;
    redraw();
    if (result.done) finish(side, result);
  }, (error) => {
    if (moveOn()) return;
    if (error) {
      Object.assign(result, { diverged: error, done: true });
      results[side] = result;
      finish(side, result);
    }
  });
}

function finish(side, result) {
  jobs[side] = null;
  kept.set(result.key, result);
  if (kept.size > 12) kept.delete(kept.keys().next().value);
  after();
}

function after() {
  redraw();
  if (!settled()) return;
  version += 1;
  document.body.dataset.version = version;
  document.body.dataset.settled = performance.now();
  if (!played) playOnce();
  more();
}

// what stands beside the curves, once these are there
let waiting = 0;
function more() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (!settled() || stale()) return;
    const runs = runsOf(state);
    if (state.tab === "seeds") seeds.start(runs, blockOf(state.seed), redrawSide);
    else seeds.stop();
    if (state.tab === "map") maps.start(state.map, state, redrawSide);
    else {
      maps.stop();
      maps.key = "";
    }
    if (state.tab === "forms") startFirst(runs);
    redrawSide();
  }, 60);
}

function startFirst(runs) {
  const key = JSON.stringify([runs, state.seed]);
  if (first.key === key) return;
  first.tasks.forEach((task) => pool.cancel(task));
  Object.assign(first, { key, measured: [], factors: [], tasks: [] });
  runs.forEach((run, s) => {
    if (run.optimiser.name !== "sam") return;
    first.tasks.push(pool.submit({ kind: "factors", run, seed: state.seed, rho: run.optimiser.rho }, 1, ({ factors }) => {
      first.factors[s] = factors;
      redrawSide();
    }));
  });
  const [a, b] = runs;
  if (a.method.name !== "useful" || b.method.name !== "tada" || a.method.k !== b.method.k) return;
  const sets = runs.some(({ distribution }) => distribution.n > 200) ? 40 : 200;
  for (let from = 0; from < sets; from += 20) {
    const items = Array.from({ length: 20 }, (_, i) => [a, b, state.seed + from + i]);
    first.tasks.push(pool.submit({ kind: "initial", items }, 2, ({ index, measured }) => {
      first.measured[from + index] = measured;
      redrawSide();
    }));
  }
}

// ---------------------------------------------------------------- drawing

let frame = 0, sideFrame = 0;
function redraw() {
  if (!frame) frame = requestAnimationFrame(() => { frame = 0; draw(); });
}
function redrawSide() {
  if (!sideFrame) sideFrame = requestAnimationFrame(() => { sideFrame = 0; drawSide(); });
}

function draw() {
  const place = $("#charts"), width = Math.floor(place.clientWidth);
  if (width < 50) return;
  const narrow = phone.matches, above = place.getBoundingClientRect().top + scrollY;
  const height = narrow ? Math.min(260, Math.round(innerHeight * 0.3)) : clamp(innerHeight - above - (innerWidth > 1240 ? 40 : 130), 330, 760);
  drawing = drawCharts({
    results, ghosts: state.ghost === false ? null : ghosts, last: state.steps, view: state, width, height,
    columns: narrow || width < 520 ? 1 : 2, colours: colours(), ranges: settled() ? null : ranges, shown: narrow ? [panel] : null,
  });
  ranges = drawing.ranges;
  place.innerHTML = drawing.svg;
  document.body.dataset.drawn = `${results.a?.steps.length ?? 0} ${results.b?.steps.length ?? 0}`;
  follow();
  $("#point").textContent = settled() ? pointOf(results) : $("#point").textContent;
}

function follow() {
  const svg = $("#charts svg");
  if (!svg || !drawing) return;
  drawNow(svg, drawing, results, pointed ?? at ?? state.steps, pointed !== null);
  $("#scrub").value = 1000 * drawing.along.share(Math.min(at ?? state.steps, state.steps));
  $("#step").textContent = `step ${Math.round(Math.min(at ?? state.steps, state.steps))} of ${state.steps}`;
}

function drawSide() {
  const pane = $("#pane"), width = Math.floor(pane.clientWidth), height = clamp(innerHeight - pane.getBoundingClientRect().top - scrollY - 200, 190, 430);
  if (width < 50 || stale()) return;
  for (const tab of document.querySelectorAll("[data-tab]")) {
    const chosen = tab.dataset.tab === state.tab;
    tab.classList.toggle("on", chosen);
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
  }
  pane.setAttribute("aria-labelledby", `tab-${state.tab}`);
  if (pane.dataset.shows !== state.tab) {
    pane.dataset.shows = state.tab;
    pane.replaceChildren(...{
      seeds: () => [element("div", { id: "seeds-picture" }), element("div", { id: "seeds-text" }), element("p", {}, element("button", { type: "button", id: "more-seeds", onclick: () => { seeds.count += 20; more(); } }, "20 more seeds"))],
      map: () => [element("p", { class: "row", id: "map-kinds" }, ...Object.entries(MAPS).map(([kind, { title, about }]) => element("button", { type: "button", "data-map": kind, title: about, html: subscripts(title), onclick: () => change("map", kind) }))),
        element("div", { id: "map-picture" }), element("p", { id: "told", "aria-live": "polite" }), element("div", { id: "map-text" })],
      forms: () => [element("table", { id: "numbers" })],
    }[state.tab]());
  }
  if (state.tab === "seeds") {
    const { svg, text } = seeds.draw(width, height, colours(), state);
    $("#seeds-picture").innerHTML = svg;
    $("#seeds-text").innerHTML = text;
  } else if (state.tab === "map") {
    const focused = $("#map-picture").contains(document.activeElement);
    mapDrawing = maps.kind === state.map ? maps.draw(width, Math.min(height + 60, width + 70), colours()) : { svg: "", text: "" };
    $("#map-picture").innerHTML = mapDrawing.svg;
    $("#map-text").innerHTML = mapDrawing.text;
    pane.dataset.complete = mapDrawing.complete ?? "";
    pane.dataset.finished = maps.finished;
    if (focused) $("#map-picture svg")?.focus();
    document.querySelectorAll("[data-map]").forEach((button) => {
      button.classList.toggle("on", button.dataset.map === state.map);
      button.setAttribute("aria-pressed", button.dataset.map === state.map);
    });
    if (cursor) moveCursor(0, 0);
  } else {
    const rows = tableRows({ runs: runsOf(state), results, initial: first.measured.filter(Boolean), factors: first.factors });
    $("#numbers").innerHTML = tableHtml(rows, PAGE.presets[preset].rows);
  }
}

function drawStripNow() {
  if (stale()) return;
  const runs = runsOf(state), slow = results.a?.slow ?? results.b?.slow;
  if (!slow) return;
  $("#strip").innerHTML = drawStrip({ runs, slow, width: Math.floor($("#strip").clientWidth), colours: colours() });
}

function show() {
  for (const group of groups) group.show(state);
  for (const button of document.querySelectorAll("[data-preset]")) {
    button.classList.toggle("on", button.dataset.preset === preset);
    button.setAttribute("aria-pressed", button.dataset.preset === preset);
  }
  const base = presetState(preset), changed = Object.keys(PAGE.fields).some((key) => state[key] !== base[key] && !PAGE.fields[key].view);
  $("#look").innerHTML = `${escaped(PAGE.presets[preset].look)}${changed ? ' <span class="changed">(settings changed since)</span>' : ""}`;
  document.querySelectorAll("[data-view]").forEach((button) => {
    button.classList.toggle("on", state[button.dataset.view]);
    button.setAttribute("aria-pressed", state[button.dataset.view]);
  });
  for (const [s, heading] of document.querySelectorAll(".controls h2 .name").entries()) heading.textContent = nameOf(runsOf(state)[s]);
  redraw();
  redrawSide();
  drawStripNow();
}

function say(text) {
  $("#message").textContent = text;
}
const refuse = (text) => say(text);

// ---------------------------------------------------------------- changes and history

function remember(push) {
  const address = writeAddress(state, preset), url = address ? `#${address}` : "#";
  if (push) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
}

function change(key, value) {
  const moved = state[key] !== value;
  state = { ...state, [key]: value };
  say("");
  if (moved && !PAGE.fields[key].view) before(key);
  remember(false);
  if (PAGE.fields[key].view) {
    show();
    more();
  } else {
    at = null;
    compute();
  }
}

// the ghost: what was shown before a series of changes of one control
function before(key) {
  const now = performance.now();
  if (gesture.key !== key || now - gesture.time > 2000) {
    if (settled()) ghosts = { ...results };
  }
  gesture = { key, time: now };
}

function become(next, push) {
  const steps = state.steps;
  ({ state, preset, message } = next);
  ghosts = null;
  ranges = null;
  at = null;
  gesture = { key: "", time: 0 };
  cursor = null;
  stopPlaying();
  if (push) remember(true);
  compute();
  more();
}
const choose = (name) => become({ state: presetState(name), preset: name, message: "" }, true);
addEventListener("popstate", () => become(readAddress(location.hash, PAGE.first), false));

// ---------------------------------------------------------------- time

let playing = 0, played = false;
const SECONDS = 3;
function startPlaying() {
  const from = at === null || at >= state.steps ? 0 : drawing.along.share(at), began = performance.now();
  const tick = (time) => {
    const share = Math.max(from, from + (time - began) / 1000 / SECONDS);
    if (share >= 1) return stopPlaying(null);
    at = drawing.along.step(share);
    follow();
    playing = requestAnimationFrame(tick);
  };
  $("#play").textContent = "Pause";
  playing = requestAnimationFrame(tick);
}
function stopPlaying(then = undefined) {
  cancelAnimationFrame(playing);
  playing = 0;
  if (then !== undefined) at = then;
  $("#play").textContent = "Play";
  follow();
}
function playOnce() {
  played = true;
  if (calm.matches || document.hidden) return;
  draw();
  startPlaying();
}

// ---------------------------------------------------------------- the page

const keysOf = (side) => Object.keys(PAGE.fields).filter((key) => key.startsWith(`${side}.`));
const shared = Object.keys(PAGE.fields).filter((key) => !key.includes(".") && !PAGE.fields[key].view);
const freshSeed = element("button", { type: "button", class: "fresh", title: "the next seed: other data, other first weights", onclick: () => change("seed", (state.seed + 1) % 1000000) }, "New data");
const groups = [
  makeGroup('A: <span class="name"></span>', keysOf("a"), change, refuse, { kind: "a" }),
  makeGroup('B: <span class="name"></span>', keysOf("b"), change, refuse, { kind: "b" }),
  makeGroup("Both sides", shared, change, refuse),
];
groups[2].node.querySelector(".field").after(freshSeed);
$(".controls").append(...groups.map(({ node }) => node));
$(".presets").append(...Object.entries(PAGE.presets).map(([name, { title }]) => element("button", { type: "button", "data-preset": name, title, onclick: () => choose(name) },
  ...title.split(" ").map((word, i) => element("span", { class: i ? "word" : "" }, word)))));
$(".views").append(...["log_steps", "log_values"].map((key) => element("button", { type: "button", "data-view": key, title: PAGE.fields[key].about, onclick: () => change(key, !state[key]) }, PAGE.fields[key].label)));
$("#panels").append(...PANELS.map(({ id, title }) => element("button", { type: "button", "data-shows": id, onclick: () => { panel = id; choosePanel(); } }, title)));
$("#words").append(...Object.keys(WORDS).map((word) => element("button", { type: "button", "aria-expanded": "false", onclick: ({ target }) => {
  const open = target.getAttribute("aria-expanded") === "true";
  document.querySelectorAll("#words button").forEach((button) => button.setAttribute("aria-expanded", "false"));
  target.setAttribute("aria-expanded", String(!open));
  $("#meaning").hidden = open;
  $("#meaning").textContent = open ? "" : WORDS[word];
} }, word)));
function choosePanel() {
  document.querySelectorAll("[data-shows]").forEach((button) => button.classList?.toggle("on", button.dataset.shows === panel));
  redraw();
}
choosePanel();

$("#play").addEventListener("click", () => (playing ? stopPlaying(at) : startPlaying()));
$("#scrub").addEventListener("input", ({ target }) => {
  stopPlaying();
  const step = Math.round(drawing.along.step(target.value / 1000));
  at = step >= state.steps ? null : step;
  target.setAttribute("aria-valuetext", `step ${step}`);
  follow();
});
const charts = $("#charts");
charts.addEventListener("pointermove", (event) => {
  if (!drawing || playing) return;
  const box = charts.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top;
  const over = drawing.placed.find(({ box: b }) => px >= b.x - 4 && px <= b.x + b.w + 4 && py >= b.y - 20 && py <= b.y + b.h + 12);
  const nearest = over ? drawing.along.step(clamp((px - over.box.x) / over.box.w, 0, 1)) : null;
  const side = results.a && !results.a.diverged ? results.a : results.b;
  pointed = nearest === null || !side || side.diverged || !side.steps.length ? null : side.steps[measuredAt(side, nearest)] ?? null;
  follow();
});
charts.addEventListener("pointerleave", () => { pointed = null; follow(); });

$(".tabs").addEventListener("click", ({ target }) => { if (target.dataset.tab) change("tab", target.dataset.tab); });
$(".tabs").addEventListener("keydown", (event) => {
  const tabs = ["seeds", "map", "forms"], step = { ArrowRight: 1, ArrowLeft: 2 }[event.key];
  if (!step) return;
  change("tab", tabs[(tabs.indexOf(state.tab) + step) % 3]);
  $(`#tab-${state.tab}`).focus();
});
const cellAt = (event) => {
  const box = $("#map-picture").getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  return mapDrawing?.hot?.findLast(({ a, b, c, d }) => x >= a && x <= b && y >= c && y <= d);
};
let cursor = null;
function goTo(cell) {
  const target = maps.target(cell);
  for (const key of Object.keys(target)) {
    const field = PAGE.fields[key];
    if (typeof target[key] === "number") target[key] = clamp(target[key], field.least, field.most);
  }
  before("map");
  state = { ...target, tab: state.tab, map: state.map };
  remember(false);
  compute();
}
// arrow keys in the map: to the nearest cell in that direction
function moveCursor(dx, dy) {
  const { hot } = mapDrawing ?? {};
  if (!hot?.length) return;
  const middle = ({ a, b, c, d }) => [(a + b) / 2, (c + d) / 2];
  if (!cursor) cursor = middle(hot[hot.length - 1]);
  const current = hot.findLast(({ a, b, c, d }) => cursor[0] >= a && cursor[0] <= b && cursor[1] >= c && cursor[1] <= d) ?? hot[0];
  const [mx, my] = middle(current), aim = [mx + dx * (current.b - current.a), my + dy * (current.d - current.c)];
  const next = hot.findLast(({ a, b, c, d }) => aim[0] >= a && aim[0] <= b && aim[1] >= c && aim[1] <= d) ?? current;
  cursor = middle(next);
  const mark = $("#map-picture .cursor");
  for (const [name, value] of Object.entries({ x: next.a, y: next.c, width: next.b - next.a, height: next.d - next.c, display: "inline" })) mark?.setAttribute(name, value);
  $("#told").textContent = maps.tell(next);
  return next;
}
const pane = $("#pane");
pane.addEventListener("pointermove", (event) => {
  if (state.tab !== "map" || !event.target.closest("#map-picture")) return;
  const cell = cellAt(event);
  $("#told").textContent = cell ? `${maps.tell(cell)}. Click to go there.` : "";
});
pane.addEventListener("click", (event) => {
  const dot = event.target.closest(".dot");
  if (dot) change("seed", Number(dot.dataset.seed));
  if (state.tab === "map" && event.target.closest("#map-picture")) {
    const cell = cellAt(event);
    if (cell) goTo(cell);
  }
});
pane.addEventListener("keydown", (event) => {
  if (state.tab !== "map" || event.target.tagName !== "svg") return;
  const move = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (move) {
    event.preventDefault();
    moveCursor(...move);
  }
  if (event.key === "Enter") {
    const cell = moveCursor(0, 0);
    if (cell) goTo(cell);
  }
});

async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    const field = element("textarea", { readonly: true }, text);
    button.after(field);
    field.select();
    button.textContent = document.execCommand("copy") ? "Copied" : "Not allowed here";
    field.remove();
  }
  setTimeout(() => { button.textContent = label; }, 1200);
}
$("#link").addEventListener("click", ({ target }) => copy(location.href, target));
$("#code").addEventListener("click", () => {
  $("#python").textContent = pythonCode(state);
  $("#shell").textContent = shellCode(state);
  $("#code-dialog").showModal();
});
document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", () => copy($(`#${button.dataset.copy}`).textContent, button)));
$("#save").addEventListener("click", () => $("#save-dialog").showModal());
const SAVES = {
  csv: () => download("tada.csv", "text/csv", csvOf(state, results)),
  json: () => download("tada.json", "application/json", jsonOf(state, preset, results, seeds)),
  svg: () => download("tada.svg", "image/svg+xml", figureOf(state, results, ghosts)),
  png: () => pngOf(figureOf(state, results, ghosts), (blob) => download("tada.png", "image/png", blob)),
};
document.querySelectorAll("[data-save]").forEach((button) => button.addEventListener("click", () => SAVES[button.dataset.save]()));

// ---------------------------------------------------------------- tour

let stop = -1;
function tour(next) {
  document.querySelectorAll(".touring").forEach((node) => node.classList.remove("touring"));
  stop = next;
  $("#tour-card").hidden = stop < 0;
  if (stop < 0) return;
  const [target, text] = TOUR[stop];
  if (stop === 0 && preset !== "start") choose("start");
  if (stop === TOUR.length - 1 && state.tab !== "seeds") change("tab", "seeds");
  const found = target.split(", ").map((one) => $(one)).find(Boolean), node = found?.closest("svg") ? $("#charts") : found;
  const shown = /panel=(\w+)/.exec(target);
  if (shown && phone.matches) {
    panel = shown[1];
    choosePanel();
  }
  node?.classList.add("touring");
  node?.scrollIntoView({ block: "nearest" });
  $("#tour-text").textContent = text;
  $("#tour-place").textContent = `${stop + 1} of ${TOUR.length}`;
  $("#tour-back").disabled = stop === 0;
  $("#tour-next").textContent = stop === TOUR.length - 1 ? "Done" : "Next";
  if (stop === 1 && drawing && !calm.matches) startPlaying();
}
$("#tour").addEventListener("click", () => { tour(0); $("#tour-next").focus(); });
$("#tour-next").addEventListener("click", () => tour(stop === TOUR.length - 1 ? -1 : stop + 1));
$("#tour-back").addEventListener("click", () => tour(stop - 1));
$("#tour-end").addEventListener("click", () => { tour(-1); $("#tour").focus(); });
addEventListener("keydown", ({ key }) => { if (key === "Escape" && stop >= 0) { tour(-1); $("#tour").focus(); } });

for (const query of [darkness, phone]) query.addEventListener("change", () => { show(); });
new ResizeObserver(() => { redraw(); redrawSide(); drawStripNow(); }).observe(document.body);
const stripFrom = setInterval(() => {
  if (results.a?.slow || results.b?.slow) {
    clearInterval(stripFrom);
    drawStripNow();
  }
}, 30);
compute();
