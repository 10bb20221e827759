"use strict";
// One control for each field: a slider with the field's own step, and a number to type.

const subscripts = (text) => escaped(text).replace(/_(eff|\w)/g, "<sub>$1</sub>");

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "html") node.innerHTML = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// the values of a slider that is even in the logarithm: two significant digits, whole if need be
function niceValues(field) {
  const values = new Set(), count = 24 * Math.log10(field.most / field.least);
  for (let i = 0; i <= count; i++) {
    const value = Number((field.least * 10 ** (i / 24)).toPrecision(2));
    values.add(clamp(field.kind === "whole" ? Math.round(value) : value, field.least, field.most));
  }
  return [...values.add(field.most)].sort((a, b) => a - b);
}

// change(key, value) is called for every usable value, refuse(message) for others
function makeControl(key, field, change, refuse) {
  const side = key.includes(".") ? ` of ${key[0].toUpperCase()}` : "", id = `field-${key.replace(".", "-")}`;
  const name = element("label", { for: id, title: field.about, html: subscripts(field.label) });
  const spoken = `${field.label.replace("_", " ")}${side}: ${field.about}`;
  if (field.kind === "choice") {
    const select = element("select", { id, "aria-label": spoken, "data-key": key, onchange: () => change(key, select.value) },
      ...field.choices.map((choice) => element("option", { value: choice }, choice)));
    return { node: element("div", { class: "field choice" }, name, select), show: (value) => { select.value = value; } };
  }
  if (field.kind === "switch") {
    const box = element("input", { id, type: "checkbox", "data-key": key, onchange: () => change(key, box.checked) });
    return { node: element("div", { class: "field switch" }, name, box), show: (value) => { box.checked = value; } };
  }
  const number = element("input", { id, type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": spoken, "data-key": key, placeholder: field.optional ? "all" : null });
  const take = () => {
    try {
      const value = parse(key, number.value);
      number.removeAttribute("aria-invalid");
      change(key, value);
    } catch (error) {
      number.setAttribute("aria-invalid", "true");
      refuse(error.message);
    }
  };
  number.addEventListener("input", () => { if (number.value.trim() !== "" || field.optional) take(); });
  number.addEventListener("change", take);
  const text = (value) => (value === null ? "" : String(value));
  const settle = (value) => {
    if (document.activeElement !== number) number.value = text(value);
    number.removeAttribute("aria-invalid");
  };
  if (field.optional || key === "seed") {
    return { node: element("div", { class: "field text" }, name, number), show: settle };
  }
  const values = field.step === 0 ? niceValues(field) : null;
  const slider = element("input", {
    type: "range", min: values ? 0 : field.least, max: values ? values.length - 1 : field.most, step: values ? 1 : field.step,
    "aria-label": spoken, "data-slider": key,
  });
  slider.addEventListener("input", () => {
    const value = values ? values[slider.value] : Number(Number(slider.value).toPrecision(6));
    number.value = text(value);
    slider.setAttribute("aria-valuetext", `${field.label.replace("_", " ")} ${value}`);
    change(key, value);
  });
  const show = (value) => {
    settle(value);
    const place = values ? values.reduce((best, one, i) => (Math.abs(Math.log(one / value)) < Math.abs(Math.log(values[best] / value)) ? i : best), 0) : value;
    if (Number(slider.value) !== place) slider.value = place;
    slider.setAttribute("aria-valuetext", `${field.label.replace("_", " ")} ${value}`);
  };
  return { node: element("div", { class: "field" }, name, slider, number), show };
}

function makeGroup(title, keys, change, refuse, { kind = "", extra = [] } = {}) {
  const entries = keys.map((key) => [key, makeControl(key, PAGE.fields[key], change, refuse)]);
  const nodes = (folded) => entries.filter(([key]) => PAGE.fields[key].folded === folded).map(([, entry]) => entry.node);
  const more = nodes(true);
  const details = more.length ? element("details", {}, element("summary", {}, "more"), ...more) : null;
  const node = element("section", { class: kind }, element("h2", { html: title }), ...extra, ...nodes(false), ...(details ? [details] : []));
  const show = (state) => {
    for (const [key, entry] of entries) {
      entry.show(state[key]);
      const side = key.includes(".") ? `${key.split(".")[0]}.` : "";
      entry.node.hidden = !PAGE.fields[key].only.every(([other, values]) => values.includes(state[side + other]));
    }
    if (details) details.hidden = more.every((one) => one.hidden);
  };
  return { node, show };
}
