// Cuts the pictures of a run out of its single sheet.

const sheets = new Map();

function sheet(run) {
  if (run.picture === null || run.picture === undefined) return null;
  if (!sheets.has(run.picture)) {
    const image = new Image();
    image.src = data.pictures[run.picture];
    sheets.set(run.picture, image);
  }
  return sheets.get(run.picture);
}

function where(run, name) {
  // [first tile, number of tiles], or null
  const tiles = run.drawn && run.drawn.tiles;
  const found = tiles && tiles.where && tiles.where[name];
  const good = isList(found) && found.every(Number.isInteger) && tiles.width > 0 && tiles.height > 0 && tiles.columns > 0;
  return good && tiles.width <= 1024 && tiles.height <= 1024 && sheet(run) ? found : null;
}

const count = (run, name) => { const found = where(run, name); return found ? Math.min(found[1], 1000) : 0; };

function paint(canvas, run, name, number) {
  const { width, height, columns } = run.drawn.tiles;
  const image = sheet(run), tile = where(run, name)[0] + number;
  const at = [(tile % columns) * width, Math.floor(tile / columns) * height];
  const put = () => {
    if (canvas.wanted === put) canvas.getContext("2d").drawImage(image, ...at, width, height, 0, 0, width, height);
  };
  canvas.wanted = put;
  if (image.complete && image.naturalWidth) put();
  else image.addEventListener("load", put, { once: true });
}

// Draw a line around the white area of a mask, on top of the canvas. Pixels are only blended, never read: the page is
// not allowed to read pictures from files next to it.
function outline(canvas, run, name, number) {
  const { width, height, columns } = run.drawn.tiles, image = sheet(run), at = where(run, name)[0] + number;
  const edge = new OffscreenCanvas(width, height), pen = edge.getContext("2d");
  const mask = (mode, x, y) => { pen.globalCompositeOperation = mode; pen.drawImage(image, (at % columns) * width, Math.floor(at / columns) * height, width, height, x, y, width, height); };
  const put = () => {
    mask("copy", 0, 0);
    for (const [x, y] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) mask("lighten", x, y);
    mask("difference", 0, 0);
    pen.globalCompositeOperation = "multiply";
    pen.fillStyle = COLOURS[4];
    pen.fillRect(0, 0, width, height);
    const over = canvas.getContext("2d");
    over.globalCompositeOperation = "lighten";
    over.drawImage(edge, 0, 0);
  };
  if (image.complete && image.naturalWidth) put();
  else image.addEventListener("load", put, { once: true });
}

function tile(run, name, number, label, truth = null) {
  const { width, height } = run.drawn.tiles;
  const canvas = make("canvas", { width, height, role: "img", "aria-label": label, title: label });
  paint(canvas, run, name, number);
  if (truth && number < count(run, truth)) outline(canvas, run, truth, number);
  return canvas;
}

function why(run, name) {
  // the reason why pictures are missing
  const reasons = (run.drawn && run.drawn.without) || {};
  return run.drawn ? reasons[name] : run.error ? "the run failed" : "there are no pictures next to the record";
}

function told(run, name) {
  const reason = why(run, name);
  return make("p", { class: "quiet" }, reason ? `None: ${reason}.` : "None.");
}
