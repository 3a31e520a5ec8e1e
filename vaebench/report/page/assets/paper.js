// Prints the findings unfolded, and an open run in full: a dialog would be cut off after the first page.

function unfold(place) {
  place.querySelectorAll("details:not([open])").forEach((one) => { one.open = true; one.dataset.folded = ""; });
}

function fold(place) {
  place.querySelectorAll("[data-folded]").forEach((one) => { one.open = false; delete one.dataset.folded; });
}

function toPaper() {
  unfold(find("findings"));
  if (!find("run").open) return;
  unfold(find("run-body"));
  find("paper").replaceChildren(make("h2", {}, find("run-title").textContent), ...find("run-body").childNodes);
  document.body.classList.add("on-paper");
}

function fromPaper() {
  fold(find("findings"));
  if (!document.body.classList.contains("on-paper")) return;
  document.body.classList.remove("on-paper");
  fold(find("paper"));
  find("run-body").replaceChildren(...[...find("paper").childNodes].slice(1));
  find("paper").replaceChildren();
}
