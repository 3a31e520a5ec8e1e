// A chart per verdict: means with their intervals, best first, with floors as reference lines.

const FOREST = { width: 300, left: 126, right: 10, row: 17, top: 6, label: 11, bottom: 34 };
const MOST_FORESTS = 12;
const WIDE = 3; // an interval that is wider than this many times the median one does not decide the range of the axis

function forestRows(column) {
  // [model, found]: models sorted by their mean, then floors
  const rows = data.models.map((_, model) => [model, column.of(model)]).filter(([model, found]) => isNamed(model) && found && isNumber(found.value));
  const sign = column.better === "higher" ? -1 : 1, floor = ([model]) => data.roles[model] === "floor";
  return rows.sort((a, b) => floor(a) - floor(b) || sign * (a[1].value - b[1].value) || a[0] - b[0]);
}

// The range of the axis, from the models' means and usual intervals. A floor far from them would squeeze the models
// together, so it is shown at the edge; an interval much wider than the others is cut off soon after them.
function reach(rows, chance = null) {
  const models = rows.filter(([model]) => data.roles[model] !== "floor"), own = models.length ? models : rows;
  const values = (some) => some.map(([, { value }]) => value), ends = (some) => some.flatMap(([, { low, high }]) => [low, high]);
  const [low, high] = span([...values(own), ...ends(usual(own))]), room = 2 * (high - low), isNear = (value) => isNumber(value) && value > low - room && value < high + room;
  const near = rows.filter(([, { value }]) => isNear(value)), [least, most] = span([low, high, ...values(near), isNear(chance) ? chance : null]);
  const more = (most - least) / 4, [first, last] = span([least, most, ...ends(near)]);
  return [Math.max(first, least - more), Math.min(last, most + more)];
}

// The rows with an interval that is not much wider than the others'.
function usual(rows) {
  const wide = ([, { low, high }]) => high - low, known = rows.filter(([, { low }]) => isNumber(low));
  const widths = known.map(wide).sort((a, b) => a - b), middle = widths[(widths.length - 1) >> 1];
  return known.filter((row) => wide(row) <= WIDE * middle);
}

function forest(column, title, tip) {
  const rows = forestRows(column);
  if (rows.length < (view.filter ? 1 : 2)) return null;
  const [low, high] = reach(rows, column.chance), hasChance = isNumber(column.chance) && column.chance >= low && column.chance <= high;
  const { width, left, right, row, bottom } = FOREST, top = FOREST.top + (hasChance ? FOREST.label : 0), height = top + rows.length * row + bottom;
  const at = (value) => left + 6 + Math.min(1, Math.max(0, (value - low) / (high - low))) * (width - left - right - 12);
  const base = height - bottom, middle = (number) => top + (number + 0.5) * row;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": tip });
  for (const tick of ticks(low, high, 4)) svg.append(draw("line", { class: "grid", x1: at(tick), x2: at(tick), y1: top, y2: base }), draw("text", { x: at(tick), y: base + 13, "text-anchor": "middle" }, short(tick)));
  svg.append(draw("path", { class: "axis", d: `M${left} ${base}H${width - right}` }));
  svg.append(draw("text", { x: (left + width) / 2, y: height - 5, "text-anchor": "middle" }, column.better === "higher" ? "higher is better →" : "← lower is better"));
  if (hasChance) svg.append(draw("line", { class: "chance", x1: at(column.chance), x2: at(column.chance), y1: top, y2: base }), draw("text", { x: at(column.chance), y: top - 3, "text-anchor": "middle" }, "chance"));
  rows.forEach(([model, found], number) => {
    const isFloor = data.roles[model] === "floor", y = middle(number), stroke = isFloor ? "var(--other)" : "var(--one)";
    const isFar = found.value < low || found.value > high;
    if (isFar) svg.append(draw("text", { class: "far", x: at(found.value), y: y + 4, "text-anchor": found.value < low ? "start" : "end" }, found.value < low ? `‹ ${short(found.value, 3)}` : `${short(found.value, 3)} ›`));
    else if (isFloor) svg.append(draw("line", { class: "reference", x1: at(found.value), x2: at(found.value), y1: top, y2: y }));
    if (isNumber(found.low) && !isFar) svg.append(draw("line", { class: "interval", stroke, x1: at(found.low), x2: at(found.high), y1: y, y2: y }), ...cutOff(found, low, high, at, y, stroke));
    const mark = draw("path", { d: SHAPES[isFloor ? 1 : 0], transform: `translate(${at(found.value)} ${y})`, stroke, fill: isFloor ? "var(--ground)" : stroke });
    mark.append(draw("title", {}, `${data.models[model]}: ${found.text}`));
    svg.append(isFar ? "" : mark, draw("text", { x: left - 6, y: y + 4, "text-anchor": "end", class: found.best ? "best" : null }, cut(bare(model), 18), draw("title", {}, data.models[model])));
  });
  return captioned(make("span", { title: tip }, title), svg);
}

// Arrows at the edges of the chart where an interval goes on beyond them.
function cutOff(found, low, high, at, y, fill) {
  const arrow = (x, to) => draw("path", { class: "arrow", d: `M${x + to * 5} ${y}l${-to * 6}-4v8z`, fill });
  return [found.low < low ? arrow(at(low), -1) : "", found.high > high ? arrow(at(high), 1) : ""];
}

// Charts for the current table: each headline on the chosen datasets, or one metric on every dataset.
function forests() {
  const [shown, told] = ["ranks", "summary"].includes(view.metric) ? headlines() : [several() ? [] : numbered(isWanted), ""];
  const drawn = shown.map((one) => {
    const { title, verdict } = data.metrics[one[0].metric];
    const called = `${capital(verdict)}: ${title}`, place = placed(one[0].dataset);
    return forest(cellColumn(one, title), called + neededVariant(one[0]) + place, called + variantOf(one[0]) + place);
  });
  find("forests-told").textContent = told;
  return drawn.filter(Boolean).slice(0, MOST_FORESTS);
}

const headlines = () => firstIfMany("Charts", numbered((c) => data.metrics[c.metric].leads && isOnDataset(c)), ([column]) => column.dataset, MOST_FORESTS);

// All charts of the chosen datasets or, if there are too many, those of the first dataset, with a line that says so.
function firstIfMany(what, all, datasetOf, most) {
  if (view.dataset !== "all" || all.length <= most) return [all, ""];
  return [all.filter((one) => datasetOf(one) === 0), `${what}: ${data.datasets[0]}; choose another dataset above.`];
}
