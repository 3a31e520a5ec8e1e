// The board's headline numbers for the open models and all metrics of their runs, with differences if two are open.

function bestIn(column) {
  const sign = data.metrics[column.metric].better === "higher" ? -1 : 1;
  const models = column.cells.filter((cell) => isNumber(cell[2]) && data.roles[cell[0]] === "reference");
  return models.sort((a, b) => sign * (a[2] - b[2]) || a[0] - b[0])[0];
}

// The number for the chosen seed, from the run trained in the metric's regime.
function ofSeed(model, metric) {
  const { regime } = data.metrics[metric];
  const run = data.runs.find((r) => r.model === model && r.dataset === state.dataset && r.regime === regime && r.seed === state.seed && r.device === state.device);
  const found = run && run.metrics.find(([, , value, , , , , number]) => isNumber(value) && number === metric);
  return found ? short(found[2]) : "–";
}

const ends = (rank) => { const found = /^(\d+)(?:–(\d+))?/.exec(rank || ""); return found ? [Number(found[1]), Number(found[2] || found[1])] : null; };

// For a ranked model and a floor: the board has tested whether the model beats the floor.
function againstFloor(one, floor) {
  if (!one[5] || data.roles[floor[0]] !== "floor") return null;
  const beaten = one[7].includes(bare(floor[0]));
  return beaten ? "beats this floor" : `${data.models[one[0]]} does not beat this floor`;
}

// For two models of the suite: the board has tested every pair of them, so ranks that overlap decide nothing.
function againstModel({ apart: [tested, rows] }, one, other) {
  const [first, last] = [one, other].map(([model]) => tested.indexOf(model)).sort((a, b) => a - b);
  return first < 0 ? null : rows[last][first] === "1" ? "significant" : "not significant";
}

// For a pair that the board has not tested, such as a newcomer and a model of the suite.
function byRanks(one, other) {
  const [a, b] = [ends(one[5]), ends(other[5])];
  return !a || !b ? "no ranks" : a[1] < b[0] || b[1] < a[0] ? "rank intervals do not overlap" : "rank intervals overlap";
}

// The difference of two cells, the better one, and how sure that is.
function winner([one, other], column, names) {
  if (!one || !other || !isNumber(one[2]) || !isNumber(other[2])) return ["–", "–"];
  const by = one[2] - other[2], first = data.metrics[column.metric].better === "higher" ? by > 0 : by < 0;
  if (by === 0) return ["0", "equal means"];
  const sure = againstFloor(one, other) || againstFloor(other, one) || againstModel(column, one, other) || byRanks(one, other);
  return [`${by > 0 ? "+" : "−"}${short(Math.abs(by), 3)}`, `${names[first ? 0 : 1]} (${sure})`];
}

function standings(panes) {
  const models = panes.map(({ run }) => run.model), pair = panes.length > 1;
  const leading = data.metrics.flatMap((one, metric) => (one.leads ? mainColumns(metric) : [])).filter(([column]) => column.dataset === state.dataset);
  if (!leading.length) return make("p", { class: "quiet" }, "No verdict is ranked on this dataset.");
  const told = (cell) => (cell ? [cell[6] ? make("strong", {}, cell[1]) : cell[1], cell[5] ? make("span", { class: "rank", title: "rank interval" }, cell[5]) : null] : "–");
  const floors = (column, cell) => (cell && cell[5] && column.floors.length ? `${cell[7].length} of ${column.floors.length}${column.floors.some((one) => !cell[7].includes(one)) ? `; not ${column.floors.filter((one) => !cell[7].includes(one)).join(", ")}` : ""}` : "–");
  const rows = leading.map(([column, number]) => {
    const metric = data.metrics[column.metric], cells = models.map((model) => cellsOf[number].get(model)), best = bestIn(column);
    const [by, better] = pair ? winner(cells, column, panes.map((p) => p.name)) : [];
    const rest = pair ? [better, ...cells.map(told), by].map((one) => make("td", {}, one)) // the verdict first, so that a phone shows it
      : [ofSeed(models[0], column.metric), told(cells[0]), floors(column, cells[0]), best ? `${data.models[best[0]]}: ${best[1]}` : "–"].map((one) => make("td", {}, one));
    return make("tr", {}, make("th", { scope: "row" }, `${capital(metric.verdict)}: ${metric.title}${arrowOf(metric)}`), rest);
  });
  const heads = pair ? ["Better", ...panes.map((p) => p.name), "Difference of means"] : [`Seed ${state.seed}`, "Mean over seeds, rank interval", "Floors beaten", "Best model"];
  const means = "Means over all seeds, for models trained as each headline requires.";
  const choices = pair ? "The seed and “Trained on” above change nothing here. Significant: according to the test behind the ranks, with Holm’s correction over all pairs of the suite’s models."
    : "Of the choices above, the seed changes only the first column, and “Trained on” changes nothing here.";
  return [make("p", { class: "quiet" }, `${means} ${choices}`), scrolling("Headline numbers", make("table", { class: "facts" }, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Headline"), heads.map((head) => make("th", { scope: "col" }, head)))), make("tbody", {}, rows)))];
}

function numbers(panes) {
  // a row per metric, a column per model
  const rows = new Map(), pair = panes.length > 1;
  panes.forEach(({ run }, side) => run.metrics.forEach(([title, verdict, ...answer]) => {
    if (!rows.has(verdict)) rows.set(verdict, new Map());
    if (!rows.get(verdict).has(title)) rows.get(verdict).set(title, panes.map(() => null));
    rows.get(verdict).get(title)[side] = answer;
  }));
  const shown = (answer) => {
    if (!answer) return make("td", {}, "–");
    const [value, error, unit, variant, reason] = answer;
    if (value === null) return make("td", { class: "quiet" }, reason || "–");
    return make("td", {}, short(value), isNumber(error) ? ` ± ${short(1.96 * error, 2)}` : "", unit ? ` ${unit}` : "", variant ? make("small", { class: "quiet" }, ` ${variant}`) : null);
  };
  const apart = (answers) => {
    const [one, other] = answers.map((answer) => answer && answer[0]), { better } = data.metrics[(answers[0] || answers[1])[5]] || {};
    if (!isNumber(one) || !isNumber(other) || answers[0][3] !== answers[1][3]) return make("td", {}, "–");
    const ahead = one === other || !better ? "" : `; better: ${panes[(one > other) === (better === "higher") ? 0 : 1].name}`;
    return make("td", {}, `${one < other ? "−" : one > other ? "+" : ""}${short(Math.abs(one - other), 3)}${ahead}`);
  };
  const reasons = new Map(); // metrics without any number are listed below, grouped by reason
  for (const found of rows.values()) {
    for (const [title, answers] of found) {
      if (answers.some((answer) => answer && isNumber(answer[0]))) continue;
      const reason = answers.map((answer) => answer && answer[4]).find(Boolean) || "no reason was recorded";
      reasons.set(reason, [...(reasons.get(reason) || []), title]);
      found.delete(title);
    }
  }
  const bodies = [...rows].filter(([, found]) => found.size).map(([verdict, found]) => make("tbody", {},
    make("tr", {}, make("th", { scope: "rowgroup", colspan: panes.length + (pair ? 2 : 1) }, capital(verdict))),
    [...found].map(([title, answers]) => make("tr", {}, make("th", { scope: "row" }, title), answers.map(shown), pair ? apart(answers) : null))));
  const heads = ["Metric", ...(pair ? [...panes.map(({ name, side }) => who(panes, name, side)), "Difference (one seed, not conclusive)"] : ["Value"])];
  return make("div", {}, make("p", { class: "quiet" }, "± is half of a 95 % interval. It reflects the choice of test images only, not that of the seed."),
    scrolling("Metrics of this run", make("table", { class: "facts" }, make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))), bodies)),
    reasons.size ? make("details", {}, make("summary", {}, `Metrics without a number: ${[...reasons.values()].flat().length}`), make("ul", {}, [...reasons].map(([reason, titles]) => make("li", {}, `${titles.join(", ")}: ${reason}`)))) : null);
}
