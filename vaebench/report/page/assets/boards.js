// The board: which columns are wanted, sorted and filtered, with intervals drawn.

const view = { metric: "ranks", dataset: "all", filter: "", sort: 0, down: false };
const cellsOf = data.columns.map((column) => new Map(column.cells.map((cell) => [cell[0], cell])));

function cellColumn(column, number) {
  const metric = data.metrics[column.metric], many = view.metric === "all";
  const name = many ? metric.title : data.datasets[column.dataset];
  const values = column.cells.flatMap((cell) => [cell[2], cell[3], cell[4]]).filter(isNumber);
  return {
    title: name + (column.variant ? ` [${column.variant}]` : ""),
    note: `${metric.better} is better`,
    better: metric.better,
    shortcut: column.shortcut,
    range: [Math.min(...values), Math.max(...values)],
    of(model) {
      const cell = cellsOf[number].get(model);
      if (!cell) return null;
      const [, text, mean, low, high, rank, tied, reason] = cell;
      return { text, value: mean, low, high, rank, tied, reason };
    },
  };
}

function rankColumn(standing) {
  const metric = data.metrics[standing.metric];
  const own = data.columns.map((c, i) => [c, i]).filter(([c]) => c.metric === standing.metric && (view.dataset === "all" || c.dataset === view.dataset));
  return {
    title: capital(standing.verdict),
    note: metric.title,
    better: "lower",
    range: [1, data.models.length],
    of(model) {
      if (view.dataset !== "all") {
        const cell = own.map(([, i]) => cellsOf[i].get(model)).find((one) => one && one[5]);
        return cell ? { text: "", value: cell[5], rank: cell[5], tied: cell[6] } : { text: "–", value: null, reason: standing.lacks[model] };
      }
      const value = standing.ranks[model], spread = standing.spread;
      if (value === null) return { text: "–", value: null, reason: standing.lacks[model] };
      const [low, high] = spread ? [Math.max(1, value - spread), Math.min(data.models.length, value + spread)] : [null, null];
      return { text: value.toFixed(1) + (spread ? ` ±${spread.toFixed(1)}` : ""), value, low, high };
    },
  };
}

function columns() {
  if (view.metric === "ranks") return data.standings.map(rankColumn);
  const wanted = (c) => (view.metric === "all" || c.metric === view.metric) && (view.dataset === "all" || c.dataset === view.dataset);
  const found = data.columns.map((c, i) => [c, i]).filter(([c]) => wanted(c)).map(([c, i]) => cellColumn(c, i));
  const standing = data.standings.find((one) => one.metric === view.metric);
  return standing && view.dataset === "all" ? [{ ...rankColumn(standing), title: "Mean rank", note: "over datasets" }, ...found] : found;
}

function caption() {
  const place = view.dataset === "all" ? "every dataset" : data.datasets[view.dataset];
  if (view.metric === "ranks") return `${view.dataset === "all" ? "Mean rank over datasets" : `Rank on ${place}`}, one column for each question. There is no total: which question matters is yours to say. 1 is best, = marks a tie.`;
  if (view.metric === "all") return `Every metric on ${place}.`;
  const { title, verdict, better, regime } = data.metrics[view.metric];
  return `${capital(verdict)}: ${title} on ${place}, ${better} is better, models trained on ${regime} images. Bars are 95 % intervals.`;
}

function bar({ value, low, high, text }, [least, most], wide) {
  if (!text || !isNumber(value) || !(most > least)) return null;
  const at = (v) => (4 + ((v - least) / (most - least)) * (wide - 8)).toFixed(1);
  return draw("svg", { class: "bar", width: wide, height: 9, "aria-hidden": "true" },
    draw("line", { x1: 0, x2: wide, y1: 4.5, y2: 4.5 }),
    isNumber(low) ? draw("line", { class: "span", x1: at(low), x2: at(high), y1: 4.5, y2: 4.5 }) : null,
    draw("circle", { cx: at(value), cy: 4.5, r: 2.6 }));
}

function cell(found, column, wide) {
  if (!found) return make("td", {}, "–");
  const rank = found.rank ? make("span", { class: found.rank === 1 ? "rank first" : "rank", title: "rank" }, `${found.rank}${found.tied ? "=" : ""}`) : null;
  return make("td", { title: found.reason || null }, found.text, rank, bar(found, column.range, wide));
}

function ordered(shown) {
  const models = data.models.map((_, i) => i), column = shown[view.sort - 1];
  const names = (a, b) => data.models[a].localeCompare(data.models[b], "en") || a - b;
  const sign = view.down ? -1 : 1;
  if (!column) return models.sort((a, b) => sign * names(a, b));
  const value = new Map(models.map((m) => [m, (column.of(m) || {}).value]));
  return models.sort((a, b) => {
    const [x, y] = [value.get(a), value.get(b)];
    if (!isNumber(x) || !isNumber(y)) return isNumber(y) - isNumber(x) || names(a, b); // what has no number comes last
    return sign * (x - y) || names(a, b);
  });
}

function sortBy(number, column) {
  if (view.sort === number) view.down = !view.down;
  else Object.assign(view, { sort: number, down: Boolean(column) && column.better === "higher" }); // the best first
  board();
  find("board").querySelectorAll("thead button")[number].focus();
}

function heads(shown) {
  const arrow = view.down ? " ↓" : " ↑";
  const head = (title, note, number, column) => make("th", { scope: "col", "aria-sort": view.sort === number ? (view.down ? "descending" : "ascending") : "none" },
    make("button", { type: "button", onclick: () => sortBy(number, column) }, title, view.sort === number ? make("span", { "aria-hidden": "true" }, arrow) : null, note ? make("small", {}, note) : null));
  return make("tr", {}, head("Model", "", 0), shown.map((column, i) => head(column.title, column.note, i + 1, column)));
}

function board() {
  const shown = columns(), table = find("board");
  const wide = shown.length < 3 && innerWidth > 640 ? 240 : shown.length < 7 && innerWidth > 640 ? 120 : 76;
  const words = view.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const models = ordered(shown).filter((m) => words.every((word) => data.models[m].toLowerCase().includes(word)));
  table.tHead.replaceChildren(heads(shown));
  table.tBodies[0].replaceChildren(...models.map((model) => {
    const open = () => openRun(model);
    const row = make("tr", { onclick: open },
      make("td", {}, make("button", { type: "button", onclick: (event) => { event.stopPropagation(); open(); } }, data.models[model])),
      shown.map((column) => cell(column.of(model), column, wide)));
    return row;
  }));
  const best = shown.some((column) => column.shortcut);
  const foot = make("tr", {}, make("td", {}, "no model: best shortcut, AUROC"), shown.map((c) => make("td", {}, c.shortcut ? `${c.shortcut[1].toFixed(3)} ${c.shortcut[0]}` : "")));
  table.tFoot.replaceChildren(...(best ? [foot] : []));
  find("caption").textContent = caption();
  find("count").textContent = `${models.length} of ${data.models.length} models. ${data.runs.length ? "Open one to see its pictures." : ""}`;
}

function pickers() {
  const verdicts = [...new Set(data.metrics.map((m) => m.verdict))];
  const metrics = verdicts.map((verdict) => ({ title: capital(verdict), options: data.metrics.map((m, i) => [i, m.title + (m.leads ? " ★" : "")]).filter(([i]) => data.metrics[i].verdict === verdict) }));
  if (!data.standings.length) view.metric = "all";
  choose(find("metric"), [...(data.standings.length ? [["ranks", "Ranks"]] : []), ["all", "All metrics"], ...metrics], view.metric);
  const several = data.datasets.length > 1;
  if (!several && data.datasets.length) view.dataset = 0;
  choose(find("dataset"), [...(several ? [["all", "All datasets"]] : []), ...data.datasets.map((name, i) => [i, name])], view.dataset);
  const number = (value) => (value === "all" || value === "ranks" ? value : Number(value));
  const changed = () => {
    Object.assign(view, { metric: number(find("metric").value), dataset: number(find("dataset").value), sort: 0, down: false });
    if (view.metric === "all" && view.dataset === "all" && data.datasets.length) find("dataset").value = view.dataset = 0; // side by side they would be too many
    const first = columns()[0];
    if (isNumber(view.metric) && first) Object.assign(view, { sort: 1, down: first.better === "higher" });
    board();
  };
  find("metric").addEventListener("change", changed);
  find("dataset").addEventListener("change", changed);
  find("filter").addEventListener("input", () => { view.filter = find("filter").value; board(); });
  find("pickers").addEventListener("submit", (event) => event.preventDefault());
  if (view.metric === "all") changed();
}

function arrows(event) {
  // up and down go from model to model
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const buttons = [...find("board").tBodies[0].querySelectorAll("button")], at = buttons.indexOf(document.activeElement);
  if (!step || at < 0) return;
  event.preventDefault();
  buttons[Math.min(Math.max(at + step, 0), buttons.length - 1)].focus();
}
