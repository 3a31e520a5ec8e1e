// Rate and distortion: what codes cost beside how well they are decoded.

const ROOM = 0.55; // for the labels, as a share of the width that the points take
const LINE = 12; // pixels between two labels, at least

function rates() {
  // one picture per dataset that the board shows
  return data.rates.filter(isOnDataset).map((one) => {
    const points = one.points.filter(([, x, y]) => isNumber(x) && isNumber(y));
    const [[least, most], [low, high]] = [1, 2].map((place) => span(points.map((point) => point[place])));
    const x = [least - (most - least) * 0.06, most + (most - least) * ROOM];
    const y = [low - (high - low) * 0.06, high + (high - low) * 0.06];
    const title = `${one.quality} beside ${one.price} on ${data.datasets[one.dataset]}`;
    const { svg, across, up } = frame({ width: 620, height: 340, x, y, labels: [one.price, one.quality], title });
    const side = across(most) + 24;
    let below = -Infinity;
    for (const [model, bits, value] of [...points].sort((a, b) => up(a[2]) - up(b[2]) || a[0] - b[0])) {
      const isFloor = data.roles[model] === "floor";
      const look = isFloor ? { fill: "none", stroke: COLOURS[1], "stroke-width": 1.6 } : { fill: COLOURS[0] };
      const mark = draw("path", { d: SHAPES[isFloor ? 1 : 0], transform: `translate(${across(bits)} ${up(value)})`, ...look });
      mark.append(draw("title", {}, `${data.models[model]}: ${short(bits)}, ${short(value)}`));
      below = Math.max(up(value) + 4, below + LINE);
      const lead = draw("line", { class: "grid", x1: across(bits) + 6, y1: up(value), x2: side - 4, y2: below - 4 });
      svg.append(lead, mark, draw("text", { x: side, y: below }, data.models[model]));
    }
    return captioned(`${title}. Floors are hollow squares.`, svg);
  });
}
