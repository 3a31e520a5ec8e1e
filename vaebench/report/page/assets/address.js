// Every view has an address: the part after # encodes what is shown, so that links can be shared and Back works.

function address() {
  const parts = new URLSearchParams();
  parts.set("metric", metricOf() ? metricOf().name : view.metric);
  parts.set("dataset", askedDataset() === "all" ? "all" : data.datasets[view.dataset]);
  if (view.filter) parts.set("models", view.filter);
  for (const title of view.without) parts.append("without", title);
  const run = find("run").open && runOf(state.model);
  if (run) {
    parts.set("run", run.id);
    parts.set("device", run.device);
    if (state.beside !== "") parts.set("beside", data.models[state.beside]);
  }
  return `#${parts}`;
}

function remember(isStep) {
  // Back undoes a step; other changes only replace the current address
  const now = address();
  if (now === location.hash) return;
  if (isStep) history.pushState({ opened: find("run").open }, "", now);
  else history.replaceState(history.state, "", now);
}

function follow() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const wanted = parts.get("metric"), number = data.metrics.findIndex((metric) => metric.name === wanted), metric = number < 0 ? wanted : String(number);
  const place = data.datasets.indexOf(parts.get("dataset")), dataset = place < 0 ? parts.get("dataset") : String(place), filter = parts.get("models") || "";
  for (const [id, value] of [["metric", metric], ["dataset", dataset]]) {
    if ([...find(id).options].some((option) => option.value === value)) find(id).value = value;
  }
  const without = parts.getAll("without"), told = (metricNow, datasetNow, filterNow, titles) => JSON.stringify([metricNow, datasetNow, filterNow, [...titles]]);
  const changed = told(find("metric").value, find("dataset").value, filter, without) !== told(view.metric, askedDataset(), view.filter, view.without);
  view.without = new Set(without);
  view.filter = find("filter").value = filter;
  if (changed) {
    view.isLent = false;
    pick();
  } else find("dataset").value = view.dataset; // rows keep their order and the focus
  const run = data.runs.find((r) => r.id === parts.get("run") && [null, r.device].includes(parts.get("device")));
  if (!run) return find("run").open && find("run").close();
  const { model, dataset: on, regime, seed, device } = run, beside = data.models.indexOf(parts.get("beside"));
  Object.assign(state, { model, dataset: on, regime, seed, device, beside: beside < 0 ? "" : beside });
  showRun();
}

function closed() {
  // closed by its button or by Escape: undo the history entry that opening the run added
  find("run-body").replaceChildren();
  if (address() === location.hash) return;
  if (history.state && history.state.opened) history.back();
  else remember(false);
}
