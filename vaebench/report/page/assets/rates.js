// Rate and distortion: what codes cost beside how well they are decoded.

function rates() {
  return data.rates.map((one) => {
    const points = one.points.filter(([, x, y]) => isNumber(x) && isNumber(y));
    const [x, y] = [1, 2].map((place) => {
      const [low, high] = span(points.map((point) => point[place]));
      return [low - (high - low) * 0.06, high + (high - low) * 0.06];
    });
    const title = `${one.quality} beside ${one.price} on ${data.datasets[one.dataset]}`;
    const { svg, across, up } = frame({ width: 460, height: 300, x, y, labels: [one.price, one.quality], title });
    points.forEach(([model, bits, value], i) => {
      const isFloor = data.roles[model] === "floor";
      const look = isFloor ? { fill: "none", stroke: COLOURS[1], "stroke-width": 1.6 } : { fill: COLOURS[0] };
      const mark = draw("path", { d: SHAPES[isFloor ? 1 : 0], transform: `translate(${across(bits)} ${up(value)})`, ...look });
      mark.append(draw("title", {}, `${data.models[model]}: ${short(bits)}, ${short(value)}`));
      svg.append(mark, draw("text", { x: across(bits) + 6, y: up(value) + (i % 2 ? 10 : -4) }, data.models[model]));
    });
    return captioned(`${title}. Floors are hollow squares.`, svg);
  });
}
