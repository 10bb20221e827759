"use strict";
// Many seeds: who learns the slow feature, beside what the race law predicts; mean test errors.

// Student's t: the 97.5% quantile (Cornish-Fisher expansion; within 1% from 4 degrees on)
function quantile(dof) {
  const z = 1.959963984540054;
  if (dof === 1) return 12.706;
  if (dof === 2) return 4.303;
  if (dof === 3) return 3.182;
  return z + (z ** 3 + z) / (4 * dof) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * dof ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * dof ** 3);
}

// [mean, half-width of its 95% interval, number]; the half-width is null for one value
function meanInterval(values) {
  const known = values.filter((value) => value !== null && value !== undefined && Number.isFinite(value)), n = known.length;
  if (n === 0) return [null, null, 0];
  const mean = known.reduce((a, b) => a + b, 0) / n;
  if (n === 1) return [mean, null, 1];
  const variance = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return [mean, quantile(n - 1) * Math.sqrt(variance / n), n];
}

const withInterval = ([mean, half], unit = 1, signed = false) => {
  if (mean === null) return "–";
  const digits = (value, sign) => (Math.abs(value) < 0.0005 ? "0.000" : short(value, sign));
  return digits(mean * unit, signed) + (half === null ? "" : ` ± ${digits(half * unit)}`);
};

// the first of the many seeds: a block of 20, so that a click on one of them keeps the block
const blockOf = (seed) => seed - (seed % 20);

const predictedLearned = (race, run) => (race ? race.step <= run.optimiser.steps : null);
const isLearned = (result) => result.times[1] !== null;

class Seeds {
  constructor(pool) {
    Object.assign(this, { pool, key: "", count: 20, tasks: [], results: null });
  }

  stop() {
    this.tasks.forEach((task) => this.pool.cancel(task));
    this.tasks = [];
  }

  // begins or goes on with seeds first ... first + count - 1 of both runs
  start(runs, first, redraw) {
    const key = JSON.stringify([runs, first]);
    if (key !== this.key) {
      this.stop();
      Object.assign(this, { key, runs, first, results: { a: [], b: [] } });
    }
    this.redraw = redraw;
    if (this.tasks.some((task) => task.wanted)) return;
    this.tasks = [];
    for (let s = 0; s < this.count; s++) {
      const missing = SIDES.filter((side) => !this.results[side][s]);
      if (missing.length === 0) continue;
      const items = missing.map((side) => [runs[SIDES.indexOf(side)], first + s]);
      this.tasks.push(this.pool.submit({ kind: "outcomes", items, thin: true }, 2, ({ index, result }) => {
        if (this.key !== key) return;
        this.results[missing[index]][s] = result;
        redraw();
      }));
    }
  }

  get finished() {
    return this.results && SIDES.every((side) => this.results[side].filter(Boolean).length >= this.count);
  }

  draw(width, height, colours, view) {
    const { results, runs, count, first } = this;
    if (!results) return { svg: "", text: "" };
    const last = runs[0].optimiser.steps, along = stepAxis(last, view.log_steps), parts = [];
    const box = { x: 30, y: 8, w: width - 36, h: Math.max(70, height - 78) };
    let top = 1;
    for (const side of SIDES) for (const one of results[side]) for (const [, value] of one?.line ?? []) top = Math.max(top, value * 1.05);
    const x = (step) => box.x + box.w * along.share(step), y = (value) => box.y + box.h * (1 - clamp(value / top, 0, 1));
    for (const mark of ticks(0, top, 3)) {
      parts.push(`<path d="M${box.x} ${y(mark).toFixed(1)}h${box.w}" stroke="${colours.rule}"/><text x="${box.x - 4}" y="${y(mark).toFixed(1)}" dy="0.33em" text-anchor="end" fill="${colours.grey}">${mark}</text>`);
    }
    const marks = view.log_steps ? [0, 1, 10, 100, 1000, 10000].filter((step) => step <= last) : ticks(0, last, 4);
    for (const mark of marks) parts.push(`<text x="${x(mark).toFixed(1)}" y="${box.y + box.h + 12}" text-anchor="${mark === last ? "end" : "middle"}" fill="${colours.grey}">${mark}</text>`);
    parts.push(`<path d="M${box.x} ${y(LEARNED).toFixed(1)}h${box.w}" stroke="${colours.grey}" stroke-dasharray="2 2"/><text x="${box.x + 3}" y="${(y(LEARNED) - 3).toFixed(1)}" font-size="10" fill="${colours.grey}">learned</text>`);
    for (const side of SIDES) {
      for (const one of results[side]) {
        if (one?.line) parts.push(`<path class="seed" data-side="${side}" d="${trace(one.line.map(([s]) => s), one.line.map(([, v]) => v), x, y)}" fill="none" stroke="${colours[side]}" stroke-width="1" stroke-opacity="0.6"/>`);
      }
    }
    // a dot for each seed: full if learned; a bar below where the law predicts it
    SIDES.forEach((side, s) => {
      const row = box.y + box.h + 30 + 24 * s, gap = Math.min(18, (width - 40) / Math.max(count, 1));
      parts.push(`<text x="2" y="${row + 4}" font-weight="650" fill="${colours[side]}">${side.toUpperCase()}</text>`);
      for (let i = 0; i < count; i++) {
        const one = results[side][i], cx = 26 + gap * i, r = Math.min(4.5, gap * 0.36);
        if (!one) {
          parts.push(`<circle cx="${cx}" cy="${row}" r="1.2" fill="${colours.grey}"/>`);
          continue;
        }
        const learned = !one.diverged && isLearned(one), predicted = one.race ? predictedLearned(one.race, runs[s]) : null;
        const said = one.diverged ? one.diverged : `seed ${first + i}: slow feature ${learned ? "learned" : "not learned"}${predicted === null ? "" : `, predicted ${predicted ? "learned" : "not learned"}`}; test error ${short(100 * one.error)}%`;
        parts.push(`<g class="dot" data-seed="${first + i}" data-side="${side}" data-learned="${learned}" data-predicted="${predicted}"><title>${escaped(said)}</title>` +
          `<rect x="${(cx - gap / 2).toFixed(1)}" y="${row - 10}" width="${gap.toFixed(1)}" height="22" fill="transparent"/>` +
          (one.diverged ? `<path d="M${cx - 3} ${row - 3}l6 6m0 -6l-6 6" stroke="${colours[side]}"/>`
            : `<circle cx="${cx}" cy="${row}" r="${r}" fill="${learned ? colours[side] : colours.back}" stroke="${colours[side]}" stroke-width="1.4"/>`) +
          (predicted ? `<path d="M${cx - r} ${row + r + 3.5}h${2 * r}" stroke="${colours.ink}" stroke-width="2"/>` : "") + "</g>");
      }
    });
    const total = box.y + box.h + 68;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" font-size="11" font-family="${FONT}" role="img" aria-label="Alignment with the slow feature, one line a seed">${parts.join("")}</svg>`;
    return { svg, text: this.summary() };
  }

  summary() {
    const { results, runs, count } = this, done = SIDES.map((side) => results[side].filter((one) => one && !one.diverged));
    const number = Math.min(...done.map((list) => list.length));
    const lines = [`<p class="count" data-done="${number}">Slow feature learned in ${SIDES.map((side, s) =>
      `<b class="${side}">${side.toUpperCase()}</b> <b>${done[s].filter(isLearned).length} of ${done[s].length}</b>`).join(", ")} seeds.</p>`];
    const errors = done.map((list) => meanInterval(list.map(({ error }) => error)));
    const pairs = results.a.map((one, i) => [one, results.b[i]]).filter(([one, other]) => one && other && !one.diverged && !other.diverged);
    lines.push(`<p>Test error, %: ${SIDES.map((side, s) => `<b class="${side}">${side.toUpperCase()}</b> ${withInterval(errors[s], 100)}`).join(", ")}; ` +
      `B − A <b>${withInterval(meanInterval(pairs.map(([one, other]) => other.error - one.error)), 100, true)}</b> points <span class="quiet">(mean, 95% interval, n = ${pairs.length})</span></p>`);
    lines.push(`<p>Without the fast feature: B − A ${withInterval(meanInterval(pairs.map(([one, other]) => other.error_slow - one.error_slow)), 100, true)} points; with it ${withInterval(meanInterval(pairs.map(([one, other]) => other.error_fast - one.error_fast)), 100, true)}.</p>`);
    const judged = SIDES.map((side, s) => done[s].filter(({ race }) => race));
    if (judged.some((list) => list.length)) {
      lines.push(`<p>Dots: full if learned; a bar where the race law, from the first weights alone, predicts it: right in ${SIDES.map((side, s) =>
        `<b class="${side}">${side.toUpperCase()}</b> ${judged[s].filter((one) => isLearned(one) === predictedLearned(one.race, runs[s])).length} of ${judged[s].length}`).join(", ")}.` +
        `${runs.some(({ optimiser }) => optimiser.name === "sam") ? " For SAM the law is that of gradient descent." : ""}</p>`);
    } else lines.push(`<p>Dots: full if learned. The race law makes no prediction for ${escaped(runs.map(notCovered).find(Boolean) ?? "these settings")}.</p>`);
    const lost = SIDES.map((side) => results[side].filter((one) => one?.diverged).length);
    if (lost[0] + lost[1]) lines.push(`<p>Diverged: A ${lost[0]}, B ${lost[1]} seeds; they are left out.</p>`);
    if (number < count) lines.push(`<p class="quiet">computing ${number} of ${count} …</p>`);
    return lines.join("");
  }
}
