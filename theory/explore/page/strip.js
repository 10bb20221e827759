"use strict";
// Examples drawn as patches: the fast feature (or none), the slow feature, noise. The two sides
// differ in what they add: copies repeat the noise, variants have their own.

// a texture that stands for one noise vector: 4 x 4 grey tones
const texture = (number) => {
  let state = (number * 2654435761) >>> 0;
  return Array.from({ length: 16 }, () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) >>> 0;
    return (state >>> 8) / 16777216 - 0.5;
  });
};

function drawStrip({ runs, slow, width, colours }) {
  const size = 19, gap = 2, one = 3 * size + 2 * gap, between = 13, narrow = width < 990, row = size + 38; // narrow: too little for the words of two sides
  const half = narrow ? width : (width - 28) / 2, tight = half < 480, parts = [];
  const text = (x, y, content, more = "") => `<text x="${x.toFixed(1)}" y="${y}" fill="${colours.grey}" ${more}>${content}</text>`;
  const fit = Math.floor((half - 4) / (one + between)), shown = clamp(Math.floor(fit / 2), 2, 4), slots = fit - shown;
  // the originals shown: the first slow one stands last
  const order = slow.map((_, i) => i), slowFirst = order.find((i) => slow[i]);
  const originals = order.filter((i) => !slow[i]).slice(0, slowFirst === undefined ? shown : shown - 1);
  if (slowFirst !== undefined) originals.push(slowFirst);
  const square = (x, y, fill, opacity = 1, side = size) => `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${side}" height="${side}" rx="2" fill="${fill}" fill-opacity="${opacity}" stroke="${colours.grey}" stroke-width="0.7"/>`;
  const grain = (x, y, noise, side = size) => square(x, y, colours.back, 1, side) + noise.map((tone, i) =>
    `<rect x="${(x + ((i % 4) * side) / 4).toFixed(1)}" y="${(y + (Math.floor(i / 4) * side) / 4).toFixed(1)}" width="${side / 4}" height="${side / 4}" fill="${colours.ink}" fill-opacity="${clamp(0.42 + tone * 0.9, 0, 1).toFixed(2)}"/>`).join("");
  const draw = (x, y, { fast, weak, noise }) => {
    parts.push(fast > 0 ? square(x, y, colours.fast, fast) : square(x, y, "none"), square(x + size + gap, y, colours.slow, weak), grain(x + 2 * (size + gap), y, noise));
  };
  const key = narrow ? 16 : 0;
  if (narrow) keyOf(2, 11);
  function keyOf(x, y) {
    for (const [mark, words, room] of [[square(0, -9, colours.fast, 1, 10), "fast feature", 92], [square(0, -9, colours.slow, 1, 10), "slow feature", 95], [grain(0, -9, texture(1), 10), "noise", 60]]) {
      parts.push(`<g transform="translate(${x} ${y})">${mark}${text(14, 0, words)}</g>`);
      x += room;
    }
  }
  runs.forEach((run, s) => {
    const { method } = run, left = narrow ? 2 : 2 + s * (half + 28), top = key + (narrow ? (row + 6) * s : 0);
    const name = `${SIDES[s].toUpperCase()} ${nameOf(run)}`, y = top + 19;
    parts.push(`<text x="${left}" y="${top + 12}" font-weight="650" font-size="12" fill="${colours[SIDES[s]]}">${escaped(name)}</text>`);
    if (s === 0 && !narrow) keyOf(left + 30 + 7.2 * name.length, top + 12);
    originals.forEach((i, e) => draw(left + e * (one + between), y, { fast: slow[i] ? 0 : 1, weak: 1, noise: texture(i) }));
    if (slowFirst === undefined) return;
    const last = left + (originals.length - 1) * (one + between), from = last + one + between;
    parts.push(text(last + one / 2, y + size + 13, "slow", 'text-anchor="middle"'));
    const source = method.name === "syn-rand" || method.name === "syn-all" ? originals[0] : slowFirst;
    const extra = method.name === "original" ? 0 : method.k - 1, drawn = Math.min(extra, slots), copies = method.name === "useful";
    for (let c = 0; c < drawn; c++) {
      const own = texture(source), fresh = texture(1000 * (c + 1) + source);
      const noise = copies ? own : own.map((tone, i) => method.kappa * tone + Math.sqrt(1 - method.kappa ** 2) * method.scale * fresh[i]);
      const kept = copies ? 1 : method.fidelity;
      draw(from + c * (one + between), y, { fast: slow[source] ? 0 : kept, weak: kept, noise });
    }
    const one_ = extra === 1, more = extra > drawn && !tight ? ` (${drawn} shown)` : "";
    const words = {
      useful: `+ ${extra} ${one_ ? "copy" : "copies"}: the same noise again`, tada: `+ ${extra} ${one_ ? "variant" : "variants"}: new noise`,
      "syn-all": `+ ${extra} ${one_ ? "variant" : "variants"} of every example`, "syn-rand": `+ ${extra} ${one_ ? "variant" : "variants"} of random examples`,
    }[method.name];
    if (extra === 0) parts.push(text(from + 4, y + 14, "nothing is added"));
    else parts.push(text(tight ? from - 8 : from, y + size + 13, `${words}${more}`));
  });
  const height = key + row * (narrow ? 2 : 1) + (narrow ? 6 : 0);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-size="11" font-family="${FONT}" role="img" aria-label="Examples as patches, and what both sides add">${parts.join("")}</svg>`;
}
