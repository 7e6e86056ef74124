// What if these tiles were not there? Tiles are taken away here, and the rest is classified here too:
// the head is linear, so the scores of the tiles suffice. For a pooling without such a rule the kernel
// is asked.

const PATIENCE = 4000; // milliseconds until a kernel that does not answer is mentioned
const NEEDS_KERNEL = "This kind of pooling needs the model itself: tiles can be removed only with a running kernel.";
const SHARE = "colour: weight × tiles left (1 = equal share)";
const LAST_TILE = "One tile must stay: the weights are a softmax over the tiles that are left, and a softmax needs at least one.";

class WhatIf {
  constructor(model) {
    this.model = model;
    const scene = model.get("scene");
    this.rule = model.get("rule"); // empty where only the model knows
    this.tiles = { scores: floats(scene.scores), energies: floats(scene.energies) };
    this.whole = doubles(scene.values.raw);
    this.canvas = new SlideCanvas({ hover: (tile) => this.tell(tile), pick: (tile) => this.toggle(tile) });
    this.canvas.paint = (context) => this.paint(context);
    this.canvas.onpicture = () => this.showHottest();
    this.chart = new HistoryChart();
    this.gallery = new TileGallery("Remove", (tile) => this.toggle(tile));
    this.gallery.element.classList.add("mil-whatif-hottest");
    this.scale = new ColourScale(bytes(this.model.get("palette")));
    this.said = announcer();
    this.told = announcer();
    this.told.classList.add("mil-whatif-told");
    this.notice = make("div", {});
    this.title = make("p", { class: "mil-title" });
    this.table = make("table", { class: "mil-whatif-table" });
    this.makeControls();
    this.element = this.layout();
    this.canvas.show(scene, `Slide ${scene.name}. Arrow keys move from tile to tile, Enter removes a tile or puts it back.`);
    if (this.isDead) this.notice.append(complaint(NEEDS_KERNEL));
    this.takeSteps();
  }

  makeControls() {
    const { model } = this;
    this.buttons = {
      hottest: button("hottest", () => this.takeHottest(1)),
      hottest5: button("5 hottest", () => this.takeHottest(5)),
      random5: button("5 random", () => this.takeRandom(5)),
      tumour: button("tumour", () => this.takeTumour()),
      undo: button("Undo", () => this.go(this.steps.slice(0, -1))),
      reset: button("Reset", () => this.go([[]])),
    };
    this.buttons.hottest5.hidden = !this.rule;
    this.coloured = tick({ label: "colour by attention", checked: true, onchange: () => this.canvas.draw() });
    this.outlined = tick({ label: "outline of the tumour", checked: model.get("outline"), onchange: (on) => sync(model, "outline", on) });
  }

  layout() {
    const { hottest, hottest5, random5, tumour, undo, reset } = this.buttons;
    const left = make("div", { class: "mil-left" }, this.title, this.canvas.element, this.scale.element, make("div", { class: "mil-ends" }, SHARE), this.said);
    const takes = [hottest, hottest5, random5, tumour];
    for (const one of takes) one.setAttribute("aria-label", `Remove ${one.textContent} ${one === hottest ? "tile" : "tiles"}`);
    const actions = make("div", { class: "mil-whatif-buttons" }, make("span", {}, "Remove"), ...takes);
    const back = make("div", { class: "mil-whatif-buttons" }, undo, reset);
    const right = make("div", {}, this.table, this.chart.element, this.told, actions, back, this.coloured.row, this.outlined.row, this.notice);
    return frame("What if", make("p", {}, "Click a tile to remove it, or to put it back."), make("div", { class: "mil-columns" }, left, right), this.gallery.element);
  }

  /** What has been removed, step by step; the first step is the whole slide. */
  get steps() { return this.model.get("steps"); }
  get removed() { return this.steps.at(-1); }

  /** Whether tiles cannot be removed, as there is neither a rule nor a kernel. */
  get isDead() { return !this.rule && this.model.live === false; }

  toggle(tile) {
    const gone = this.removed.includes(tile);
    this.take(gone ? this.removed.filter((other) => other !== tile) : [...this.removed, tile]);
  }

  takeHottest(count) {
    if (!this.mayTake(count)) return;
    const rest = this.rule ? hottest(this.removed, count, this.rule, this.tiles) : [...this.removed, this.order[0]];
    this.take(rest);
  }

  takeRandom(count) {
    if (!this.mayTake(count)) return;
    const left = this.left;
    const more = Array.from({ length: count }, () => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
    this.take([...this.removed, ...more]);
  }

  takeTumour() {
    const more = this.left.filter((tile) => this.canvas.truth[tile]);
    if (more.length) this.take([...this.removed, ...more]);
  }

  get left() {
    const gone = new Set(this.removed);
    return Array.from(this.whole.keys()).filter((tile) => !gone.has(tile));
  }

  mayTake(count) {
    const left = this.canvas.count - this.removed.length;
    if (left === 1) this.complain(LAST_TILE);
    else if (count >= left) this.complain(`Only ${tiles(left)} are left and one must stay, so ${count} cannot be removed.`);
    return count < left;
  }

  take(removed) {
    if (removed.length === this.canvas.count) return this.complain(LAST_TILE);
    this.go([...this.steps, removed]);
  }

  /** Go to these steps; what they change is drawn by the listener. */
  go(steps) {
    if (this.isDead) return;
    this.notice.replaceChildren();
    this.model.set("steps", steps.length ? steps : [[]]);
    this.model.save_changes();
  }

  complain(text) {
    this.notice.replaceChildren(complaint(text));
  }

  /** Take the answer for these steps, or wait for the kernel's. */
  takeSteps() {
    if (this.rule) {
      const answers = this.steps.map((removed) => answerWithout(removed, this.rule, this.tiles));
      this.history = answers.map(({ probability }, i) => [this.steps[i].length, probability]);
      this.showAnswer(answers.at(-1));
    } else {
      this.takeAnswer();
      const late = JSON.stringify(this.steps) !== JSON.stringify(this.model.get("answer").steps);
      if (late) this.waiting ??= setTimeout(() => this.complain(`No answer yet. ${NEEDS_KERNEL}`), PATIENCE);
    }
  }

  /** Take what the kernel has answered last. */
  takeAnswer() {
    const { steps, history, weights, logit } = this.model.get("answer");
    if (JSON.stringify(this.steps) === JSON.stringify(steps)) {
      clearTimeout(this.waiting);
      this.waiting = undefined;
      if (!this.isDead) this.notice.replaceChildren();
    }
    this.history = history;
    this.showAnswer({ weights: floats(weights), logit, probability: history.at(-1)[1] });
  }

  /** Show weights and numbers; the crosses are those of the steps. */
  showAnswer({ weights, logit, probability }) {
    this.weights = weights;
    this.order = this.left.sort((a, b) => weights[b] - weights[a]);
    const count = this.order.length;
    const shares = Array.from(weights, (weight) => weight * count);
    const ofLeft = this.order.map((tile) => shares[tile]);
    this.scale.fit("share", ofLeft, endsOf(ofLeft));
    this.scale.draw(NaN); // no threshold here
    this.overlay = this.canvas.colours(shares, this.scale);
    this.showNumbers(logit, probability);
    this.showHottest();
    this.redraw();
  }

  showNumbers(logit, probability) {
    const scene = this.model.get("scene");
    const [count, gone] = [this.canvas.count, this.removed.length];
    const highest = (weights) => short(weights.reduce((a, b) => Math.max(a, b)));
    this.title.textContent = `${scene.name}, ${gone} of ${count} removed`;
    this.table.replaceChildren(...thenAndNow([
      ["probability", scene.probability.toFixed(3), probability.toFixed(3)],
      ["logit", scene.logit.toFixed(2), logit.toFixed(2)],
      ["tiles", String(count), String(count - gone)],
      ["highest weight", highest(this.whole), highest(this.weights)],
    ]));
    const before = this.history.at(-2);
    this.told.textContent = before ? `${tiles(gone)} removed: probability ${probability.toFixed(3)}, before ${before[1].toFixed(3)}` : "";
    this.chart.show(this.history);
    for (const one of Object.values(this.buttons)) one.disabled = this.isDead;
    if (this.steps.length < 2) this.buttons.undo.disabled = this.buttons.reset.disabled = true;
  }

  /** Draw what is removed and outlined. The button that removes the tumour gives it away, too. */
  redraw() {
    const [{ truth }, outline] = [this.canvas, this.model.get("outline")];
    this.outlined.row.hidden = !truth;
    this.outlined.input.checked = outline;
    this.buttons.tumour.hidden = !outline || !truth?.some(Boolean);
    this.canvas.draw();
    this.tell(this.canvas.pointer);
  }

  /** The hottest tiles that are left; the focus stays where it was. */
  showHottest() {
    const { buttons } = this.gallery;
    const at = Array.from(buttons.children).indexOf(buttons.getRootNode().activeElement);
    const first = this.order.slice(0, 6);
    this.gallery.show(this.canvas, first, (tile) => [`now ${short(this.weights[tile])}`, `was ${short(this.whole[tile])}`]);
    if (at >= 0) buttons.children[Math.min(at, buttons.children.length - 1)].focus();
  }

  tell(tile) {
    this.said.textContent = tile < 0 ? "" : this.facts(tile).join(" · ");
  }

  facts(tile) {
    const whole = `${short(this.whole[tile])} with all tiles`;
    if (this.removed.includes(tile)) return [`tile ${tile}, removed`, `weight ${whole}`];
    const place = `place ${this.order.indexOf(tile) + 1} of ${this.order.length}`;
    return [`tile ${tile}`, `weight ${short(this.weights[tile])}, ${place}`, whole];
  }

  paint(context) {
    context.globalAlpha = 0.65;
    if (this.coloured.input.checked) context.drawImage(this.overlay, 0, 0);
    context.globalAlpha = 1;
    const side = this.canvas.scene.tile;
    context.fillStyle = "rgba(255, 255, 255, 0.72)";
    for (const tile of this.removed) context.fillRect(...this.canvas.corner(tile), side, side);
    for (const tile of this.removed) this.canvas.mark(context, tile, "cross", "#1f1f1f");
    if (this.model.get("outline")) this.canvas.outline(context);
  }
}

function sync(model, name, value) {
  model.set(name, value);
  model.save_changes();
}

function render({ model, el }) {
  const view = new WhatIf(model);
  el.append(view.element);
  const listeners = {
    "change:steps": () => view.takeSteps(),
    "change:answer": () => view.takeAnswer(),
    "change:outline": () => view.redraw(),
  };
  for (const [name, listener] of Object.entries(listeners)) model.on(name, listener);
  return () => {
    clearTimeout(view.waiting);
    for (const [name, listener] of Object.entries(listeners)) model.off(name, listener);
  };
}

export default { render };
