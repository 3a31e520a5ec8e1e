// Prints an open run in full: a dialog would be cut off after the first page.

function toPaper() {
  if (!find("run").open) return;
  const folded = [...find("run-body").querySelectorAll("details:not([open])")];
  folded.forEach((one) => { one.open = true; one.dataset.folded = ""; });
  find("paper").replaceChildren(make("h2", {}, find("run-title").textContent), ...find("run-body").childNodes);
  document.body.classList.add("on-paper");
}

function fromPaper() {
  if (!document.body.classList.contains("on-paper")) return;
  document.body.classList.remove("on-paper");
  find("paper").querySelectorAll("[data-folded]").forEach((one) => { one.open = false; delete one.dataset.folded; });
  find("run-body").replaceChildren(...[...find("paper").childNodes].slice(1));
  find("paper").replaceChildren();
}
