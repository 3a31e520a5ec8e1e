// The board: selects, sorts and filters its columns and draws the intervals.

const view = { metric: "ranks", dataset: "all", isLent: false, filter: "", without: new Set(), sort: 0, down: false }; // metric and dataset are the values of their pickers
const ARROW = { higher: "↑", lower: "↓" };
const arrowOf = ({ better, floor, same }) => (floor || same ? "" : ` ${ARROW[better]}`); // a floor or a count is no better either way
const cellsOf = data.columns.map((column) => new Map(column.cells.map((cell) => [cell[0], cell])));

const bare = (model) => (data.roles[model] === "floor" ? data.models[model].replace(/ \(floor\)$/, "") : data.models[model]); // in charts, the mark and its colour say that it is a floor

const several = () => view.metric === "all" || view.metric === "summary" || view.metric.startsWith("verdict ");
const metricOf = () => data.metrics[view.metric]; // undefined if several metrics are shown

function isWanted(column) {
  const { verdict, floor } = data.metrics[column.metric];
  if (floor && several()) return false; // the same number for all models
  const metric = view.metric === "all" || (view.metric === "summary" && data.summary.includes(data.columns.indexOf(column))) || view.metric === `verdict ${verdict}` || view.metric === String(column.metric);
  return metric && isOnDataset(column);
}

const isOnDataset = (column) => view.dataset === "all" || view.dataset === String(column.dataset);
const askedDataset = () => (view.isLent ? "all" : view.dataset);
const isOverall = () => view.metric === "ranks" && view.dataset === "all";
const numbered = (wanted) => data.columns.map((column, number) => [column, number]).filter(([column]) => wanted(column));

// The variant is told where two columns of one metric need it, and in a tooltip anyway.
const variantOf = (column) => (column.variant ? ` [${column.variant}]` : "");
const neededVariant = (column) => (data.columns.some((c) => c !== column && c.metric === column.metric && c.dataset === column.dataset) ? variantOf(column) : "");
const placed = (dataset) => (data.datasets.length > 1 ? ` on ${data.datasets[dataset]}` : "");

function cellColumn([column, number], title, note) {
  const metric = data.metrics[column.metric], { better } = metric;
  const numbers = column.cells.filter((cell) => isNumber(cell[2])).map(([model, , value, low, high]) => [model, { value, low, high }]);
  return {
    title: title + (note ? "" : neededVariant(column)),
    tip: metric.title + variantOf(column),
    note: note || (arrowOf(metric) ? `${better} is better` : ""),
    better,
    foot: new Map(column.foot),
    isRanked: column.cells.some((cell) => cell[5]),
    chance: metric.chance,
    range: reach(numbers), // a floor far from all models has no bar, as it would squeeze them together
    of(model) {
      const cell = cellsOf[number].get(model);
      if (!cell) return null;
      const [, text, value, low, high, rank, best, beats, reason] = cell;
      return { text, value, low, high, rank, best, beats, reason };
    },
    floors: column.floors,
  };
}

function rankColumn(standing, title, note) {
  const { ranks, lacks, intervals } = standing, last = data.roles.filter((role) => role === "reference").length + 1;
  return {
    title,
    note,
    better: "lower",
    foot: new Map(),
    range: [1, last],
    of(model) {
      const value = ranks[model], [low, high] = intervals[model];
      if (!isNumber(low)) return { text: data.roles[model] === "floor" ? "" : "–", value, reason: lacks[model] };
      const interval = `${low.toFixed(1)}–${high.toFixed(1)}`;
      if (isNumber(value)) return { text: `${value.toFixed(1)} (${interval})`, value, low, high };
      return { text: `(${interval})`, value: (low + high) / 2, low, high }; // a newcomer has only an interval
    },
  };
}

// A column with the floors that each ranked row beats, over all columns of one headline.
function beatsColumn(shown) {
  return {
    title: "Beats floors",
    note: "",
    better: "higher",
    foot: new Map(),
    range: [0, 0],
    of(model) {
      const ranked = shown.map((column) => [column.floors, column.of(model)]).filter(([, found]) => found && found.rank);
      const told = ranked.flatMap(([floors, found]) => floors.map((floor) => [floor, found.beats.includes(floor)]));
      if (!told.length) return { text: "" };
      const value = told.filter(([, done]) => done).length, missed = unique(told.filter(([, done]) => !done).map(([floor]) => floor));
      return { text: `${value} of ${told.length}${missed.length ? `; not ${missed.join(", ")}` : ""}`, value };
    },
  };
}

const withFloors = (shown) => (shown.some((column) => column.isRanked && column.floors.length) ? [...shown, beatsColumn(shown)] : shown);

function columns() {
  const everywhere = view.dataset === "all";
  if (view.metric === "ranks") {
    return data.standings.flatMap((standing) => {
      const { title } = data.metrics[standing.metric], verdict = capital(standing.verdict);
      if (everywhere) return rankColumn(standing, verdict, title);
      return numbered((c) => c.metric === standing.metric && isOnDataset(c)).map((one) => cellColumn(one, verdict, title));
    });
  }
  const found = numbered(isWanted).map((one) => cellColumn(one, several() ? data.metrics[one[0].metric].title : data.datasets[one[0].dataset]));
  const standing = data.standings.find((one) => String(one.metric) === view.metric);
  if (several()) return found;
  return standing && everywhere ? [rankColumn(standing, "Mean rank", "over datasets"), ...withFloors(found)] : withFloors(found);
}

function caption(isRanked) {
  const everywhere = view.dataset === "all", place = everywhere ? "every dataset" : data.datasets[view.dataset];
  const none = "There is no total score: you decide which question matters most.";
  const bars = `Bars show 95 % intervals.${isRanked ? " Framed numbers are rank intervals; 1 is best. The best mean is bold. ≈ marks models that are not significantly worse (Hsu's test), = models that are equivalent to it. A model with rank 1 in its interval may be best, too." : ""}`;
  if (view.metric === "ranks") return everywhere ? `Mean rank over datasets (1 is best), followed by the mean of the rank intervals. ${none} ${bars}` : `The headline number of each verdict on ${place}. ${none} ${bars}`;
  if (several()) return `Every ${view.metric === "all" ? "" : view.metric === "summary" ? "summary " : `${view.metric.slice(8)} `}metric on ${place}. ${bars}`;
  const { title, verdict, better, regime } = metricOf(), direction = arrowOf(metricOf()) ? `, ${better} is better` : "";
  return `${capital(verdict)}: ${title} on ${place}${direction}, models trained on ${regime} images. ${bars}`;
}

function bar({ value, low, high }, [least, most]) {
  if (!isNumber(value) || !(most > least) || value < least || value > most) return null;
  const at = (v) => `${(2 + Math.min(1, Math.max(0, (v - least) / (most - least))) * 96).toFixed(2)}%`;
  return draw("svg", { class: "bar", "aria-hidden": "true" },
    draw("line", { x1: 0, x2: "100%", y1: 4.5, y2: 4.5 }),
    isNumber(low) ? draw("line", { class: "span", x1: at(low), x2: at(high), y1: 4.5, y2: 4.5 }) : null,
    draw("circle", { cx: at(value), cy: 4.5, r: 2.8 }));
}

function cell(found, column) {
  if (!found) return make("td", {}, "–");
  const rank = found.rank ? make("span", { class: "rank", title: "rank interval" }, found.rank) : null;
  const wide = column.title === "Beats floors" ? "words" : null;
  return make("td", { class: wide, title: found.reason || null }, found.best ? make("strong", {}, found.text) : found.text, rank, bar(found, column.range));
}

function ordered(shown) {
  const models = data.models.map((_, i) => i), column = shown[view.sort - 1];
  const names = (a, b) => data.models[a].localeCompare(data.models[b], "en") || a - b;
  const sign = view.down ? -1 : 1;
  if (!column) return models.sort((a, b) => sign * names(a, b));
  const value = new Map(models.map((m) => [m, (column.of(m) || {}).value]));
  return models.sort((a, b) => {
    const [x, y] = [value.get(a), value.get(b)];
    if (!isNumber(x) || !isNumber(y)) return isNumber(y) - isNumber(x) || names(a, b); // rows without a number come last
    return sign * (x - y) || names(a, b);
  });
}

function sortBy(number, column) {
  if (view.sort === number) view.down = !view.down;
  else Object.assign(view, { sort: number, down: Boolean(column) && column.better === "higher" }); // best first
  board();
  find("board").querySelectorAll("thead button")[number].focus();
}

function heads(shown) {
  const arrow = view.down ? "\u00a0▼" : "\u00a0▲";
  const head = (title, note, number, column) => make("th", { scope: "col", "aria-sort": view.sort === number ? (view.down ? "descending" : "ascending") : "none", title: column && column.tip },
    make("button", { type: "button", onclick: () => sortBy(number, column) }, title, view.sort === number ? make("span", { "aria-hidden": "true" }, arrow) : null, note ? make("small", {}, note) : null));
  return make("tr", {}, head("Model", "", 0), shown.map((column, i) => head(column.title, column.note, i + 1, column)));
}

// Whether a model's name has every word of the filter.
const isNamed = (model) => view.filter.toLowerCase().split(/\s+/).every((word) => data.models[model].toLowerCase().includes(word));

// Whether a row has nothing to tell in these columns. The overall table is the way to every model's runs, so it has all
// rows except floors, which are not ranked.
function isEmpty(model, shown) {
  return (view.metric !== "ranks" || data.roles[model] === "floor") && shown.length && shown.every((column) => ["", "–"].includes((column.of(model) || { text: "" }).text));
}

function board() {
  const all = columns(), shown = all.filter(isShown), table = find("board");
  const named = ordered(shown).filter(isNamed), models = named.filter((model) => !isEmpty(model, shown));
  table.style.maxWidth = `${16 + 18 * shown.length}rem`;
  find("scroller").classList.toggle("whole", shown.length > 6);
  chooser(all);
  table.tHead.replaceChildren(heads(shown));
  table.tBodies[0].replaceChildren(...models.map((model) => {
    const name = data.models[model], open = () => openRun(model);
    const opening = make("button", { type: "button", onclick: (event) => { event.stopPropagation(); open(); } }, name);
    return make("tr", { class: data.roles[model], onclick: open }, make("th", { scope: "row" }, hasRun(model) ? opening : name),
      shown.map((column) => cell(column.of(model), column)));
  }));
  const feet = unique(shown.flatMap(({ foot }) => [...foot.keys()]));
  table.tFoot.replaceChildren(...feet.map((label) => make("tr", {}, make("td", {}, label), shown.map(({ foot }) => make("td", {}, foot.get(label) || "")))));
  find("forests").replaceChildren(...forests());
  find("scatters").replaceChildren(...scatters());
  find("matrices").replaceChildren(...matrices());
  find("caption").textContent = caption(shown.some((column) => column.isRanked));
  const toSee = !data.runs.length ? "" : data.runs.some((run) => run.drawn) ? "Open a model to see its pictures." : "Open a model to see its runs.";
  const empty = named.filter((model) => !models.includes(model)).map((model) => data.models[model]);
  const without = !empty.length ? [] : isOverall() ? ["Floors have no mean rank: choose a dataset or a metric to see their numbers."] : [`Without a number here: ${empty.join(", ")}.`];
  const told = named.length || !view.filter.trim() ? [...without, toSee] : [`No model is called “${view.filter}”.`];
  find("count").textContent = [`${models.length} of ${data.models.length} rows.`, ...told].join(" ");
  widths();
}

function pickers() {
  const listed = data.metrics.map((m, i) => [i, `${m.title}${arrowOf(m)}${m.leads ? " ★" : ""}`, m]);
  const metricsOf = (verdict) => listed.filter(([, , m]) => m.verdict === verdict && !m.floor);
  const titleOf = (verdict) => (verdict === "cost" ? "Cost, not ranked" : capital(verdict));
  const groups = unique(data.metrics.map((m) => m.verdict)).map((verdict) => ({ title: titleOf(verdict), options: [[`verdict ${verdict}`, `every ${verdict} metric`], ...metricsOf(verdict)] }));
  const floors = listed.filter(([, , m]) => m.floor);
  if (floors.length) groups.push({ title: "Floors, the same for every model", options: floors });
  if (!data.standings.length) view.metric = data.summary.length ? "summary" : "all";
  if (data.datasets.length === 1) view.dataset = "0";
  choose(find("metric"), [...(data.standings.length ? [["ranks", "Overall"]] : []), ...(data.summary.length ? [["summary", "Summary"]] : []), ["all", "Every metric"], ...groups], view.metric);
  choose(find("dataset"), [...(data.datasets.length > 1 ? [["all", "All datasets"]] : []), ...data.datasets.map((name, i) => [i, name])], view.dataset);
  const picked = () => { pick(); remember(true); };
  find("metric").addEventListener("change", picked);
  find("dataset").addEventListener("change", () => { view.isLent = false; picked(); });
  find("filter").addEventListener("input", () => { view.filter = find("filter").value; board(); remember(false); });
  find("pickers").addEventListener("submit", (event) => event.preventDefault());
}

function pick() {
  if (view.isLent) find("dataset").value = "all";
  Object.assign(view, { metric: find("metric").value, dataset: find("dataset").value, sort: 0, down: false });
  view.isLent = several() && view.dataset === "all" && data.datasets.length > 0;
  if (view.isLent) find("dataset").value = view.dataset = "0"; // all datasets would be too many columns; they come back with one metric
  first();
  board();
}

function first() {
  // sort by the first column, best first
  const [column] = columns().filter(isShown);
  Object.assign(view, column ? { sort: 1, down: column.better === "higher" } : { sort: 0, down: false });
}

function arrows(event) {
  // the up and down keys move between models
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const buttons = [...find("board").tBodies[0].querySelectorAll("button")], at = buttons.indexOf(document.activeElement);
  if (!step || at < 0) return;
  event.preventDefault();
  buttons[Math.min(Math.max(at + step, 0), buttons.length - 1)].focus();
}
