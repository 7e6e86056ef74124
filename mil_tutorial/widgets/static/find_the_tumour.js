// Find the tumour: mark tiles by eye; then see what was found, and what attention finds.

const PATIENCE = 4000; // milliseconds until a kernel that does not answer is mentioned
const KINDS = { // what a tile is once compared: sign, words, shape, colour
  found: ["✓", "found", "check", "#009e73"],
  alarm: ["×", "false alarms", "cross", "#d55e00"],
  missed: ["○", "missed", "circle", "#0072b2"],
};

class FindTheTumour {
  constructor(model) {
    this.model = model;
    this.palette = bytes(model.get("palette"));
    this.canvas = new SlideCanvas({ hover: (tile) => this.tell(tile), pick: (tile) => this.toggle(tile) });
    this.canvas.paint = (context) => this.paint(context);
    this.canvas.onpicture = () => this.tell(-1);
    this.title = make("p", { class: "mil-title" });
    this.said = announcer();
    this.told = announcer();
    this.large = make("div", { class: "mil-find-large", "aria-hidden": "true" });
    this.notice = make("div", {});
    this.table = make("table", { class: "mil-find-table" });
    this.scale = new ColourScale(this.palette);
    this.makeControls();
    this.element = this.layout();
    this.takeScene();
  }

  makeControls() {
    const { model } = this;
    const names = model.get("slides");
    this.slides = chooser({
      label: "Slide", options: names.map((name) => [name, name]), value: model.get("slide"),
      onchange: (name) => this.ask(name),
    });
    this.next = button("Next slide", () => this.ask(names[(names.indexOf(this.canvas.scene.name) + 1) % names.length]));
    this.next.disabled = names.length < 2;
    this.compare = button("Compare", () => this.sync({ compared: true }));
    this.clear = button("Clear", () => this.sync({ marks: [], compared: false }));
    const redraw = () => this.canvas.draw();
    this.whose = chooser({ label: "Signs for", options: [["learner", "your marks"], ["attention", "attention"]], value: "learner", onchange: redraw });
    this.coloured = tick({ label: "colour by attention", checked: false, onchange: () => this.showAnswer() });
    this.outlined = tick({ label: "outline of the tumour", checked: true, onchange: redraw });
  }

  layout() {
    this.scale.element.append(make("div", { class: "mil-ends" }, "colour: share, weight × tiles (1 = equal)"));
    const left = make("div", { class: "mil-left" }, this.title, this.canvas.element, this.scale.element, this.said);
    const buttons = make("div", { class: "mil-find-buttons" }, this.compare, this.clear, this.next);
    this.answer = make("div", {}, this.table, this.whose.row, this.outlined.row, this.coloured.row);
    const right = make("div", {}, this.slides.row, buttons, this.notice, this.told, this.answer, this.large);
    const task = "Click the tiles that you think hold tumour; none, if you think that there is none. Then compare.";
    return frame("Find the tumour", make("p", {}, task), make("div", { class: "mil-columns" }, left, right));
  }

  get marks() { return ofTurn(this.model, "marks", []); }
  get compared() { return ofTurn(this.model, "compared", false); }

  sync(values) {
    for (const [name, value] of Object.entries(values)) this.model.set(name, inTurn(this.model, value));
    this.model.save_changes();
  }

  /** Take the slide that the kernel has sent. */
  takeScene() {
    const scene = this.model.get("scene");
    this.order = Array.from(floats(scene.order));
    this.shares = doubles(scene.values.share);
    this.whose.input.value = "learner";
    this.canvas.show(scene, `Slide ${scene.name}. Arrow keys move from tile to tile, Enter marks a tile or takes the mark away.`);
    this.complain("");
    this.scale.fit("share", this.shares, scene.limits.share);
    this.scale.draw(NaN); // no threshold here
    this.overlay = this.canvas.colours(this.shares, this.scale.low, this.scale.high, this.palette);
    this.showAnswer();
  }

  /** Ask the kernel for another slide; say so if none answers. */
  ask(name) {
    clearTimeout(this.waiting);
    const text = `No answer yet. Slide ${name} has to come from a running kernel.`;
    this.waiting = setTimeout(() => this.complain(text), PATIENCE);
    this.model.send({ slide: name });
  }

  complain(text) {
    clearTimeout(this.waiting);
    this.notice.replaceChildren(...(text ? [complaint(text)] : []));
    this.slides.input.value = this.canvas.scene.name;
  }

  toggle(tile) {
    if (this.compared) this.said.textContent = "The answer is shown. Press Clear to mark again.";
    else this.sync({ marks: this.marks.includes(tile) ? this.marks.filter((other) => other !== tile) : [...this.marks, tile] });
  }

  /** The tiles of each kind, for the learner's marks or as many of the hottest. */
  kinds(whose) {
    const called = new Set(whose === "learner" ? this.marks : this.order.slice(0, this.marks.length));
    const kinds = { found: [], alarm: [], missed: [] };
    for (let tile = 0; tile < this.canvas.count; tile++) {
      const tumour = this.canvas.truth[tile];
      if (called.has(tile)) kinds[tumour ? "found" : "alarm"].push(tile);
      else if (tumour) kinds.missed.push(tile);
    }
    return kinds;
  }

  /** Show what may be shown: nothing of truth and attention before the comparison. */
  showAnswer() {
    const { marks, compared } = this;
    this.title.textContent = `${this.canvas.scene.name}, ${tiles(marks.length)} marked`;
    this.answer.hidden = !compared;
    this.compare.disabled = compared;
    this.clear.disabled = !compared && !marks.length;
    this.scale.element.hidden = !compared || !this.coloured.input.checked;
    this.told.textContent = compared ? this.verdict() : "";
    this.table.replaceChildren(...(compared ? this.tableRows() : []));
    this.whose.input.options[1].textContent = `attention, top ${marks.length}`;
    this.canvas.draw();
  }

  verdict() {
    const { found, missed } = this.kinds("learner");
    const [m, tumour] = [this.marks.length, found.length + missed.length];
    if (tumour) return `You marked ${tiles(m)} and found ${found.length} of the ${tumour} that hold tumour.`;
    if (!m) return "Right: there is no tumour on this slide, and you marked none.";
    return `There is no tumour on this slide; you marked ${tiles(m)}. Attention sums to 1 on every slide, so some tiles are its hottest here too.`;
  }

  tableRows() {
    const sides = { learner: this.kinds("learner"), attention: this.kinds("attention") };
    const head = (scope, text) => make("th", { scope }, text);
    const row = ([kind, [sign, words]]) => make("tr", {}, head("row", `${sign} ${words}`),
      ...Object.entries(sides).map(([side, kinds]) => make("td", { "data-count": `${side}-${kind}` }, String(kinds[kind].length))));
    const top = make("tr", {}, make("td", {}), head("col", "you"), head("col", "attention"));
    return [top, ...Object.entries(KINDS).map(row)];
  }

  tell(tile) {
    const hint = make("p", {}, "The tile under the pointer is shown large here.");
    this.large.replaceChildren(tile < 0 ? hint : this.canvas.enlarged(tile, 176));
    this.said.textContent = tile < 0 ? "" : this.facts(tile).join(" · ");
  }

  facts(tile) {
    const facts = [`tile ${tile} of ${this.canvas.count}`];
    if (this.marks.includes(tile)) facts.push("marked");
    if (!this.compared) return facts;
    facts.push(this.canvas.truth[tile] ? "tumour" : "no tumour");
    return [...facts, `attention: share ${short(this.shares[tile])}, place ${this.order.indexOf(tile) + 1}`];
  }

  paint(context) {
    const { canvas } = this;
    if (!this.compared) return this.paintMarks(context);
    context.globalAlpha = 0.65;
    if (this.coloured.input.checked) context.drawImage(this.overlay, 0, 0);
    context.globalAlpha = 1;
    if (this.outlined.input.checked) canvas.outline(context);
    for (const [kind, list] of Object.entries(this.kinds(this.whose.input.value))) {
      const [, , shape, colour] = KINDS[kind];
      if (kind !== "missed") for (const tile of list) canvas.frame(context, tile, "#0072b2", 2);
      for (const tile of list) canvas.mark(context, tile, shape, colour);
    }
  }

  paintMarks(context) {
    const side = this.canvas.scene.tile;
    context.fillStyle = "rgba(0, 114, 178, 0.3)";
    for (const tile of this.marks) {
      context.fillRect(...this.canvas.corner(tile), side, side);
      this.canvas.frame(context, tile, "#0072b2", 3);
    }
  }
}

function render({ model, el }) {
  const game = new FindTheTumour(model);
  el.append(game.element);
  const show = () => {
    if (game.canvas.scene === model.get("scene")) game.showAnswer(); // else marks of the next slide
    if (game.canvas.pointer >= 0) game.said.textContent = game.facts(game.canvas.pointer).join(" · ");
  };
  const listeners = {
    "change:scene": () => game.takeScene(),
    "change:problem": () => game.complain(model.get("problem")),
    "change:marks": show,
    "change:compared": show,
  };
  for (const [name, listener] of Object.entries(listeners)) model.on(name, listener);
  return () => {
    clearTimeout(game.waiting);
    for (const [name, listener] of Object.entries(listeners)) model.off(name, listener);
  };
}

export default { render };
