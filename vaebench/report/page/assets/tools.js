"use strict";
// Helpers that the other scripts use. Text is only ever inserted as text: there is no innerHTML here.

const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const find = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined) element.append(child);
  return element;
}

const make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function choose(select, options, value) {
  // options: [value, text] or {title, options}
  const one = ([key, text]) => make("option", { value: key, selected: String(key) === String(value) }, text);
  select.replaceChildren(...options.map((o) => (o.title === undefined ? one(o) : make("optgroup", { label: o.title }, o.options.map(one)))));
  select.value = value;
}

// A box for content that may be wider than the window; it can be scrolled by keyboard, too, and a line says so.
function scrolling(label, ...children) {
  const told = make("p", { class: "quiet scrolls", hidden: true }, "Scroll this table sideways to see all of it →");
  const box = make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": label }, children);
  new ResizeObserver(() => { told.hidden = box.scrollWidth <= box.clientWidth + 1; }).observe(box);
  return make("div", {}, told, box);
}

function command(text) {
  // a command with a button that copies it, or selects it if the browser does not allow access to the clipboard
  const shown = make("pre", { tabindex: 0 }, text), button = make("button", { type: "button", "aria-label": `Copy ${text}` }, "Copy");
  const chosen = () => getSelection().selectAllChildren(shown);
  button.addEventListener("click", () => {
    const done = () => { button.textContent = "Copied"; };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, chosen);
    else chosen();
  });
  return make("span", { class: "command" }, shown, button);
}

// A line of text in which each command in backticks (`vaebench …`) gets a copy button.
const withCommands = (line) => line.split(/`(vaebench [^`]+)`/).map((part, i) => (i % 2 ? command(part) : part));

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const unique = (values) => [...new Set(values)];
const isList = Array.isArray;
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

function short(value, digits = 4) {
  if (!isNumber(value)) return "–";
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(digits)));
}
