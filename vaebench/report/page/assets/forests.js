// A chart per verdict: means with their intervals, best first, with floors as reference lines.

const FOREST = { width: 300, left: 126, right: 10, row: 17, top: 6, bottom: 34 };
const MOST_FORESTS = 12;

function forestRows(column) {
  // [model, found]: models sorted by their mean, then floors
  const rows = data.models.map((_, model) => [model, column.of(model)]).filter(([model, found]) => isNamed(model) && found && isNumber(found.value));
  const sign = column.better === "higher" ? -1 : 1, floor = ([model]) => data.roles[model] === "floor";
  return rows.sort((a, b) => floor(a) - floor(b) || sign * (a[1].value - b[1].value) || a[0] - b[0]);
}

// The range of the axis, from the models' intervals. Floors far from them would squeeze the models together, so these
// floors are shown at the edge.
function reach(rows) {
  const ends = ([, { value, low, high }]) => [value, low, high];
  const models = rows.filter(([model]) => data.roles[model] !== "floor"), [low, high] = span((models.length ? models : rows).flatMap(ends));
  const room = 2 * (high - low), near = ([, { value }]) => value > low - room && value < high + room;
  return span([low, high, ...rows.filter(near).flatMap(ends)]);
}

function forest(column, title, tip) {
  const rows = forestRows(column);
  if (rows.length < (view.filter ? 1 : 2)) return null;
  const { width, left, right, row, top, bottom } = FOREST, height = top + rows.length * row + bottom;
  const [low, high] = reach(rows);
  const at = (value) => left + 6 + Math.min(1, Math.max(0, (value - low) / (high - low))) * (width - left - right - 12);
  const base = height - bottom, middle = (number) => top + (number + 0.5) * row;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": tip });
  for (const tick of ticks(low, high, 4)) svg.append(draw("line", { class: "grid", x1: at(tick), x2: at(tick), y1: top, y2: base }), draw("text", { x: at(tick), y: base + 13, "text-anchor": "middle" }, short(tick)));
  svg.append(draw("path", { class: "axis", d: `M${left} ${base}H${width - right}` }));
  svg.append(draw("text", { x: (left + width) / 2, y: height - 5, "text-anchor": "middle" }, column.better === "higher" ? "higher is better →" : "← lower is better"));
  rows.forEach(([model, found], number) => {
    const isFloor = data.roles[model] === "floor", y = middle(number), stroke = isFloor ? "var(--other)" : "var(--one)";
    const isFar = found.value < low || found.value > high;
    if (isFar) svg.append(draw("text", { class: "far", x: at(found.value), y: y + 4, "text-anchor": found.value < low ? "start" : "end" }, found.value < low ? `‹ ${short(found.value, 3)}` : `${short(found.value, 3)} ›`));
    else if (isFloor) svg.append(draw("line", { class: "reference", x1: at(found.value), x2: at(found.value), y1: top, y2: y }));
    if (isNumber(found.low) && !isFar) svg.append(draw("line", { class: "interval", stroke, x1: at(found.low), x2: at(found.high), y1: y, y2: y }));
    const mark = draw("path", { d: SHAPES[isFloor ? 1 : 0], transform: `translate(${at(found.value)} ${y})`, stroke, fill: isFloor ? "var(--ground)" : stroke });
    mark.append(draw("title", {}, `${data.models[model]}: ${found.text}`));
    const name = data.models[model];
    svg.append(isFar ? "" : mark, draw("text", { x: left - 6, y: y + 4, "text-anchor": "end", class: found.best ? "best" : null }, cut(name, 18), draw("title", {}, name)));
  });
  return captioned(make("span", { title: tip }, title), svg);
}

// Charts for the current table: each headline on the chosen dataset, or one metric on every dataset.
function forests() {
  const shown = ["ranks", "summary"].includes(view.metric) ? headlines() : several() ? [] : numbered(isWanted);
  const drawn = shown.map((one) => {
    const { title, verdict } = data.metrics[one[0].metric];
    const called = `${capital(verdict)}: ${title}`, place = placed(one[0].dataset);
    return forest(cellColumn(one, title), called + neededVariant(one[0]) + place, called + variantOf(one[0]) + place);
  });
  return drawn.filter(Boolean).slice(0, MOST_FORESTS);
}

function headlines() {
  // if all datasets are chosen, show charts for the first one only: there would be too many
  const dataset = view.dataset === "all" ? 0 : Number(view.dataset);
  return numbered((c) => data.metrics[c.metric].leads && c.dataset === dataset);
}
