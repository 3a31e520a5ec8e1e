// Runs when the page opens.

function theme() {
  const root = document.documentElement, button = find("theme"), dark = matchMedia("(prefers-color-scheme: dark)");
  const now = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const name = () => { button.textContent = now() === "dark" ? "Light" : "Dark"; button.setAttribute("aria-label", `Switch to ${button.textContent.toLowerCase()} colours`); };
  button.addEventListener("click", () => { root.dataset.theme = now() === "dark" ? "light" : "dark"; name(); });
  dark.addEventListener("change", name);
  name();
}

function remarks() {
  const lines = [];
  if (data.folder) lines.push(`With its pictures, this page would be larger than 25 MB, so they are in the folder ${data.folder} next to it. Always move both together.`);
  if (data.left_out) lines.push(`${data.left_out} runs (those with the last seeds) are not shown because they would make this page too large; the board includes them.`);
  const beside = lines.length ? [{ title: "About this page", lines }] : [];
  find("notes").replaceChildren(...[...beside, ...data.notes].map((section, i) =>
    make("details", { open: i < beside.length }, make("summary", {}, section.title), make("ul", {}, section.lines.map((line) => make("li", {}, withCommands(line)))))));
}

// The first sentences on each verdict; the others are folded, so that the charts are seen without scrolling.
function findings() {
  const folded = (lead, ...more) => make("details", {}, make("summary", {}, lead), ...more);
  const named = (lead) => { const end = lead.indexOf(":"); return [make("strong", {}, lead.slice(0, end)), lead.slice(end)]; };
  const verdicts = data.findings.map(([lead, more]) => make("li", {}, more ? folded(named(lead), make("p", {}, more)) : named(lead)));
  const remarks = data.remarks.map((line) => make("li", {}, line));
  if (remarks.length) verdicts.push(make("li", {}, folded(`Splits that differ, and what training adds (${remarks.length})`, make("ul", {}, remarks))));
  find("findings").replaceChildren(...verdicts);
}

find("title").textContent = data.title;
findings();
find("about").replaceChildren(...data.about.map(([name, value]) => make("div", {}, make("dt", {}, `${name}: `), make("dd", {}, value))));
find("phantom").hidden = !data.phantom;
find("floor").hidden = !data.roles.includes("floor");
theme();
pickers();
remarks();
listen();
pick();
follow();
remember(false);
new ResizeObserver(widths).observe(find("scroller"));
addEventListener("popstate", follow);
addEventListener("hashchange", follow);
addEventListener("beforeprint", toPaper);
addEventListener("afterprint", fromPaper);
find("board").addEventListener("keydown", arrows);
