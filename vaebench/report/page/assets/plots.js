// Plots as SVG: lines, ROC curves, histograms, maps.

const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a", "#b5a900"]; // Okabe and Ito
const DASHES = [null, "6 3", "2 3", "8 3 2 3"];
const SIDES = ["var(--one)", "var(--other)"];

function ticks(low, high, most) {
  const rough = (high - low) / most || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((one) => one * power >= rough * 0.999);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-6 && found.length < 20; at += step) found.push(Math.abs(at) < step * 1e-6 ? 0 : at);
  return found;
}

// Powers of ten between two logarithms.
const decades = ([low, high]) => Array.from({ length: Math.max(0, Math.floor(high) - Math.ceil(low) + 1) }, (_, i) => 10 ** (Math.ceil(low) + i));

function frame({ width = 330, height = 210, x, y, labels, title, isLog, until = x[1] }) {
  const [left, right, top, bottom] = [54, 10, 8, 36];
  const across = (v) => left + ((v - x[0]) / (x[1] - x[0] || 1)) * (width - left - right);
  const up = (v) => height - bottom - ((v - y[0]) / (y[1] - y[0] || 1)) * (height - top - bottom);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": title });
  for (const at of ticks(y[0], y[1], 4)) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width - right, y1: up(at), y2: up(at) }));
    svg.append(draw("text", { x: left - 5, y: up(at) + 4, "text-anchor": "end" }, short(at)));
  }
  const below = isLog ? decades([x[0], until]).map((at) => [Math.log10(at), at]) : ticks(x[0], until, until < x[1] ? 4 : 5).map((at) => [at, at]);
  for (const [at, value] of below) svg.append(draw("text", { x: across(at), y: height - bottom + 14, "text-anchor": "middle" }, short(value)));
  svg.append(draw("path", { class: "axis", d: `M${left} ${top}V${height - bottom}H${width - right}` }));
  svg.append(draw("text", { x: (left + width) / 2, y: height - 4, "text-anchor": "middle" }, labels[0]));
  svg.append(draw("text", { x: 0, y: 0, transform: `translate(11 ${(height - bottom + top) / 2}) rotate(-90)`, "text-anchor": "middle" }, labels[1]));
  const line = (points, look) => svg.append(draw("path", { fill: "none", "stroke-width": 1.8, ...look,
    d: points.filter((p) => isNumber(p[0]) && isNumber(p[1])).map((p, i) => `${i ? "L" : "M"}${across(p[0]).toFixed(1)} ${up(p[1]).toFixed(1)}`).join("") }));
  return { svg, line, across, up };
}

function span(values) {
  const good = values.filter(isNumber);
  const [low, high] = [Math.min(...good), Math.max(...good)];
  return good.length ? (low < high ? [low, high] : [low - 0.5, high + 0.5]) : [0, 1];
}

function legend(entries) {
  // [name, look of the line]
  return make("ul", { class: "legend" }, entries.map(([name, look]) =>
    make("li", {}, draw("svg", { width: 22, height: 10, "aria-hidden": "true" }, draw("line", { x1: 0, x2: 22, y1: 5, y2: 5, "stroke-width": 2.5, ...look })), name)));
}

function captioned(text, ...children) {
  return make("figure", {}, make("figcaption", {}, text), children);
}

const sideLook = (side) => ({ stroke: SIDES[side], "stroke-dasharray": DASHES[side] });

function curves(panes) {
  // one plot per stage and term, with both models in it
  const terms = new Map();
  panes.forEach(({ run }, side) => run.curve.forEach(([stage, term, steps, values]) => {
    const key = panes.some(({ run: r }) => new Set(r.curve.map((c) => c[0])).size > 1) ? `${stage}: ${term}` : term;
    if (!terms.has(key)) terms.set(key, []);
    terms.get(key).push({ side, points: steps.map((step, i) => [step, values[i]]) });
  }));
  return [...terms].map(([term, lines]) => {
    // the first value is often far from all others and would flatten the curve
    const late = lines.flatMap((l) => l.points.slice(l.points.length > 8 ? 1 : 0).map((p) => p[1]));
    const y = span(late), x = span(lines.flatMap((l) => l.points.map((p) => p[0])));
    const { svg, line } = frame({ x, y, labels: ["step", ""], title: `${term} during training` });
    lines.forEach((l) => line(l.points.filter((p) => p[1] >= y[0] && p[1] <= y[1]), sideLook(l.side)));
    return captioned(term, svg);
  });
}

function scored(run) {
  const found = run.drawn && run.drawn.scores;
  return Object.entries(found && typeof found === "object" ? found : {}).filter(([, s]) => s && isList(s.roc) && s.roc.length === 2 && s.roc.every(isList) && isList(s.healthy) && isList(s.diseased) && isList(s.edges));
}

function rocs(panes) {
  const { svg, line } = frame({ width: 290, height: 270, x: [0, 1], y: [0, 1], labels: ["1 − specificity", "sensitivity"], title: "ROC curves" });
  line([[0, 0], [1, 1]], { stroke: "var(--quiet)", "stroke-dasharray": "2 4", "stroke-width": 1 });
  const entries = panes.flatMap(({ run, name }, side) => scored(run).map(([score, found], number) => {
    const look = { stroke: SIDES[side], "stroke-dasharray": DASHES[number % DASHES.length] };
    line(found.roc[0].map((v, i) => [v, found.roc[1][i]]), look);
    const area = isNumber(found.auroc) ? `, AUROC ${found.auroc.toFixed(3)}` : ""; // pictures of older runs lack it
    return [`${panes.length > 1 ? `${name}: ` : ""}${score}${area}`, look];
  }));
  return entries.length ? make("div", {}, captioned("Diseased against healthy test images", svg), legend(entries)) : null;
}

function histograms(run) {
  return scored(run).map(([score, found]) => {
    const bins = found.healthy.length, [low, high] = found.edges, wide = (high - low) / bins;
    const { svg, line } = frame({ height: 190, x: [low, high], y: [0, Math.max(0.01, ...found.healthy, ...found.diseased)], labels: [score, "share of images"], title: `Histogram of ${score}` });
    const steps = (bars) => [[low, 0], ...bars.flatMap((bar, i) => [[low + i * wide, bar], [low + (i + 1) * wide, bar]]), [high, 0]];
    const looks = [{ stroke: COLOURS[2] }, { stroke: COLOURS[3], "stroke-dasharray": "6 3" }]; // colours that differ from those of the two models
    line(steps(found.healthy), looks[0]);
    line(steps(found.diseased), looks[1]);
    return make("div", {}, captioned(`${score}: scores of healthy and diseased test images`, svg), legend([["healthy", looks[0]], ["diseased", looks[1]]]));
  });
}

const SHAPES = ["M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0", "M-2.7-2.7h5.4v5.4h-5.4z", "M0-3.6L3.4 2.6H-3.4z", "M0-3.8L3.8 0L0 3.8L-3.8 0z", "M0 3.6L3.4-2.6H-3.4z"];

function mapOf(points, labels, title) {
  const side = 300, names = [...new Set(labels)].sort();
  const svg = draw("svg", { viewBox: `0 0 ${side} ${side}`, width: side, height: side, role: "img", "aria-label": title });
  svg.append(draw("rect", { class: "axis", x: 0.5, y: 0.5, width: side - 1, height: side - 1 }));
  const look = (name) => { const n = names.indexOf(name); return { fill: COLOURS[n % 8], d: SHAPES[n % SHAPES.length], "fill-opacity": 0.75 }; };
  points.forEach((p, i) => {
    if (isList(p) && isNumber(p[0]) && isNumber(p[1])) svg.append(draw("path", { ...look(labels[i]), transform: `translate(${8 + (p[0] / 1000) * (side - 16)} ${8 + (1 - p[1] / 1000) * (side - 16)})` }));
  });
  const key = make("ul", { class: "legend" }, names.slice(0, 20).map((name) => make("li", {}, draw("svg", { width: 10, height: 10, viewBox: "-5 -5 10 10", "aria-hidden": "true" }, draw("path", look(name))), String(name))));
  return make("div", {}, captioned(title, svg), key);
}
