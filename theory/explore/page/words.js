"use strict";
// What the page says in words: definitions, the tour, and one sentence about what is seen.

const WORDS = {
  "slow example": "An example without the fast feature: only the slow feature, which is weaker, tells its label. A share 1 - α of all examples.",
  copies: "USEFUL(k): each slow example counts k times. The same image again, so its noise is repeated as well.",
  variants: "TADA(k): each slow example is joined by k-1 generated variants, with its features and noise of their own.",
  noise: "The part of an example that says nothing about the label. A network can memorise it, and then errs on new examples.",
  "Syn-all, Syn-rand": "Variants of every example, or of as many random examples as there are slow ones.",
  SAM: "Sharpness-aware minimisation: the gradient is taken a small step ρ uphill. It costs two gradients a step.",
  "race law": "The slow feature and the noise of slow examples race to fit them. The first weights alone say who wins: S > 1, or k S > 1 with k-1 variants.",
  "closed form": "A formula for the early phase or the first step, without a parameter that was fitted to the curves.",
};

const TOUR = [
  ["#strip", "Each example is three patches: a fast feature (blue, missing in slow examples), a slow feature (orange), and noise. A repeats the slow example as copies with the same noise; B adds variants with new noise."],
  ["[data-panel=features], #charts", "Training starts. Both sides learn the fast feature at once (dotted). Only the slow feature (solid) can tell the label of slow examples: look which side learns it."],
  ["[data-panel=noise], #charts", "Instead of learning the slow feature, a network can memorise the noise of its slow examples. Copies repeat that noise; variants do not."],
  ["[data-panel=error], #charts", "On new examples memorised noise is useless: the side that memorised errs on examples without the fast feature (solid). That is the whole difference between the two."],
  [".side", "One seed is one story. Here are 20 seeds, and what the race law predicts for each from its first weights. Now move k, or choose T1 to T9: each claim has its evidence on this page."],
];

const plural = (word, list) => (list.length === 1 ? word : `${word}s`);

// one sentence about the results of both sides at the end
function pointOf(results) {
  const there = SIDES.filter((side) => results[side]?.done && !results[side].diverged);
  const lost = SIDES.filter((side) => results[side]?.diverged);
  if (lost.length) return `${lost.map((side) => side.toUpperCase()).join(" and ")} diverged: the step size η is too large here.`;
  if (there.length < 2) return "";
  const [a, b] = there.map((side) => ({ name: side.toUpperCase(), ...results[side] }));
  const error = (one) => 100 * one.curves.test_error.at(-1), learned = (one) => one.numbers.time_slow !== null;
  const errors = `A errs on ${percent(error(a))}% of new examples, B on ${percent(error(b))}%`;
  const who = learned(a) && learned(b) ? `both learn the slow feature, A at step ${a.numbers.time_slow}, B at step ${b.numbers.time_slow}`
    : learned(a) || learned(b) ? `only ${learned(a) ? "A" : "B"} learns the slow feature` : "neither learns the slow feature";
  const noises = [a, b].map((one) => one.curves.noise_memorised_slow.at(-1));
  const noise = noises[0] === null ? "" : `; noise of slow examples memorised: ${short(noises[0])} against ${short(noises[1])}`;
  return `On this seed ${who}. ${errors}${noise}.`;
}
