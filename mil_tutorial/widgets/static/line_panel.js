// A small line chart of values by epoch, with a legend that tells the values of one epoch.

const SIZE = { width: 340, height: 190, left: 38, right: 12, top: 10, bottom: 34 };

/** Whole steps between two numbers, four or so: 0.1, 0.2, 0.5, 1, 2, … */
function linearTicks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((factor) => power * factor >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

function logTicks(low, high) {
  return [1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000].filter((x) => x >= low && x <= high);
}

/** From values to pixels of the panel. */
function scales(panel, records, epochs) {
  const values = records.flatMap((record) => panel.lines.map((line) => record[line.column]));
  const [low, high] = panel.range(values.filter(Number.isFinite));
  const last = Math.max(epochs - 1, records.length ? records.at(-1).epoch : 0, 1);
  const measure = panel.log ? Math.log : (y) => y;
  const share = (y) => (measure(y) - measure(low)) / (measure(high) - measure(low));
  return {
    low, high, last,
    x: (epoch) => SIZE.left + (epoch / last) * (SIZE.width - SIZE.left - SIZE.right),
    y: (value) => SIZE.height - SIZE.bottom - share(value) * (SIZE.height - SIZE.top - SIZE.bottom),
  };
}

function label(text, x, y, anchor = "middle") {
  return svg("text", { x, y, "text-anchor": anchor }, text);
}

function axes(panel, scale) {
  const [right, floor] = [SIZE.width - SIZE.right, SIZE.height - SIZE.bottom];
  const rows = (panel.log ? logTicks : linearTicks)(scale.low, scale.high).flatMap((y) => [
    svg("line", { x1: SIZE.left, x2: right, y1: scale.y(y), y2: scale.y(y) }),
    label(String(y), SIZE.left - 5, scale.y(y) + 4, "end"),
  ]);
  const columns = linearTicks(0, scale.last)
    .filter(Number.isInteger)
    .map((x) => label(String(x), scale.x(x), floor + 14));
  const name = label("epoch", (SIZE.left + right) / 2, SIZE.height - 5);
  return svg("g", { class: "mil-monitor-axes" }, ...rows, ...columns, name);
}

/** A band of the panel, and its meaning in words beside it. */
function zone(band, scale) {
  const [top, bottom] = [scale.y(band.high), scale.y(band.low)];
  const box = { x: SIZE.left, y: top, height: bottom - top, width: SIZE.width - SIZE.left - SIZE.right };
  return svg("rect", { class: "mil-monitor-zone", ...box });
}

function zoneName(band, scale) {
  const y = band.below ? scale.y(band.low) + 12 : scale.y(band.high) - 4;
  return label(band.text, SIZE.width - SIZE.right - 4, y, "end");
}

/** One line; where a value is missing it breaks. */
function curve(line, records, scale) {
  const pieces = [[]];
  for (const record of records) {
    if (Number.isFinite(record[line.column])) pieces.at(-1).push([scale.x(record.epoch), scale.y(record[line.column])]);
    else pieces.push([]);
  }
  return svg("path", { class: `mil-monitor-line mil-monitor-${line.style}`, d: pieces.map(through).join("") });
}

/** The epoch that is read: a line across the panel and a dot on each curve. */
function cursor(panel, record, scale) {
  const x = scale.x(record.epoch);
  const across = svg("line", { x1: x, x2: x, y1: SIZE.top, y2: SIZE.height - SIZE.bottom, class: "mil-monitor-cursor" });
  const dots = panel.lines
    .filter((line) => Number.isFinite(record[line.column]))
    .map((line) => svg("circle", { cx: x, cy: scale.y(record[line.column]), r: 3.5, class: `mil-monitor-${line.style}` }));
  return [across, ...dots];
}

/** A value in words: three decimals, so that the legend does not jump; "–" where it is missing. */
function written(record, line) {
  const value = record[line.column];
  return Number.isFinite(value) && !line.large ? value.toFixed(3) : short(value);
}

function key(line, record) {
  const sample = svg("svg", { width: 22, height: 8, "aria-hidden": "true" });
  sample.append(svg("path", { class: `mil-monitor-line mil-monitor-${line.style}`, d: "M0 4L22 4" }));
  const value = make("b", {}, record ? written(record, line) : "–");
  return make("span", { class: "mil-monitor-key" }, sample, ` ${line.name} `, value);
}

/** A panel: {node, draw(records, epochs, record)}; onread(epoch or null, whether it was clicked). */
function linePanel(panel, onread) {
  const picture = svg("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img", "aria-label": `${panel.title} by epoch` });
  const keys = make("div", { class: "mil-monitor-keys" });
  let scale = null;
  const epochAt = (event) => {
    const box = picture.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * SIZE.width;
    return ((x - SIZE.left) / (SIZE.width - SIZE.left - SIZE.right)) * scale.last;
  };
  picture.addEventListener("pointermove", (event) => onread(epochAt(event), false));
  picture.addEventListener("pointerleave", () => onread(null, false));
  picture.addEventListener("click", (event) => onread(epochAt(event), true));
  return {
    node: make("figure", { class: `mil-monitor-panel mil-monitor-${panel.name}` }, make("h4", {}, panel.title), keys, picture),
    draw(lines, records, epochs, record, kept) {
      const shown = { ...panel, lines };
      scale = scales(shown, records, epochs);
      const zones = panel.zones || [];
      const parts = [...zones.map((band) => zone(band, scale)), axes(shown, scale)];
      parts.push(...lines.map((line) => curve(line, records, scale)));
      parts.push(...zones.map((band) => zoneName(band, scale))); // above the curves
      const best = kept && panel.keeps ? { record: kept, column: panel.keeps } : null;
      if (best) parts.push(ring(scale.x(kept.epoch), scale.y(kept[panel.keeps]), 6));
      if (record) parts.push(...cursor(shown, record, scale));
      picture.replaceChildren(...parts);
      keys.replaceChildren(...lines.map((line) => key(line, record)), ...(best ? [keyOfLowest(best)] : []));
    },
  };
}

/** A ring around the lowest value. */
function ring(cx, cy, r) {
  return svg("g", { class: "mil-monitor-kept" }, svg("circle", { cx, cy, r }));
}

/** The lowest value of a column in the legend, where no curve can cross it. */
function keyOfLowest({ record, column }) {
  const sample = svg("svg", { width: 12, height: 12, "aria-hidden": "true" }, ring(6, 6, 4.5));
  const value = make("b", {}, written(record, { column }));
  return make("span", { class: "mil-monitor-key mil-monitor-lowest" }, sample, " lowest ", value);
}
