"use strict";
// The map: both runs at every point of two axes, on the seed shown; coarse first, then finer.

const evenly = (low, high, count) => Array.from({ length: count }, (_, i) => Number((low + ((high - low) * i) / (count - 1)).toPrecision(6)));

// each: axes [name, values by level], how a cell changes the state, what it shows
const MAPS = {
  regimes: {
    title: "α, β_d/β_e", about: "Test error, B − A, over how often the fast feature is there and how strong the slow one is",
    x: { label: "α, share with the fast feature", low: 0.5, high: 0.98, log: false },
    y: { label: "β_d/β_e", low: 0.2, high: 0.84, log: false },
    counts: [3, 5, 9, 17], difference: true,
    state: (state, x, y) => ({ ...state, alpha: x, beta_d: Number((y * state.beta_e).toPrecision(4)) }),
    at: (state) => [state.alpha, state.beta_d / state.beta_e],
  },
  landscape: {
    title: "κ, φ", about: "Test error of B over what its variants keep: κ of the noise, φ of the features",
    x: { label: "κ, noise kept", low: 0, high: 1, log: false }, y: { label: "φ, features kept", low: 0, high: 1, log: false },
    counts: [3, 5, 9, 17], difference: false, passes: 6,
    state: (state, x, y) => ({ ...state, "b.kappa": x, "b.fidelity": y }),
    at: (state) => [state["b.kappa"], state["b.fidelity"]],
    fits: (state) => (VARIANT_METHODS.includes(state["b.method"]) ? "" : "B adds no variants: choose tada, syn-all or syn-rand for it."),
    paths: [3, 5],
  },
  tolerance: {
    title: "k, s", about: "Alignment with noise at the first step, B : A, over k of both sides and the size s of variants' noise",
    x: { label: "k of both sides", low: 2, high: 10, log: false, whole: true }, y: { label: "s of B", low: 0.5, high: 2.1, log: false },
    counts: [3, 5, 9, 9], initial: true,
    state: (state, x, y) => ({ ...state, "a.k": x, "b.k": x, "b.scale": y }),
    at: (state) => [state["b.k"], state["b.scale"]],
    fits: (state) => (state["a.method"] === "useful" && state["b.method"] === "tada" ? "" : "This map compares copies with variants: choose useful for A and tada for B."),
  },
  race: {
    title: "S, ηT", about: "Test error, B − A, over the strength of the slow feature, which sets S, and time; lines: when the race law says that the slow feature is learned",
    x: { label: "β_d", low: 0.26, high: 0.74, log: false }, y: { label: "η × steps", log: true },
    counts: [5, 9, 17], difference: true, columns: true,
    state: (state, x) => ({ ...state, beta_d: x }),
    at: (state) => [state.beta_d, state.eta * state.steps],
  },
  factor: {
    title: "k", about: "Test error after the last step against k, %: thin lines are seeds, thick ones their mean with its 95% interval",
    factors: [1, 2, 3, 5, 8, 12], seeds: 20,
    state: (state, k) => ({ ...state, "a.k": k, "b.k": k }),
    fits: (state) => (SIDES.some((side) => state[`${side}.method`] !== "original") ? "" : "Neither side adds examples: choose useful or tada."),
  },
};

class Maps {
  constructor(pool) {
    Object.assign(this, { pool, key: "", tasks: [], cells: new Map(), kept: new Map() });
  }

  stop() {
    this.tasks.forEach((task) => this.pool.cancel(task));
    this.tasks = [];
  }

  // begins the map of a state; what is known of it is kept
  start(kind, state, redraw) {
    const map = MAPS[kind], moved = map.factors ? map.state(state, 2) : map.state(state, map.x.low, map.y.low ?? 1);
    const plain = Object.fromEntries(Object.entries(moved).filter(([key]) => !PAGE.fields[key].view));
    const key = JSON.stringify([kind, plain]);
    if (key === this.key) return;
    this.stop();
    if (this.kept.size > 8) this.kept.delete(this.kept.keys().next().value);
    this.cells = this.kept.get(key) ?? new Map();
    this.kept.set(key, this.cells);
    Object.assign(this, { key, kind, map, state, redraw, problem: map.fits?.(state) ?? "" });
    if (this.problem) return;
    if (map.factors) this.startFactors();
    else this.startGrid();
  }

  // a task for one cell; a cell that cannot be trained says why
  ask(id, message, urgency, take) {
    if (this.cells.has(id)) return;
    const { key } = this;
    this.tasks.push(this.pool.submit(message, urgency, (part) => {
      if (this.key === key) {
        take(part);
        this.redraw();
      }
    }, (error) => {
      if (error && this.key === key) {
        this.cells.set(id, { problem: error });
        this.redraw();
      }
    }));
  }

  axes(level) {
    const { map, state } = this, count = map.counts[level];
    const x = evenly(map.x.low, map.x.high, count);
    const last = state.steps, y = map.columns
      ? [...new Set(evenly(Math.log(Math.max(5, last / 16)), Math.log(last), 13).map((v) => Math.round(Math.exp(v))))]
      : evenly(map.y.low, map.y.high, level === 3 && map.initial ? 17 : count);
    return { x, y };
  }

  startGrid() {
    const { map, state } = this;
    map.counts.forEach((_, level) => {
      const { x, y } = this.axes(level);
      if (map.columns) {
        for (const column of x) this.column(column, y, 3 + level);
        return;
      }
      for (const row of y) for (const column of x) this.cell(column, row, 3 + level);
    });
    // further seeds at the coarser levels, once the first seed is there
    for (let pass = 1; pass < (map.passes ?? 1); pass++) {
      const { x, y } = this.axes(2);
      for (const row of y) for (const column of x) this.cell(column, row, 5.5 + pass / 10, pass);
    }
  }

  runsAt(...place) {
    try {
      return runsOf(this.map.state(this.state, ...place));
    } catch (error) {
      return error.message;
    }
  }

  cell(x, y, urgency, pass = 0) {
    const id = pass ? `${x} ${y} ${pass}` : `${x} ${y}`, seed = this.state.seed + pass, runs = this.runsAt(x, y);
    if (typeof runs === "string") {
      this.cells.set(id, { problem: runs });
      return;
    }
    if (this.map.initial) {
      this.ask(id, { kind: "initial", items: [[runs[0], runs[1], seed]] }, urgency, ({ measured }) => {
        this.cells.set(id, { value: measured[1].alignment / measured[0].alignment });
      });
      return;
    }
    const found = [];
    const wanted = this.map.difference ? [0, 1] : [1];
    this.ask(id, { kind: "outcomes", items: wanted.map((s) => [runs[s], seed]) }, urgency, ({ index, result }) => {
      found[wanted[index]] = result;
      if (wanted.some((s) => !found[s])) return;
      const lost = wanted.find((s) => found[s].diverged);
      if (lost !== undefined) this.cells.set(id, { problem: `${SIDES[lost].toUpperCase()}: ${found[lost].diverged}` });
      else {
        this.cells.set(id, {
          value: 100 * (this.map.difference ? found[1].error - found[0].error : found[1].error),
          errors: found.map((one) => one && 100 * one.error), learned: found.map((one) => one && isLearned(one)),
          predicted: found.map((one, s) => one && predictedLearned(one.race, runs[s])),
        });
      }
    });
  }

  // a cell's mean over the seeds that are there
  mean(x, y, cell) {
    const all = [cell];
    for (let pass = 1; pass < (this.map.passes ?? 1); pass++) all.push(this.cells.get(`${x} ${y} ${pass}`));
    const known = all.filter((one) => one?.value !== undefined);
    if (known.length < 2) return cell;
    const value = known.reduce((sum, one) => sum + one.value, 0) / known.length;
    return { value, errors: [undefined, value], seeds: known.length };
  }

  column(x, steps, urgency) {
    const id = `${x}`, runs = this.runsAt(x);
    if (typeof runs === "string") {
      this.cells.set(id, { problem: runs });
      return;
    }
    const found = [];
    this.ask(id, { kind: "outcomes", items: runs.map((run) => [run, this.state.seed]), wanted: steps }, urgency, ({ index, result }) => {
      found[index] = result;
      if (!found[0] || !found[1]) return;
      const lost = found.find((one) => one.diverged);
      this.cells.set(id, lost ? { problem: lost.diverged } : {
        races: found.map(({ race }) => race),
        rows: steps.map((step) => {
          const [a, b] = found.map((one) => 100 * one.errors[one.steps.indexOf(step)]);
          return { value: b - a, errors: [a, b] };
        }),
      });
    });
  }

  startFactors() {
    const { map, state } = this;
    for (let s = 0; s < map.seeds; s++) {
      for (const k of map.factors) {
        const id = `${k} ${s}`, runs = this.runsAt(k);
        if (typeof runs === "string") {
          this.cells.set(id, { problem: runs });
          continue;
        }
        const found = [];
        this.ask(id, { kind: "outcomes", items: runs.map((run) => [run, blockOf(state.seed) + s]) }, 3 + s / 10, ({ index, result }) => {
          found[index] = result;
          if (found[0] && found[1]) this.cells.set(id, { errors: found.map((one) => (one.diverged ? null : 100 * one.error)) });
        });
      }
    }
  }

  get finished() {
    return Boolean(this.problem) || !this.tasks.some(({ wanted }) => wanted);
  }

  // the value of a map as a colour: side's colours where it is better, or dark where it is worse
  colour(value, most, colours, least = 0) {
    const mix = (one, other, share) => {
      const parts = [one, other].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
      return `rgb(${parts[0].map((v, i) => Math.round(v + (parts[1][i] - v) * share)).join(",")})`;
    };
    if (!this.map.difference && !this.map.initial) return mix("#fdf6e3", "#3d1450", clamp((value - least) / Math.max(most - least, 1e-9), 0, 1));
    const size = clamp((this.map.initial ? Math.log(value) : value) / most, -1, 1);
    return mix(colours.back, size < 0 ? colours.b : colours.a, Math.abs(size) ** 0.7);
  }

  draw(width, height, colours) {
    const { map, state } = this;
    if (!map) return { svg: "", text: "" };
    if (this.problem) return { svg: "", text: `<p>${escaped(this.problem)}</p>` };
    return map.factors ? this.drawFactors(width, height, colours) : this.drawGrid(width, height, colours);
  }

  drawGrid(width, height, colours) {
    const { map, state, cells } = this, parts = [], hot = [];
    const box = { x: 40, y: map.columns ? 30 : 12, w: width - 52, h: Math.max(120, height - (map.columns ? 92 : 76)) };
    const low = (axis, values) => (axis.log ? Math.log(values[0]) : values[0]);
    const scale = (axis, values, from, size, flip) => {
      const first = low(axis, values), last = axis.log ? Math.log(values.at(-1)) : values.at(-1), half = (last - first) / (values.length - 1) / 2;
      return (value) => {
        const share = ((axis.log ? Math.log(value) : value) - first + half) / (last - first + 2 * half);
        return from + size * (flip ? 1 - share : share);
      };
    };
    const finest = this.axes(map.counts.length - 1), sizes = [];
    const scaleX = scale(map.x, finest.x, box.x, box.w, false), scaleY = scale(map.y, finest.y, box.y, box.h, true);
    // where a cell begins and ends in the picture, from `low` to `high`
    const edges = (values, place, low, high) => {
      const at = values.map(place);
      return (i) => {
        const before = i > 0 ? (at[i] + at[i - 1]) / 2 : at[0] - (at[1] - at[0]) / 2, after = i < at.length - 1 ? (at[i] + at[i + 1]) / 2 : at[i] + (at[i] - at[i - 1]) / 2;
        return [Math.min(before, after), Math.max(before, after)].map((end) => clamp(end, low, high));
      };
    };
    const cellEdges = ({ x, y }) => [edges(x, scaleX, box.x, box.x + box.w), edges(y, scaleY, box.y, box.y + box.h)];
    const known = [...cells.values()].flatMap((cell) => (cell.rows ?? [cell])).filter(({ value }) => Number.isFinite(value)).map(({ value }) => (map.initial ? Math.abs(Math.log(value)) : Math.abs(value)));
    const most = Math.max(...known, map.initial ? 0.5 : 1);
    const least = Math.min(most, ...known);
    let complete = -1;
    map.counts.forEach((_, level) => {
      const { x, y } = this.axes(level), [across, up] = cellEdges({ x, y });
      let all = true;
      x.forEach((column, i) => {
        const [a, b] = across(i);
        y.forEach((row, r) => {
          const cell = map.columns ? cells.get(`${column}`) : cells.get(`${column} ${row}`);
          if (!cell) { all = false; return; }
          const one = cell.rows ? cell.rows[r] : this.mean(column, row, cell), [c, d] = up(r);
          parts.push(`<rect x="${a.toFixed(1)}" y="${c.toFixed(1)}" width="${(b - a + 0.3).toFixed(1)}" height="${(d - c + 0.3).toFixed(1)}" fill="${one.problem || one.value === undefined || Number.isNaN(one.value) ? colours.rule : this.colour(one.value, most, colours, least)}"/>`);
          hot.push({ a, b, c, d, column, row, cell: one, races: cell.races });
        });
      });
      if (all) complete = level;
    });
    parts.push(`<rect x="${box.x}" y="${box.y}" width="${box.w}" height="${box.h}" fill="none" stroke="${colours.grey}"/>`);
    const inside = (list, place, from, to) => list.filter((mark) => place(mark) >= from && place(mark) <= to);
    const marksX = map.x.whole ? [2, 4, 6, 8, 10] : ticks(map.x.low, map.x.high, 5);
    for (const mark of marksX) parts.push(`<text x="${scaleX(mark).toFixed(1)}" y="${box.y + box.h + 13}" text-anchor="middle" fill="${colours.grey}">${mark}</text>`);
    const marksY = map.columns ? finest.y.filter((_, i) => i % 3 === 0) : ticks(map.y.low, map.y.high, 5);
    for (const mark of marksY) parts.push(`<text x="${box.x - 4}" y="${scaleY(mark).toFixed(1)}" dy="0.33em" text-anchor="end" fill="${colours.grey}">${map.columns ? short(mark * state.eta) : mark}</text>`);
    parts.push(`<text x="${box.x + box.w / 2}" y="${box.y + box.h + 28}" text-anchor="middle" fill="${colours.ink}">${svgSub(map.x.label)}</text>`,
      `<text transform="translate(10 ${box.y + box.h / 2}) rotate(-90)" text-anchor="middle" fill="${colours.ink}">${svgSub(map.y.label)}</text>`);
    const line = (points, colour, dash = "", thick = 2.2) => {
      const path = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
      parts.push(`<path d="${path}" fill="none" stroke="${colours.back}" stroke-width="${thick + 2}" clip-path="url(#map-clip)"/><path class="boundary" d="${path}" fill="none" stroke="${colour}" stroke-width="${thick}" stroke-dasharray="${dash}" clip-path="url(#map-clip)"/>`);
    };
    parts.push(`<clipPath id="map-clip"><rect x="${box.x}" y="${box.y}" width="${box.w}" height="${box.h}"/></clipPath>`);
    if (map.initial) line(evenly(1.5, 10.5, 60).map((k) => [scaleX(k), scaleY((k + 1) ** 0.25)]), colours.ink);
    for (const power of map.paths ?? []) {
      line(evenly(0, 1, 60).map((t) => [scaleX(Math.sqrt(1 - t)), scaleY(1 - t ** power)]), power === 3 ? colours.a : colours.b, "6 3");
      [0.3, 0.5, 0.7].forEach((t) => parts.push(`<circle cx="${scaleX(Math.sqrt(1 - t)).toFixed(1)}" cy="${scaleY(1 - t ** power).toFixed(1)}" r="3" fill="${power === 3 ? colours.a : colours.b}" stroke="${colours.back}"/>`));
    }
    if (map.difference && !map.columns && complete >= 0) this.boundaries(complete, cellEdges, line, colours);
    if (map.columns) {
      const there = finest.x.filter((x) => cells.get(`${x}`)?.races);
      SIDES.forEach((side, s) => {
        const points = there.map((x) => [x, cells.get(`${x}`).races[s]]).filter(([, race]) => race).map(([x, race]) => [scaleX(x), scaleY(clamp(race.step, 1, 1e7))]);
        if (points.length > 1) line(points, colours[side]);
      });
      const chosen = this.axes(0).x.filter((x) => there.includes(x));
      for (const x of chosen) {
        const race = cells.get(`${x}`).races[0];
        if (race) parts.push(`<text x="${scaleX(x).toFixed(1)}" y="${box.y - 5}" text-anchor="middle" fill="${colours.grey}">${short(race.ratio)}</text>`);
      }
      parts.push(`<text x="${box.x}" y="${box.y - 18}" fill="${colours.ink}">S</text>`);
    }
    const [hereX, hereY] = map.at(state), px = scaleX(hereX), py = scaleY(map.columns ? state.steps : hereY);
    if (px >= box.x && px <= box.x + box.w && py >= box.y - 1 && py <= box.y + box.h) {
      parts.push(`<circle class="here" cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="5" fill="none" stroke="${colours.back}" stroke-width="4"/><circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="5" fill="none" stroke="${colours.ink}" stroke-width="2"/>`);
    }
    const total = box.y + box.h + 34;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" font-size="11" font-family="${FONT}" tabindex="0" role="application" aria-label="${escaped(map.about)}. Arrow keys move, Enter goes there.">${parts.join("")}<rect class="cursor" fill="none" stroke="${colours.ink}" stroke-width="2" display="none"/></svg>`;
    return { svg, hot, box, complete, text: this.caption(most, least) };
  }

  // where the race law's prediction changes between neighbouring cells
  boundaries(level, cellEdges, line, colours) {
    const { x, y } = this.axes(level), [across, up] = cellEdges({ x, y });
    SIDES.forEach((side, s) => {
      const predicted = (i, r) => this.cells.get(`${x[i]} ${y[r]}`)?.predicted?.[s];
      const shift = s ? 1 : -1; // both lines stay visible where they coincide
      x.forEach((_, i) => y.forEach((_row, r) => {
        const here = predicted(i, r), [left, right] = across(i), [top, bottom] = up(r);
        if (here === undefined || here === null) return;
        const right_ = i + 1 < x.length ? predicted(i + 1, r) : here, upper_ = r + 1 < y.length ? predicted(i, r + 1) : here;
        if (right_ !== undefined && right_ !== null && right_ !== here) line([[right + shift, top], [right + shift, bottom]], colours[side]);
        if (upper_ !== undefined && upper_ !== null && upper_ !== here) line([[left, top + shift], [right, top + shift]], colours[side]);
      }));
    });
  }

  drawFactors(width, height, colours) {
    const { map, cells } = this, parts = [];
    const box = { x: 34, y: 10, w: width - 46, h: Math.max(120, height - 70) };
    const series = SIDES.map((_, s) => Array.from({ length: map.seeds }, (_seed, i) =>
      map.factors.map((k) => cells.get(`${k} ${i}`)?.errors?.[s] ?? null)));
    const top = Math.max(1, ...series.flat(2).filter((value) => value !== null)) * 1.05;
    const x = (i) => box.x + (box.w * (i + 0.3)) / (map.factors.length - 0.4), y = (value) => box.y + box.h * (1 - value / top);
    for (const mark of ticks(0, top, 4)) parts.push(`<path d="M${box.x} ${y(mark).toFixed(1)}h${box.w}" stroke="${colours.rule}"/><text x="${box.x - 4}" y="${y(mark).toFixed(1)}" dy="0.33em" text-anchor="end" fill="${colours.grey}">${mark}</text>`);
    map.factors.forEach((k, i) => parts.push(`<text x="${x(i).toFixed(1)}" y="${box.y + box.h + 13}" text-anchor="middle" fill="${colours.grey}">${k}</text>`));
    const path = (values) => values.map((value, i) => (value === null ? null : [x(i), y(value)])).filter(Boolean).map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("");
    const words = [];
    SIDES.forEach((side, s) => {
      for (const values of series[s]) parts.push(`<path d="${path(values)}" fill="none" stroke="${colours[side]}" stroke-opacity="0.4"/>`);
      const means = map.factors.map((_, i) => meanInterval(series[s].map((values) => values[i])));
      parts.push(`<path d="${path(means.map(([mean]) => mean))}" fill="none" stroke="${colours[side]}" stroke-width="2.6"/>`);
      means.forEach(([mean, half], i) => {
        if (mean === null) return;
        const at = x(i) + (s ? 3 : -3);
        if (half !== null) parts.push(`<path d="M${at.toFixed(1)} ${y(Math.max(0, mean - half)).toFixed(1)}V${y(Math.min(top, mean + half)).toFixed(1)}" stroke="${colours[side]}" stroke-width="1.6"/>`);
        parts.push(`<circle class="factor" data-side="${side}" data-k="${map.factors[i]}" data-mean="${mean.toFixed(3)}" cx="${at.toFixed(1)}" cy="${y(mean).toFixed(1)}" r="3.5" fill="${colours[side]}"><title>${side.toUpperCase()}, k = ${map.factors[i]}: ${withInterval([mean, half])}%</title></circle>`);
      });
      words.push(`<b class="${side}">${side.toUpperCase()}</b> ${means.map((one, i) => `k ${map.factors[i]}: ${withInterval(one)}`).join(", ")}`);
    });
    parts.push(`<text x="${box.x + box.w / 2}" y="${box.y + box.h + 28}" text-anchor="middle" fill="${colours.ink}">k</text>`);
    const total = box.y + box.h + 34;
    const done = Math.min(...series.map((list) => list.filter((values) => values.every((value) => value !== null)).length));
    return {
      svg: `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" font-size="11" font-family="${FONT}" role="img" aria-label="${escaped(map.about)}">${parts.join("")}</svg>`,
      text: `<p>${escaped(map.about)}; seeds ${blockOf(this.state.seed)} to ${blockOf(this.state.seed) + map.seeds - 1}${done < map.seeds ? ` (${done} of ${map.seeds} so far)` : ""}.</p><p>${words.join("<br>")}</p>`,
    };
  }

  caption(most, least) {
    const { map } = this, words = [];
    if (map.initial) words.push(`<b class="b">green</b>: variants align less with noise than copies, down to ${short(Math.exp(-most))} times; <b class="a">purple</b>: more. Line: the closed form's boundary s⁴ = k + 1.`);
    else if (map.difference) {
      words.push(`<b class="b">green</b>: B errs less, by up to ${short(most)} points; <b class="a">purple</b>: A errs less.`);
      words.push(map.columns ? "Lines: when the race law says that <b class=\"a\">A</b> and <b class=\"b\">B</b> learn the slow feature. S above: that of A." : "Lines: beyond them the race law says that <b class=\"a\">A</b>, <b class=\"b\">B</b> learns the slow feature.");
    } else words.push(`Darker is worse: from ${percent(least)} to ${short(most)}% test error of B, mean of up to ${map.passes} seeds. Paths of strength t with κ = √(1-t): <b class="a">φ = 1 - t³</b>, <b class="b">φ = 1 - t⁵</b>; dots at t = 0.3, 0.5, 0.7.`);
    return `<p>${words.join(" ")}</p>`;
  }

  // one line about a cell, and the state that a click leads to
  tell({ column, row, cell, races }) {
    const { map, state } = this, values = (s) => (cell.errors?.[s] === undefined || cell.errors[s] === null ? "" : `${SIDES[s].toUpperCase()} ${short(cell.errors[s])}%`);
    const place = map.columns ? `β_d = ${column}, step ${row}` : `${map.x.label.split(",")[0]} = ${column}, ${map.y.label.split(",")[0]} = ${row}`;
    if (cell.problem) return `${place}: ${cell.problem}`;
    if (map.initial) return `${place}: noise alignment B : A ${short(cell.value)}, closed form ${short(noiseAlignmentRatio(1 - state.alpha, column, row))}`;
    const parts = [values(0), values(1)].filter(Boolean);
    if (cell.seeds) parts.push(`mean of ${cell.seeds} seeds`);
    if (map.difference) parts.push(`B − A ${short(cell.value, true)} points`);
    if (cell.predicted && cell.predicted.some((one) => one !== null && one !== undefined)) {
      parts.push(`slow feature: ${[0, 1].filter((s) => cell.learned[s] !== undefined).map((s) => `${SIDES[s].toUpperCase()} ${cell.learned[s] ? "learned" : "not learned"}${cell.predicted[s] === null ? "" : cell.predicted[s] === cell.learned[s] ? " as predicted" : ", against the prediction"}`).join(", ")}`);
    }
    if (races?.[0]) parts.push(`S = ${short(races[0].ratio)}`);
    return `${place}: ${parts.join("; ")}`;
  }

  target({ column, row }) {
    const { map, state } = this;
    return map.columns ? { ...map.state(state, column), steps: row } : map.state(state, column, row);
  }
}
