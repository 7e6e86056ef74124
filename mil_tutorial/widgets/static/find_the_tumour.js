// Find the tumour: mark tiles by eye; then see where the model looked; then see the truth.

class FindTheTumour {
  constructor(model) {
    this.model = model;
    this.canvas = new SlideCanvas({ hover: (tile) => this.tell(tile), pick: (tile) => this.toggle(tile) });
    this.canvas.paint = (context) => this.paint(context);
    this.canvas.onpicture = () => this.tell(-1);
    this.title = make("p", { class: "mil-title" });
    this.said = announcer();
    this.told = announcer();
    this.large = make("div", { class: "mil-find-large", "aria-hidden": "true" });
    this.table = make("table", { class: "mil-find-table" });
    this.scale = new ColourScale(bytes(this.model.get("palette")));
    this.makeControls();
    this.element = this.layout();
    this.takeScene();
  }

  makeControls() {
    const again = () => this.set({ marks: [], looked: false, compared: false });
    this.choice = new SlideChoice(this.model, again);
    this.steps = findSteps(
      () => this.sync(this.step ? { compared: true } : { looked: true }),
      this.model.get("slides").length > 1,
    );
    this.again = button("Start again", () => this.sync({ marks: [], looked: false, compared: false }));
    this.next = button("Next slide", () => this.choice.ask(this.choice.next));
    const redraw = () => this.canvas.draw();
    this.whose = chooser({ label: "Show marks of", options: [["learner", "your marks"], ["attention", "attention"]], value: "learner", onchange: redraw });
    this.coloured = tick({ label: "colour by attention", checked: true, onchange: () => this.showStep() });
    this.outlined = tick({ label: "outline of the tumour", checked: true, onchange: redraw });
    this.choice.row.hidden = this.next.hidden = this.model.get("slides").length < 2;
  }

  layout() {
    this.scale.element.append(make("div", { class: "mil-ends" }, "colour: weight × number of tiles, 1 = an equal share"));
    const left = make("div", { class: "mil-left" }, this.title, this.canvas.element, this.scale.element, this.said);
    const buttons = make("div", { class: "mil-find-buttons" }, this.steps.button, this.again, this.next);
    const right = make("div", {}, this.choice.row, buttons, this.choice.notice, this.told, this.table, this.whose.row,
      this.outlined.row, this.coloured.row, this.large);
    return frame("Find the tumour", this.steps.element, make("div", { class: "mil-columns" }, left, right));
  }

  get marks() { return ofTurn(this.model, "marks", []); }

  /** 0 while marking, 1 where the model looked, 2 the truth. */
  get step() {
    if (ofTurn(this.model, "compared", false)) return 2;
    return ofTurn(this.model, "looked", false) ? 1 : 0;
  }

  set(values) {
    for (const [name, value] of Object.entries(values)) this.model.set(name, inTurn(this.model, value));
  }

  sync(values) {
    this.set(values);
    this.model.save_changes();
  }

  /** Take the slide that is to be shown. */
  takeScene() {
    const { scene } = this.choice;
    this.turn = this.model.get("turn");
    this.shares = doubles(scene.values.share);
    this.order = Array.from(this.shares.keys()).sort((a, b) => this.shares[b] - this.shares[a]);
    this.whose.input.value = "learner";
    this.canvas.show(scene, `Slide ${scene.name}. Arrow keys move from tile to tile; Enter marks a tile or takes the mark away.`);
    this.choice.show();
    this.scale.fit("share", this.shares, [1, scene.limits.share[1]]);
    this.scale.draw(NaN); // no threshold here
    this.overlay = this.canvas.colours(this.shares, this.scale);
    this.showStep();
  }

  toggle(tile) {
    if (this.step) this.said.textContent = "Press Start again to mark again.";
    else this.sync({ marks: this.marks.includes(tile) ? this.marks.filter((other) => other !== tile) : [...this.marks, tile] });
  }

  /** How many tiles of the highest attention are compared: as many as are marked, or as hold tumour. */
  get top() {
    return this.marks.length || this.canvas.truth.reduce((sum, one) => sum + one, 0);
  }

  /** The tiles of each kind, for the learner's marks or the top tiles of attention. */
  kinds(whose) {
    const called = new Set(whose === "learner" ? this.marks : this.order.slice(0, this.top));
    const kinds = { found: [], alarm: [], missed: [] };
    for (let tile = 0; tile < this.canvas.count; tile++) {
      const tumour = this.canvas.truth[tile];
      if (called.has(tile)) kinds[tumour ? "found" : "alarm"].push(tile);
      else if (tumour) kinds.missed.push(tile);
    }
    return kinds;
  }

  /** Show what this step may show: at first neither attention nor truth. */
  showStep() {
    const { marks, step } = this;
    const goesOn = this.steps.button.matches(":focus");
    this.title.textContent = `${this.canvas.scene.name}, ${tiles(marks.length)} marked`;
    this.steps.show(step);
    this.again.disabled = !step && !marks.length;
    if (goesOn && step === 2) this.again.focus();
    this.table.hidden = this.whose.row.hidden = this.outlined.row.hidden = step < 2;
    this.coloured.row.hidden = step < 1;
    this.scale.element.hidden = step < 1 || !this.coloured.input.checked;
    const learner = this.kinds("learner");
    this.told.textContent = ["", looked(marks, this.shares, this.canvas.scene.probability), verdict(marks, learner)][step];
    this.table.replaceChildren(...(step === 2 ? verdictRows(learner, this.kinds("attention"), this.top) : []));
    this.whose.input.options[1].textContent = `attention, top ${this.top}`;
    this.canvas.draw();
    if (this.canvas.pointer >= 0) this.tell(this.canvas.pointer);
  }

  tell(tile) {
    const hint = make("p", {}, "The tile under the pointer appears enlarged here.");
    this.large.replaceChildren(tile < 0 ? hint : this.canvas.enlarged(tile, 176));
    this.said.textContent = tile < 0 ? "" : this.facts(tile).join(" · ");
  }

  facts(tile) {
    const facts = [`tile ${tile} of ${this.canvas.count}`];
    if (this.marks.includes(tile)) facts.push("marked");
    if (this.step === 2) facts.push(this.canvas.truth[tile] ? "tumour" : "no tumour");
    if (this.step) facts.push(`attention: share ${short(this.shares[tile])}, place ${this.order.indexOf(tile) + 1}`);
    return facts;
  }

  paint(context) {
    const { canvas, step } = this;
    context.globalAlpha = 0.65;
    if (step && this.coloured.input.checked) context.drawImage(this.overlay, 0, 0);
    context.globalAlpha = 1;
    if (step < 2) return this.paintMarks(context);
    if (this.outlined.input.checked) canvas.outline(context);
    for (const [kind, list] of Object.entries(this.kinds(this.whose.input.value))) {
      const [, , shape, colour] = KINDS[kind];
      if (kind !== "missed") for (const tile of list) canvas.frame(context, tile, "#0072b2", 2);
      for (const tile of list) canvas.mark(context, tile, shape, colour);
    }
  }

  paintMarks(context) {
    const side = this.canvas.scene.tile;
    context.fillStyle = this.step ? "transparent" : "rgba(0, 114, 178, 0.3)";
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
    if (game.turn === model.get("turn")) game.showStep(); // else marks of the next slide
  };
  const listeners = {
    "change:turn": () => game.takeScene(),
    "change:problem": () => game.choice.complain(model.get("problem")),
    "change:marks": show,
    "change:looked": show,
    "change:compared": show,
  };
  for (const [name, listener] of Object.entries(listeners)) model.on(name, listener);
  return () => {
    clearTimeout(game.choice.waiting);
    for (const [name, listener] of Object.entries(listeners)) model.off(name, listener);
  };
}

export default { render };
