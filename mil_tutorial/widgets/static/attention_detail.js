// How attention comes about in the pooling playground: curves, formulas, one tile's numbers.

const PLOT = { left: 34, right: 310, top: 12, bottom: 138 };

/** The parts of "0.25 · s + 0.5" or "11 − 2 · s". */
function line(slope, shift, ...s) {
  if (slope < 0) return [`${shift} − ${-slope} · `, ...s];
  return [`${slope} · `, ...s, ` ${shift < 0 ? "−" : "+"} ${Math.abs(shift)}`];
}

/** Curves of the detector, the gate and their product over the score, with the tiles as dots. */
function curves(parameters, { low, high }) {
  const x = (s) => PLOT.left + ((s - low) / (high - low)) * (PLOT.right - PLOT.left);
  const y = (value) => PLOT.bottom - ((value + 1) / 2) * (PLOT.bottom - PLOT.top);
  const grid = Array.from({ length: 121 }, (_, i) => low + (i / 120) * (high - low));
  const plain = (s) => detector(s, parameters);
  const gated = (s) => plain(s) * gate(s, parameters);
  const curve = (name, f) =>
    svg("path", { class: `mil-playground-curve mil-playground-${name}`, d: through(grid.map((s) => [x(s), y(f(s))])) });
  const dots = svg("g", {});
  const axis = svg("g", { class: "mil-playground-axis" }, svg("line", { x1: PLOT.left, x2: PLOT.right, y1: y(0), y2: y(0) }));
  for (const value of [-1, 0, 1]) axis.append(svg("text", { x: PLOT.left - 6, y: y(value) + 4, "text-anchor": "end" }, signed(value, 0)));
  for (let s = low; s <= high; s += 2) axis.append(svg("text", { x: x(s), y: PLOT.bottom + 16, "text-anchor": "middle" }, signed(s, 0)));
  axis.append(svg("text", { x: (PLOT.left + PLOT.right) / 2, y: PLOT.bottom + 31, "text-anchor": "middle" }, "score s of a tile"));
  const element = svg("svg", {
    viewBox: "0 0 320 172", class: "mil-playground-plot", role: "img",
    "aria-label": "The detector tanh rises with the score and flattens at both ends. The gate is open for low scores and "
      + "closes for very high ones; their product falls back to zero there.",
  }, axis, curve("open", (s) => gate(s, parameters)), curve("attention", plain), curve("gated", gated), dots);

  function show(scores, chosen) {
    dots.replaceChildren(...scores.flatMap((s, k) => {
      const look = { r: k === chosen ? 5.5 : 3.5, cx: x(s) };
      return [svg("circle", { ...look, cy: y(plain(s)), class: "mil-playground-attention" }),
        svg("circle", { ...look, cy: y(gated(s)), class: "mil-playground-gated" })];
    }));
  }
  return { element, show };
}

/** What stands below the grid: {element, show(scores, chosen tile, sharpness, found)}. */
function attentionDetail(parameters, limits) {
  const { v, b, u, c } = parameters;
  const plot = curves(parameters, limits);
  const numbers = make("table", { class: "mil-playground-numbers" });
  const title = make("h4", {});
  const indexed = (letter) => make("span", { class: "mil-playground-letter" }, letter, make("sub", {}, "k"));
  const formula = (...rest) => make("p", {}, indexed("a"), " = softmax(w · tanh(", ...line(v, b, indexed("s")), ")", ...rest, ")");
  const formulas = make("div", { class: "mil-playground-formulas" },
    make("h4", {}, "Attention"), formula(),
    make("h4", {}, "Gated attention"), formula(" · σ(", ...line(u, c, indexed("s")), ")"),
    make("h4", {}, "The bag, in all four"), make("p", {}, "z = Σ ", indexed("a"), " ", indexed("s"), ",  p = σ(z)"));
  const key = make("p", { class: "mil-playground-key" },
    make("span", { class: "mil-playground-attention" }, "━ tanh (attention)"),
    make("span", { class: "mil-playground-gated" }, "╍ tanh · gate (gated)"),
    make("span", { class: "mil-playground-open" }, "┈ gate"));
  const closed = make("p", { class: "mil-playground-closed" },
    `Why does the gate shut for high scores? The numbers are set by hand. In this example a tumour tile scores about 4, and a score far above ${(-c / u).toFixed(1)} `
      + "is an artefact, such as ink or a fold. Plain attention cannot tell the two apart, because tanh is flat there; the gate can. "
      + "A tile that it shuts out counts neither for nor against, like one at which tanh is 0. In a trained model, training sets the gate.");

  function show(scores, k, w, found) {
    plot.show(scores, k);
    const s = scores[k];
    const [answer, open] = [detector(s, parameters), gate(s, parameters)];
    title.textContent = `Tile ${k + 1}, score ${signed(s)}`;
    const here = s < 0 ? `(${signed(s)})` : signed(s);
    const rows = [
      ["", "", "", "weight"],
      ["detector", `tanh(${line(v, b, here).join("")})`, signed(answer, 3), ""],
      ["gate", `σ(${line(u, c, here).join("")})`, open.toFixed(3), ""],
      ["attention", "w · detector", signed(w * answer, 2), found.attention.weights[k].toFixed(3)],
      ["gated", "w · detector · gate", signed(w * answer * open, 2), found.gated.weights[k].toFixed(3)],
    ];
    const cells = ([name, ...values], head) => make("tr", {},
      name ? make("th", { scope: "row" }, name) : make("td", {}),
      ...values.map((value) => (head && value ? make("th", { scope: "col" }, value) : make("td", {}, value))));
    numbers.replaceChildren(...rows.map((row, i) => cells(row, i === 0)));
  }
  const element = make("div", { class: "mil-columns mil-playground-detail" },
    make("div", {}, make("h4", {}, "Before the softmax"), plot.element, key, closed), make("div", {}, title, numbers, formulas));
  return { element, show };
}
