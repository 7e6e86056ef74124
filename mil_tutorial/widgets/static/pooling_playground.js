// Pooling playground: tiles as bars that can be dragged; below them what each pooling makes of them.

const HEALTHY = -2; // the score of a tile that is added

function render({ model, el }) {
  const parameters = model.get("parameters");
  const { low, high, most } = model.get("limits");
  let scores = [...model.get("scores")];
  let w = model.get("sharpness"); // not the slider's value, which moves in steps
  let chosen = 0; // the tile whose numbers are spelt out
  const choose = (k) => {
    chosen = k;
    refresh();
  };
  const chooseHighest = () => choose(scores.indexOf(Math.max(...scores)));

  const heads = make("div", { class: "mil-playground-tiles mil-playground-heads" });
  const rows = Object.fromEntries(Object.keys(WORDS).map((name) => [name, poolingRow(name)]));
  const said = announcer();
  const detail = attentionDetail(parameters, { low, high });
  const sliders = [];

  const presets = model.get("presets");
  const bag = chooser({
    label: "Bag", value: "", onchange: (name) => name && replace(presets[name]),
    options: [["", "your own"], ...Object.keys(presets).map((name) => [name, name])],
  });
  const sharpness = slider({
    label: "Sharpness w", min: 0, max: model.get("limits").sharpest, step: 0.1,
    value: w, format: () => String(Number(w.toFixed(2))), oninput: (x) => sharpen(x),
  });
  sharpness.input.addEventListener("change", save);
  const add = button("Add a healthy tile", () => replace([...scores, HEALTHY]));
  const remove = button("Remove the last tile", () => replace(scores.slice(0, -1)));
  const reset = button("Reset", () => {
    sharpen(model.get("start").sharpness);
    replace(model.get("start").scores);
  });

  function sharpen(x) {
    w = x;
    sharpness.set(w);
    refresh();
  }
  function save() {
    model.set("scores", [...scores]);
    model.set("sharpness", w);
    model.save_changes();
    announce();
  }
  function replace(next) {
    scores = [...next];
    chooseHighest();
    save();
  }
  function announce() {
    const found = poolBag(scores, w, parameters);
    const each = Object.entries(found).map(([name, { probability }]) => `${WORDS[name]} ${probability.toFixed(2)}`);
    said.textContent = `${scores.length} ${scores.length === 1 ? "tile" : "tiles"}. Probability of the bag: ${each.join(", ")}.`;
  }
  function tile(k) {
    const moved = (s) => {
      scores[k] = s;
      refresh();
    };
    const one = tileSlider(k, { low, high }, moved, save);
    for (const look of ["focus", "pointerenter"]) one.element.addEventListener(look, () => choose(k));
    return one;
  }
  function refresh() {
    while (sliders.length > scores.length) sliders.pop().element.remove();
    while (sliders.length < scores.length) {
      sliders.push(tile(sliders.length));
      heads.append(sliders.at(-1).element);
    }
    chosen = Math.min(chosen, scores.length - 1);
    scores.forEach((s, k) => sliders[k].set(s));
    sliders.forEach(({ element }, k) => element.classList.toggle("is-chosen", k === chosen));
    const found = poolBag(scores, w, parameters);
    for (const [name, row] of Object.entries(rows)) row.show(found[name], chosen);
    detail.show(scores, chosen, w, found);
    grid.classList.toggle("is-crowded", scores.length > 12);
    add.disabled = scores.length >= most;
    remove.disabled = scores.length <= 1;
    const same = ([, preset]) => String(preset) === String(scores);
    bag.input.value = (Object.entries(presets).find(same) ?? [""])[0];
  }
  // One for each: a reload of both would undo what save() has yet to set.
  function scoresCame() {
    scores = [...model.get("scores")];
    refresh();
    announce();
  }
  function sharpnessCame() {
    sharpen(model.get("sharpness"));
    announce();
  }

  const grid = make("div", { class: "mil-playground-grid" },
    make("div", {}, make("strong", {}, "Tiles"), make("small", {}, "drag, or use the arrow keys")),
    heads, make("div", { class: "mil-playground-heading" }, make("strong", {}, "The bag")),
    make("small", { class: "mil-playground-across" }, "Weight of each tile, in per cent"),
    ...Object.values(rows).flatMap((row) => row.parts));
  const buttons = make("div", { class: "mil-playground-buttons" }, add, remove, reset);
  const playground = frame("Pooling playground",
    make("div", { class: "mil-columns" }, bag.row, buttons), sharpness.row, grid, said, detail.element);
  playground.classList.add("mil-playground");
  el.append(playground);
  chooseHighest();
  announce();
  model.on("change:scores", scoresCame);
  model.on("change:sharpness", sharpnessCame);
  return () => {
    model.off("change:scores", scoresCame);
    model.off("change:sharpness", sharpnessCame);
  };
}

export default { render };
