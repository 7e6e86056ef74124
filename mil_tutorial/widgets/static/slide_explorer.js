// The slide explorer. Only a sharper tile, and a slide that is not stored, come from the kernel.

const SCALING_WORDS = {
  share: "share (1 = equal)",
  raw: "raw (sums to 1)",
  "min-max": "min–max (0 to 1)",
  rank: "rank (0 to 1)",
};
class SlideExplorer {
  constructor(model) {
    this.model = model;
    this.scaling = model.get("scaling");
    this.opacity = model.get("opacity");
    this.scale = new ColourScale(bytes(this.model.get("palette")));
    this.canvas = new SlideCanvas({ hover: (tile) => this.tell(tile), pick: (tile) => this.open(tile) });
    this.canvas.paint = (context) => this.paint(context);
    this.canvas.onpicture = () => this.showTiles();
    this.opened = new OpenedTile();
    this.gallery = new TileGallery("Open", (tile) => this.open(tile));
    this.said = announcer();
    this.counts = make("div", {});
    this.title = make("p", { class: "mil-title" });
    this.makeControls();
    this.element = this.layout();
    this.takeScene();
  }

  makeControls() {
    const { model } = this;
    this.choice = new SlideChoice(model, () => model.set("selected", inTurn(model, -1)));
    this.scalings = chooser({
      label: "Scaling",
      options: Object.entries(SCALING_WORDS),
      value: this.scaling,
      onchange: (name) => this.chooseScaling(name),
    });
    this.opacities = slider({
      label: "Opacity", min: 0, max: 1, step: 0.01, value: this.opacity,
      oninput: (value) => this.fade(value),
    });
    this.thresholds = slider({
      label: "Threshold", min: 0, max: 1000, step: 1, value: 0,
      format: () => short(this.threshold),
      oninput: (place) => this.moveThreshold(this.scale.valueAt(place)),
    });
    this.outlined = tick({ label: "outline of the truth", checked: true, onchange: () => this.canvas.draw() });
    this.marked = tick({ label: "mark false alarms × and misses ○", checked: true, onchange: () => this.canvas.draw() });
  }

  layout() {
    const left = make("div", { class: "mil-left" }, this.title, this.canvas.element, this.scale.element, this.said);
    const rows = [this.choice, this.scalings, this.opacities, this.thresholds, this.outlined, this.marked];
    const right = make("div", {}, ...rows.map((c) => c.row), this.choice.notice, this.counts, this.opened.element);
    return frame("Slide explorer", make("div", { class: "mil-columns" }, left, right), this.gallery.element);
  }

  /** Take the slide that is to be shown. */
  takeScene() {
    const { scene } = this.choice;
    this.scores = floats(scene.scores);
    const said = scene.probability === null ? "" : `, predicted probability ${scene.probability.toFixed(2)}`;
    this.title.textContent = `${scene.name}${said}`;
    this.canvas.show(scene, `Slide ${scene.name}. Arrow keys move from tile to tile, Enter opens a tile.`);
    this.choice.show();
    this.opened.clear();
    this.tell(-1);
    this.marked.row.hidden = this.outlined.row.hidden = !this.canvas.truth;
    const scaling = this.model.get("scaling");
    const kept = scaling === "raw" ? scene.thresholds.raw : this.threshold; // raw: of this slide only
    this.rescale(scaling, ofTurn(this.model, "threshold", kept));
    this.model.set("threshold", inTurn(this.model, this.threshold));
  }

  /** Colour by another scaling. */
  rescale(name, threshold) {
    const scene = this.canvas.scene;
    this.scaling = name;
    this.values = doubles(scene.values[name]);
    this.shares = doubles(scene.values.share);
    this.scale.fit(name, this.values, scene.limits[name]);
    this.order = Array.from(this.shares.keys()).sort((a, b) => this.shares[b] - this.shares[a]);
    this.overlay = this.canvas.colours(this.values, this.scale);
    this.scalings.input.value = name;
    this.cut(threshold);
    this.thresholds.set(this.scale.placeOf(threshold));
    this.showTiles();
  }

  chooseScaling(name) {
    this.threshold = this.canvas.scene.thresholds[name];
    this.model.set("threshold", inTurn(this.model, this.threshold));
    this.model.set("scaling", name); // its listener does the rest
    this.model.save_changes();
  }

  /** Fade the overlay; the kernel hears of it with the next thing that it is told. */
  fade(opacity) {
    this.opacity = opacity;
    this.canvas.draw();
    this.model.set("opacity", opacity);
  }

  moveThreshold(threshold) {
    this.cut(threshold);
    this.thresholds.tell();
    this.model.set("threshold", inTurn(this.model, threshold));
  }

  /** Call tiles of at least this value; count what is right and wrong. */
  cut(threshold) {
    this.threshold = threshold;
    const counts = { hit: 0, alarm: 0, miss: 0, quiet: 0 };
    for (let k = 0; k < this.canvas.count; k++) counts[this.kind(k)] += 1;
    this.counts.replaceChildren(this.canvas.truth ? countsTable(counts) : calledLine(counts));
    this.scale.draw(threshold);
    this.canvas.draw();
  }

  kind(tile) {
    const called = this.values[tile] >= this.threshold;
    if (this.canvas.truth?.[tile]) return called ? "hit" : "miss";
    return called ? "alarm" : "quiet";
  }

  paint(context) {
    context.globalAlpha = this.opacity;
    context.drawImage(this.overlay, 0, 0);
    context.globalAlpha = 1;
    if (this.outlined.input.checked) this.canvas.outline(context);
    if (this.canvas.truth && this.marked.input.checked) {
      const of = (kind) => this.order.filter((k) => this.kind(k) === kind);
      this.canvas.marks(context, of("alarm"), "cross", "#d55e00");
      this.canvas.marks(context, of("miss"), "circle", "#0072b2");
    }
    if (this.opened.tile >= 0) this.canvas.frame(context, this.opened.tile, "#0072b2", 3);
  }

  showTiles() {
    const hottest = this.order.slice(0, this.model.get("hottest"));
    this.gallery.show(this.canvas, hottest, (k) => [`share ${short(this.shares[k])}`, this.truthWord(k)]);
  }

  truthWord(tile) {
    return this.canvas.truth ? (this.canvas.truth[tile] ? "tumour" : "no tumour") : "";
  }

  facts(tile) {
    const lines = [
      `tile ${tile} of ${this.canvas.count}`,
      `attention ${short(doubles(this.canvas.scene.values.raw)[tile])}, share ${short(this.shares[tile])}`,
      `place ${this.order.indexOf(tile) + 1} by attention`,
    ];
    if (this.scores) lines.push(`own logit ${short(this.scores[tile])}`);
    return this.canvas.truth ? [...lines, this.truthWord(tile)] : lines;
  }

  tell(tile) {
    this.said.textContent = tile < 0 ? "" : this.facts(tile).join(" · ");
  }

  sharpen() {
    const sharp = this.model.get("sharp");
    if (sharp.slide === this.canvas.scene.name) this.opened.sharpen(sharp);
  }

  open(tile) {
    const blurred = this.canvas.scene.reduced && this.model.live === false;
    this.opened.show(this.canvas, tile, [...this.facts(tile), ...(blurred ? ["full resolution needs a running kernel"] : [])]);
    this.sharpen(); // if it was opened before
    this.canvas.draw();
    this.model.set("selected", inTurn(this.model, tile));
    this.model.save_changes();
  }
}

function countsTable({ hit, alarm, miss, quiet }) {
  const row = (...cells) => make("tr", {}, ...cells);
  const head = (text) => make("th", { scope: "col" }, text);
  const cell = (number, name) => make("td", { "data-count": name }, String(number));
  return make("table", { class: "mil-counts" },
    row(make("td", {}), head("tumour"), head("no tumour")),
    row(make("th", { scope: "row" }, "called"), cell(hit, "hit"), cell(alarm, "alarm")),
    row(make("th", { scope: "row" }, "not called"), cell(miss, "miss"), cell(quiet, "quiet")));
}

function calledLine({ alarm, quiet }) {
  return make("p", {}, `${alarm} of ${alarm + quiet} tiles are called`);
}

function render({ model, el }) {
  const explorer = new SlideExplorer(model);
  el.append(explorer.element);
  const listeners = {
    "change:turn": () => explorer.takeScene(),
    "change:problem": () => explorer.choice.complain(model.get("problem")),
    "change:sharp": () => explorer.sharpen(),
    "change:hottest": () => explorer.showTiles(),
    "change:scaling": () => explorer.rescale(model.get("scaling"), ofTurn(model, "threshold", explorer.threshold)),
    "change:threshold": () => {
      const threshold = ofTurn(model, "threshold", explorer.threshold);
      if (threshold !== explorer.threshold) explorer.rescale(explorer.scaling, threshold);
    },
    "change:opacity": () => {
      if (model.get("opacity") === explorer.opacity) return;
      explorer.fade(model.get("opacity"));
      explorer.opacities.set(explorer.opacity);
    },
  };
  for (const [name, listener] of Object.entries(listeners)) model.on(name, listener);
  return () => {
    clearTimeout(explorer.choice.waiting);
    for (const [name, listener] of Object.entries(listeners)) model.off(name, listener);
  };
}

export default { render };
