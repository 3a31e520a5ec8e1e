// Sliders through the latent space; their frames were rendered when the model was trained.

function dimensionsOf(run) {
  const found = run.drawn && run.drawn.dimensions;
  const known = isList(found) ? found.filter((one) => one && isList(one.values) && one.values.length && one.values.every(isNumber)) : [];
  const frames = known.length ? known[0].values.length : 0;
  return known.length && known.every((one) => one.values.length === frames) && count(run, "dimensions") >= known.length * frames ? known : [];
}

function slider(label, steps, start, moved) {
  const input = make("input", { type: "range", min: 0, max: steps - 1, step: 1, value: start });
  const text = make("span", {}, label);
  input.addEventListener("input", () => moved(Number(input.value)));
  return { input, row: make("label", { class: "slide" }, text, input) };
}

// The dimensions of two models are unrelated, so each model has its own sliders.
function dimensions({ run, name }) {
  const own = dimensionsOf(run);
  if (!own.length) return told(run, "dimensions");
  const { width, height } = run.drawn.tiles, steps = own[0].values.length, middle = Math.floor(steps / 2);
  const canvas = make("canvas", { width, height, role: "img" }), value = make("span", { class: "quiet" });
  const show = (which, at) => {
    paint(canvas, run, "dimensions", which * steps + at);
    value.textContent = `dimension ${own[which].index} at ${short(own[which].values[at])}, all others at their mean`;
    canvas.setAttribute("aria-label", `${name}: ${value.textContent}`);
  };
  show(0, middle);
  const sliders = own.map((one, which) => slider(`${which + 1}. dimension ${one.index}`, steps, middle, (at) => {
    sliders.forEach((other, i) => { if (i !== which) other.input.value = middle; });
    show(which, at);
  }));
  return [make("div", { class: "walk" }, make("div", { class: "views" }, make("div", {}, canvas, value)),
    make("div", {}, make("p", { class: "quiet" }, "The dimensions that change the picture most, strongest first. Each slider runs from the 2 % to the 98 % quantile of the test images’ codes."), sliders.map((one) => one.row)))];
}

const isBetween = (run) => count(run, "between") > 1 && isList(run.drawn.between) && run.drawn.between.every(Number.isInteger);

function between(panes) {
  const able = panes.filter(({ run }) => isBetween(run));
  const steps = Math.min(...able.map(({ run }) => count(run, "between")));
  const [from, to] = able[0].run.drawn.between;
  const views = able.map(({ run, name, side }) => {
    const { width, height } = run.drawn.tiles, canvas = make("canvas", { width, height, role: "img" });
    const show = (at) => { paint(canvas, run, "between", at); canvas.setAttribute("aria-label", `${name}: step ${at + 1} of ${steps} between the two images`); };
    show(0);
    return { show, figure: make("div", {}, who(panes, name, side), canvas) };
  });
  const one = slider("from one image to the other", steps, 0, (at) => views.forEach((v) => v.show(at)));
  one.input.setAttribute("aria-label", "From one image to the other");
  const ends = [from, to].map((at) => (at < count(able[0].run, "originals") ? make("figure", {}, tile(able[0].run, "originals", at, `original ${at + 1}`), make("figcaption", {}, aboutImage(able[0].run, at))) : make("span", {})));
  return [make("div", { class: "walk" }, make("div", { class: "views" }, views.map((v) => v.figure)),
    make("div", {}, make("p", { class: "quiet" }, "Images decoded along the straight line between the codes of two test images."), make("div", { class: "ends" }, ends[0], one.input, ends[1])))];
}
