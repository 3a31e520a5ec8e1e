// What happens when the page opens.

function theme() {
  const root = document.documentElement, button = find("theme"), dark = matchMedia("(prefers-color-scheme: dark)");
  const now = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const name = () => { button.textContent = now() === "dark" ? "Light" : "Dark"; button.setAttribute("aria-label", `Switch to ${button.textContent.toLowerCase()} colours`); };
  button.addEventListener("click", () => { root.dataset.theme = now() === "dark" ? "light" : "dark"; name(); });
  dark.addEventListener("change", name);
  name();
}

function remarks() {
  const beside = data.folder ? [{ title: "Pictures", lines: [`With its pictures this page would be larger than 25 MB, so they lie beside it, in the folder ${data.folder}: move both together.`] }] : [];
  find("notes").replaceChildren(...[...beside, ...data.notes].map((section, i) =>
    make("details", { open: i === 0 && Boolean(data.folder) }, make("summary", {}, section.title), make("ul", {}, section.lines.map((line) => make("li", {}, line))))));
}

find("title").textContent = data.title;
theme();
pickers();
remarks();
board();
listen();
find("board").addEventListener("keydown", arrows);
