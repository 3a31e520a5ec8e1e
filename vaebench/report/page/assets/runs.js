// One run in full, alone or next to that of another model.

const state = { model: 0, beside: "", dataset: 0, regime: "", seed: 0, device: "" };

function runOf(model) {
  return data.runs.find((r) => r.model === model && r.dataset === state.dataset && r.regime === state.regime && r.seed === state.seed && r.device === state.device)
    || data.runs.find((r) => r.model === model && r.dataset === state.dataset && r.regime === state.regime && r.seed === state.seed);
}

function settle() {
  // keep the current choice if there is such a run, otherwise take the closest one
  const own = data.runs.filter((r) => r.model === state.model);
  for (const [i, key] of ["dataset", "regime", "seed", "device"].entries()) {
    const fixed = ["dataset", "regime", "seed", "device"].slice(0, i);
    const able = unique(own.filter((r) => fixed.every((k) => r[k] === state[k])).map((r) => r[key]));
    if (!able.includes(state[key])) state[key] = able[0];
  }
}

const hasRun = (model) => data.runs.some((r) => r.model === model);

function openRun(model) {
  if (!hasRun(model)) return;
  Object.assign(state, { model, beside: "" });
  if (view.dataset !== "all") state.dataset = Number(view.dataset);
  if (metricOf()) state.regime = metricOf().regime;
  settle();
  showRun();
  remember(true);
}

function showRun() {
  render();
  if (!find("run").open) find("run").showModal();
  find("run").scrollTop = 0;
}

function who(panes, name, side) {
  return panes.length > 1 ? make("p", { class: side ? "who other" : "who one" }, name) : null;
}

function aboutImage(run, at) {
  const one = (run.drawn && isList(run.drawn.shown) && run.drawn.shown[at]) || {};
  const [health, label] = [one.health || "", one.label === undefined ? "" : String(one.label)];
  return health && label && health.toLowerCase() !== label.toLowerCase() ? `${label} (${health})` : label || health;
}

function strip(title, run, name, from = 0, many = 8, truth = null) {
  const total = Math.max(0, Math.min(many, count(run, name) - from));
  return make("div", { class: "strip" }, make("span", {}, title), Array.from({ length: total }, (_, i) => tile(run, name, from + i, `${title}, image ${i + 1}: ${aboutImage(run, i)}`, truth)));
}

function reconstructions(panes) {
  const first = panes[0].run, shown = count(first, "originals");
  if (!shown) return panes.map(({ run }) => told(run, "reconstructions"));
  const rows = [make("div", { class: "strip" }, make("span", {}, ""), Array.from({ length: shown }, (_, i) => make("span", {}, aboutImage(first, i)))), strip("original", first, "originals")];
  if (count(first, "masks")) rows.push(strip("truth: where the disease is", first, "masks"));
  for (const { run, name } of panes) {
    const of = panes.length > 1 ? `${name}: ` : "";
    if (count(run, "reconstructions")) rows.push(strip(`${of}reconstruction`, run, "reconstructions"), strip(`${of}residual (white: 0.25 or more)${count(run, "masks") ? ", truth outlined" : ""}`, run, "residuals", 0, 8, "masks"));
    else rows.push(told(run, "reconstructions"));
    if (count(run, "variations")) rows.push(strip(`${of}drawn from the posterior`, run, "variations"));
  }
  return [make("div", { class: "strips", tabindex: 0, role: "group", "aria-label": "Test images and their reconstructions" }, rows)];
}

function along({ run }) {
  const steps = run.drawn && isList(run.drawn.along) ? run.drawn.along : [];
  if (!count(run, "along") || !steps.length) return told(run, "along");
  const each = Math.floor(count(run, "along") / steps.length);
  return make("div", { class: "strips", tabindex: 0, role: "group", "aria-label": "Reconstructions during training" }, strip("original", run, "originals"), steps.map((step, i) => strip(`step ${step}`, run, "along", i * each, each)));
}

function samples({ run }) {
  const many = count(run, "samples");
  if (!many) return told(run, "samples");
  const near = count(run, "neighbours"), far = (run.drawn && isList(run.drawn.neighbours) && run.drawn.neighbours) || [];
  const square = make("div", { class: "square", role: "group", "aria-label": "Samples" }, Array.from({ length: Math.min(many, 25) }, (_, i) => tile(run, "samples", i, `sample ${i + 1}`)));
  const pairs = make("div", { class: "square" },
    Array.from({ length: near }, (_, i) => tile(run, "samples", i, `sample ${i + 1}`)),
    Array.from({ length: near }, (_, i) => tile(run, "neighbours", i, `training image nearest to sample ${i + 1}`)),
    Array.from({ length: near }, (_, i) => make("span", { class: "quiet" }, short(far[i]))));
  return make("div", { class: "beside" }, square, near ? make("div", {}, make("h4", {}, "Nearest training images"), pairs, make("p", { class: "quiet" }, "Top: the first samples. Below each: the training image with the smallest root-mean-square pixel difference, and that difference. This does not show whether the model copies training images; see the copying metrics for that.")) : null);
}

function losses(panes) {
  const drawn = curves(panes);
  if (!drawn.length) return make("p", { class: "quiet" }, "None: the model is not trained in steps.");
  return [panes.length > 1 ? legend(panes.map((p) => [p.name, sideLook(p.side)])) : null, make("div", { class: "plots" }, drawn)];
}

function mapsOf(run) {
  const { labels, pixels, codes } = (run.drawn && run.drawn.maps) || {};
  const found = { labels: data.alike[labels], pixels: data.alike[pixels], codes };
  return Object.values(found).every(isList) ? found : null;
}

function maps(panes) {
  const able = panes.filter(({ run }) => mapsOf(run)).map(({ run, name }) => ({ name, ...mapsOf(run) })), [first] = able;
  return make("div", { class: "plots" }, mapOf(first.pixels, first.labels, "pixels"),
    able.map(({ name, labels, codes }) => mapOf(codes, labels, panes.length > 1 ? `codes of ${name}` : "codes")));
}

// Whether this model has a run on this dataset that was trained on healthy images only.
const ofHealthy = () => data.runs.some((r) => r.model === state.model && r.dataset === state.dataset && r.regime === "healthy");

function anomalies(panes) {
  if (state.regime !== "healthy") {
    const go = () => { state.regime = "healthy"; settle(); render(); remember(false); find("run-regime").focus(); };
    return [make("p", { class: "quiet" }, "Anomaly scores are computed for models trained on healthy images only. "), make("button", { type: "button", onclick: go }, "Show that run")];
  }
  if (panes.length === 1) return [make("div", { class: "plots" }, rocs(panes), histograms(panes[0].run))];
  return [rocs(panes), each(panes, ({ run }) => make("div", { class: "plots" }, histograms(run)))];
}

function provenance({ run }) {
  const groups = unique(run.about.map(([group]) => group)).map((group) => make("tbody", {},
    make("tr", {}, make("th", { scope: "rowgroup", colspan: 2 }, group)),
    run.about.filter((one) => one[0] === group).map(([, name, value]) => make("tr", {}, make("td", {}, name), make("td", {}, value)))));
  return make("div", {}, make("p", {}, "To repeat this run, use this command in the folder that contains the results folder:"), command(run.command),
    make("details", {}, make("summary", {}, "Configuration and provenance"), make("table", { class: "facts" }, groups)));
}

// For each section: its title, its name in the pictures file, a test whether a run has it, and the function that draws it.
const PICTURES = [
  ["Reconstructions of test images", "reconstructions", (run) => count(run, "originals"), reconstructions],
  ["Samples from the prior", "samples", (run) => count(run, "samples"), (panes) => each(panes, samples)],
  ["Through the latent space", "dimensions", (run) => dimensionsOf(run).length, (panes) => each(panes, dimensions)],
  ["Between two images", "between", isBetween, between],
  ["Anomaly scores", "scores", (run) => (state.regime === "healthy" ? scored(run).length : ofHealthy()), anomalies],
  ["Reconstructions during training", "along", (run) => count(run, "along") && isList(run.drawn.along) && run.drawn.along.length, (panes) => each(panes, along)],
  ["t-SNE of pixels and of codes", "maps", mapsOf, maps],
];

const each = (panes, show) => [make("div", { class: panes.length > 1 ? "panes two" : "panes" }, panes.map((pane) => make("div", {}, who(panes, pane.name, pane.side), show(pane))))];

function sections(panes) {
  const shown = PICTURES.filter(([, , has]) => panes.some(({ run }) => has(run))), missing = PICTURES.filter((one) => !shown.includes(one));
  const without = panes.every(({ run }) => !run.drawn); // one line instead of one per section
  const reason = (name) => why(panes[0].run, name) || (name === "scores" && state.regime !== "healthy" ? "the model was not trained on healthy images only" : "not in the pictures file");
  const line = () => make("p", { class: "quiet" }, `${missing.map(([title, name]) => `${title}: ${reason(name)}`).join(". ")}.`);
  return [
    ["Headline numbers", () => standings(panes)],
    ...(without ? [["Pictures", () => told(panes[0].run, "")]] : shown.map(([title, , , show]) => [title, () => show(panes)])),
    ...(without || !missing.length ? [] : [["Not shown", line]]),
    ["Losses", () => losses(panes)],
    ["Metrics of this run", () => numbers(panes)],
    ["Repeat this run", () => each(panes, provenance)],
  ];
}

function runPickers() {
  const models = data.models.map((name, i) => [i, name]).filter(([i]) => data.runs.some((r) => r.model === i));
  const own = data.runs.filter((r) => r.model === state.model), same = (r, ...keys) => keys.every((key) => r[key] === state[key]);
  choose(find("run-model"), models, state.model);
  choose(find("run-dataset"), unique(own.map((r) => r.dataset)).map((d) => [d, data.datasets[d]]), state.dataset);
  choose(find("run-regime"), unique(own.filter((r) => same(r, "dataset")).map((r) => r.regime)).map((r) => [r, `${r} images`]), state.regime);
  choose(find("run-seed"), unique(own.filter((r) => same(r, "dataset", "regime")).map((r) => r.seed)).map((s) => [s, s]), state.seed);
  const devices = unique(own.filter((r) => same(r, "dataset", "regime", "seed")).map((r) => r.device));
  choose(find("run-device"), devices.map((d) => [d, d]), state.device);
  find("run-device").parentElement.hidden = devices.length < 2;
  const others = models.filter(([i]) => i !== state.model && runOf(i));
  if (!others.some(([i]) => i === state.beside)) state.beside = "";
  choose(find("run-beside"), [["", "no other model"], ...others], state.beside);
}

function render() {
  runPickers();
  const panes = [state.model, state.beside].filter((m) => m !== "").map((m, side) => ({ run: runOf(m), name: data.models[m], side }));
  find("run-title").textContent = `${panes.map((p) => p.name).join(" and ")} on ${data.datasets[state.dataset]}`;
  const shown = sections(panes).map(([title, show]) => {
    let inside;
    try { inside = show(); } catch (error) { inside = [make("p", { class: "quiet" }, `This section cannot be shown (${error.message}).`)]; }
    const head = make("h3", { tabindex: -1 }, title);
    return { head, title, section: make("section", {}, head, inside) };
  });
  const links = shown.map(({ title, head }) => make("button", { type: "button", onclick: () => { head.scrollIntoView(); head.focus({ preventScroll: true }); } }, title));
  find("run-body").replaceChildren(make("nav", { "aria-label": "Sections of this run" }, links), ...panes.filter((p) => p.run.error).map((p) => make("p", { role: "alert" }, `${p.name} failed: ${p.run.error}`)),
    ...shown.map(({ section }) => section));
}

function listen() {
  const changed = (key, number) => (event) => {
    const value = event.target.value;
    state[key] = number && value !== "" ? Number(value) : value;
    settle();
    render();
    remember(false);
  };
  for (const [key, number] of [["model", true], ["beside", true], ["dataset", true], ["regime", false], ["seed", true], ["device", false]]) find(`run-${key}`).addEventListener("change", changed(key, number));
  find("run-pickers").addEventListener("submit", (event) => event.preventDefault());
  find("close").addEventListener("click", () => find("run").close());
  find("run").addEventListener("close", closed);
}
