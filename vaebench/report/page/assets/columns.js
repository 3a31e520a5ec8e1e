// Chooses the columns of the table and detects whether it is wider than the window.

const isShown = (column) => !view.without.has(column.title);

function chooser(all) {
  const titles = unique(all.map((column) => column.title)), box = find("columns"), list = find("columns-list");
  box.hidden = titles.length < 2;
  find("columns-told").textContent = `Columns: ${titles.filter((title) => !view.without.has(title)).length} of ${titles.length}`;
  const toggle = (title) => (event) => {
    if (event.target.checked) view.without.delete(title);
    else view.without.add(title);
    first();
    board();
    remember(false);
  };
  if (list.dataset.titles === titles.join("\n")) list.querySelectorAll("input").forEach((input, i) => { input.checked = !view.without.has(titles[i]); });
  else list.replaceChildren(...titles.map((title) => make("label", {}, make("input", { type: "checkbox", checked: !view.without.has(title), onchange: toggle(title) }), title)));
  list.dataset.titles = titles.join("\n");
}

function widths() {
  // show a hint if the table extends beyond the edge
  const box = find("scroller"), more = box.scrollWidth > box.clientWidth + 1;
  find("scrolls").hidden = !more;
  if (more) box.setAttribute("tabindex", 0);
  else box.removeAttribute("tabindex");
}
