// Models by datasets: an overview of each headline, for boards with several datasets. The stronger the colour, the better the place.

const SHADES = 5;

// The column of each dataset; of several variants, the one in which most models have a number.
function mainColumns(metric) {
  const filled = ([column]) => column.cells.filter((cell) => isNumber(cell[2])).length;
  return data.datasets.map((_, dataset) => numbered((c) => c.metric === metric && c.dataset === dataset).sort((a, b) => filled(b) - filled(a))[0]).filter(Boolean);
}

// Each model's place among the suite's models, by its mean: 0 for the best, 1 for the worst.
function placesIn([column, number]) {
  const sign = data.metrics[column.metric].better === "higher" ? -1 : 1, cells = [...cellsOf[number].values()].filter((cell) => isNumber(cell[2]));
  const models = cells.filter(([model]) => data.roles[model] === "reference").map((cell) => sign * cell[2]);
  return new Map(cells.map(([model, , value]) => [model, models.filter((one) => one < sign * value).length / Math.max(1, models.length - 1)]));
}

function matrix(metric) {
  const own = mainColumns(metric), places = own.map(placesIn);
  if (own.length < 2) return null;
  const mean = (model) => { const found = places.map((one) => one.get(model)).filter(isNumber); return found.length ? found.reduce((a, b) => a + b, 0) / found.length : Infinity; };
  const rows = data.models.map((_, model) => [model, data.roles[model] === "floor", mean(model)]).filter(([model, , one]) => isNumber(one) && isNamed(model));
  rows.sort((a, b) => a[1] - b[1] || a[2] - b[2] || a[0] - b[0]);
  const { title, verdict, better, chance } = data.metrics[metric];
  const isPoor = (value) => isNumber(chance) && (better === "higher" ? value < chance : value > chance);
  const head = ([column]) => make("th", { scope: "col" }, make("button", { type: "button", onclick: () => goTo(column.dataset) }, data.datasets[column.dataset]));
  const one = (model, isFloor) => ([, number], i) => {
    const cell = cellsOf[number].get(model);
    if (!cell) return make("td", {}, "–");
    const place = places[i].get(model), shade = isNumber(place) && !isFloor && !isPoor(cell[2]) ? `shade-${Math.min(SHADES - 1, Math.floor((1 - Math.min(1, place)) * SHADES))}` : null;
    return make("td", { class: shade, title: cell[1] }, make(place === 0 && !isFloor ? "strong" : "span", {}, isNumber(cell[2]) ? /^[-\d.,]*/.exec(cell[1])[0] : cell[1])); // the number without its marks
  };
  return scrolling(`${capital(verdict)}: models by datasets`, make("table", { class: "matrix" },
    make("caption", {}, `${capital(verdict)}: ${title}, ${better} is better${isNumber(chance) ? `; ${chance} is chance, and worse means have no colour` : ""}`),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Model"), own.map(head))),
    make("tbody", {}, rows.map(([model, isFloor]) => make("tr", { class: data.roles[model] }, make("th", { scope: "row" }, data.models[model]), own.map(one(model, isFloor)))))));
}

function goTo(dataset) {
  view.isLent = false;
  find("dataset").value = String(dataset);
  pick();
  remember(true);
  find("dataset").focus();
}

function matrices() {
  const shown = ["ranks", "summary"].includes(view.metric) && data.datasets.length > 1;
  const drawn = shown ? data.metrics.map((one, metric) => (one.leads ? matrix(metric) : null)).filter(Boolean) : [];
  find("matrix").hidden = !drawn.length;
  return drawn;
}
