// Quality against its cost: the time to train, and the size of the codes.

const ROOM = 0.62; // for the labels, as a share of the width that the points take
const LINE = 12; // least distance between two labels, in pixels
const MOST_SCATTERS = 12;
const WIDE_RANGE = 20; // costs that differ by a larger factor get a logarithmic axis

function scatter({ dataset, x, y, tip, points: all, front }) {
  const points = all.filter(([model]) => isNamed(model));
  const costs = points.map(([, cost]) => cost), isLog = Math.min(...costs) > 0 && Math.max(...costs) > WIDE_RANGE * Math.min(...costs);
  const lean = isLog ? Math.log10 : (v) => v, [least, most] = span(costs.map(lean));
  const [low, high] = reach(points.map(([model, , value]) => [model, { value }])), room = (high - low) * 0.06;
  const title = `${y} against ${x}${placed(dataset)}`;
  const size = { width: 440, height: Math.max(300, points.length * LINE + 70) };
  const { svg, line, across, up } = frame({ ...size, x: [least - (most - least) * 0.06, most + (most - least) * ROOM], y: [low - room, high + room], labels: [x, y], title: tip + placed(dataset), isLog, until: most });
  const place = ([model, cost, value]) => ({ model, cost, value, x: lean(cost), y: Math.min(high, Math.max(low, value)), isFar: value < low || value > high, isFloor: data.roles[model] === "floor" });
  const places = points.map(place), members = (front || []).map((model) => places.find((one) => one.model === model)).filter(Boolean);
  line(members.map((one) => [one.x, one.y]), { class: "front" });
  places.sort((a, b) => up(a.y) - up(b.y) || a.model - b.model);
  const heights = spread(places.map((one) => up(one.y) + 4), up(low - room) - 2);
  for (const [i, one] of places.entries()) {
    const [left, top] = [across(one.x), up(one.y)], name = bare(one.model), isAbove = one.value > high;
    const far = `${isAbove ? "↑" : "↓"}${short(one.value, 3)} `, told = one.isFar ? far + cut(name, 20 - far.length) : cut(name, 20); // a number first, so that it is never cut
    const look = one.isFloor ? { fill: "var(--ground)", stroke: "var(--other)", "stroke-width": 1.6 } : { fill: "var(--one)" };
    const below = heights[i];
    svg.append(draw("line", { class: "grid", x1: left + 6, y1: top, x2: across(most) + 14, y2: below - 4 }),
      draw("path", { d: SHAPES[one.isFar ? (isAbove ? 2 : 4) : one.isFloor ? 1 : 0], transform: `translate(${left} ${top})`, ...look }, draw("title", {}, `${data.models[one.model]}: ${short(one.cost)}, ${short(one.value)}`)),
      draw("text", { x: across(most) + 18, y: below, class: members.includes(one) ? "best" : null }, told, draw("title", {}, data.models[one.model])));
  }
  const none = front && !front.length ? make("p", { class: "quiet" }, "No model is on the front: floors are both better and faster than each.") : "";
  return captioned(make("span", { title: tip }, title), svg, none);
}

// Vertical positions of labels that do not overlap and, if there is room, stay above the bottom.
function spread(heights, bottom) {
  const found = [];
  for (const height of heights) found.push(Math.max(height, (found.at(-1) ?? -Infinity) + LINE));
  let limit = Math.max(bottom, (heights.length + 0.5) * LINE);
  for (let i = found.length - 1; i >= 0; i -= 1, limit -= LINE) found[i] = Math.min(found[i], limit);
  return found;
}

// The scatter plots for the chosen verdict (or every verdict) on the chosen datasets.
function scatters() {
  const overview = ["ranks", "summary", "all"].includes(view.metric), verdict = metricOf() ? metricOf().verdict : view.metric.replace(/^verdict /, "");
  const isAble = ({ points }) => points.length > 1 && points.some(([model]) => isNamed(model));
  const able = data.scatters.filter((one) => isOnDataset(one) && isAble(one) && (overview || one.verdict === verdict));
  const [shown, told] = overview ? firstIfMany("Plots", able, (one) => one.dataset, MOST_SCATTERS) : [able, ""];
  find("costs").hidden = !shown.length;
  find("scatters-told").textContent = told;
  return shown.slice(0, MOST_SCATTERS).map(scatter);
}
