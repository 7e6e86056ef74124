// What if these tiles were not there? The page takes tiles away; the kernel classifies the rest.

const PATIENCE = 4000; // milliseconds until a kernel that does not answer is mentioned
const SHARE = "colour: weight × tiles left (1 = equal)";
const LAST_TILE = "One tile has to stay: the weights are a softmax over the tiles that are left, and there is none over no tiles.";

class WhatIf {
  constructor(model) {
    this.model = model;
    this.whole = doubles(model.get("scene").values.raw);
    this.palette = bytes(model.get("palette"));
    this.canvas = new SlideCanvas({ hover: (tile) => this.tell(tile), pick: (tile) => this.toggle(tile) });
    this.canvas.paint = (context) => this.paint(context);
    this.canvas.onpicture = () => this.showHottest();
    this.chart = new HistoryChart();
    this.gallery = new TileGallery((tile) => this.toggle(tile));
    this.gallery.element.classList.add("mil-whatif-hottest");
    this.scale = new ColourScale(this.palette);
    this.said = announcer();
    this.told = announcer();
    this.told.classList.add("mil-whatif-told");
    this.notice = make("div", {});
    this.title = make("p", { class: "mil-title" });
    this.table = make("table", { class: "mil-whatif-table" });
    this.makeControls();
    this.element = this.layout();
    const scene = model.get("scene");
    this.canvas.show(scene, `Slide ${scene.name}. Arrow keys move from tile to tile, Enter removes a tile or puts it back.`);
    this.takeAnswer();
  }

  makeControls() {
    const { model } = this;
    this.buttons = {
      hottest: button("hottest", () => this.press("hottest", 1)),
      hottest5: button("5 hottest", () => this.press("hottest", 5)),
      random5: button("5 random", () => this.press("random", 5)),
      tumour: button("tumour", () => this.removeTumour()),
      undo: button("Undo", () => this.command("undo")),
      reset: button("Reset", () => this.command("reset")),
    };
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

  get removed() { return ofTurn(this.model, "removed", this.model.get("answer").removed); }

  toggle(tile) {
    const gone = this.removed.includes(tile);
    this.take(gone ? this.removed.filter((other) => other !== tile) : [...this.removed, tile]);
  }

  removeTumour() {
    const more = Array.from(this.whole.keys()).filter((tile) => this.canvas.truth[tile] && !this.removed.includes(tile));
    if (more.length) this.take([...this.removed, ...more]);
  }

  /** Take these tiles away: drawn at once, answered by the kernel. */
  take(removed) {
    if (removed.length === this.canvas.count) return this.complain(LAST_TILE);
    this.ask(() => sync(this.model, "removed", inTurn(this.model, removed)));
  }

  press(kind, count) {
    const left = this.canvas.count - this.removed.length;
    if (left === 1) this.complain(LAST_TILE);
    else if (count >= left) this.complain(`Only ${tiles(left)} are left, and one has to stay: ${count} cannot go.`);
    else this.command(kind, count);
  }

  /** Let the kernel do it. A message overtakes changes that wait, so it says what is removed. */
  command(kind, count) {
    this.ask(() => this.model.send({ do: kind, count, removed: inTurn(this.model, this.removed) }));
  }

  complain(text) {
    this.notice.replaceChildren(complaint(text));
  }

  /** Ask the kernel; if none answers, say so and show again what the last answer was for. */
  ask(question) {
    this.notice.replaceChildren();
    question();
    this.waiting ??= setTimeout(() => {
      this.complain("No answer yet. What is left of the slide has to be classified by a running kernel.");
      this.waiting = null;
      this.goBack();
    }, PATIENCE);
  }

  /** Show as removed what the last answer was for. */
  goBack() {
    this.model.set("removed", inTurn(this.model, this.model.get("answer").removed));
  }

  takeAnswer() {
    const { model } = this;
    const answer = model.get("answer");
    if (this.waiting === null) this.goBack(); // late, the page has gone back
    this.notice.replaceChildren();
    clearTimeout(this.waiting);
    this.waiting = undefined;
    this.weights = floats(answer.weights);
    const gone = new Set(answer.removed);
    this.left = Array.from(this.weights.keys()).filter((tile) => !gone.has(tile));
    this.order = this.left.sort((a, b) => this.weights[b] - this.weights[a]);
    const shares = this.weights.map((weight) => weight * this.left.length);
    const left = this.left.map((tile) => shares[tile]);
    this.scale.fit("share", left, endsOf(left));
    this.scale.draw(NaN); // no threshold here
    this.overlay = this.canvas.colours(shares, this.scale.low, this.scale.high, this.palette);
    this.showNumbers();
    this.showHottest();
    this.redraw();
  }

  showNumbers() {
    const { model } = this;
    const [scene, history] = [model.get("scene"), model.get("history")];
    const [now, gone] = [model.get("probability"), this.canvas.count - this.left.length];
    const highest = (weights) => short(weights.reduce((a, b) => Math.max(a, b)));
    this.title.textContent = `${scene.name}, ${gone} of ${this.canvas.count} removed`;
    this.table.replaceChildren(...thenAndNow([
      ["probability", scene.probability.toFixed(3), now.toFixed(3)],
      ["logit", scene.logit.toFixed(2), model.get("logit").toFixed(2)],
      ["tiles", String(this.canvas.count), String(this.left.length)],
      ["highest weight", highest(this.whole), highest(this.weights)],
    ]));
    const before = history.at(-2);
    this.told.textContent = before ? `${tiles(gone)} removed: probability ${now.toFixed(3)}, before ${before[1].toFixed(3)}` : "";
    this.chart.show(history);
    this.buttons.undo.disabled = this.buttons.reset.disabled = history.length < 2;
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
    const hottest = this.order.slice(0, 6);
    this.gallery.show(this.canvas, hottest, (tile) => [`now ${short(this.weights[tile])}`, `was ${short(this.whole[tile])}`]);
    hottest.forEach((tile, k) => { buttons.children[k].title = `Remove tile ${tile}`; });
    if (at >= 0) buttons.children[Math.min(at, buttons.children.length - 1)].focus();
  }

  tell(tile) {
    this.said.textContent = tile < 0 ? "" : this.facts(tile).join(" · ");
  }

  facts(tile) {
    const whole = `${short(this.whole[tile])} with all tiles`;
    if (this.removed.includes(tile)) return [`tile ${tile}, removed`, `weight ${whole}`];
    const place = `place ${this.order.indexOf(tile) + 1} of ${this.left.length}`;
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
    "change:answer": () => view.takeAnswer(),
    "change:removed": () => view.redraw(),
    "change:outline": () => view.redraw(),
  };
  for (const [name, listener] of Object.entries(listeners)) model.on(name, listener);
  return () => {
    clearTimeout(view.waiting);
    for (const [name, listener] of Object.entries(listeners)) model.off(name, listener);
  };
}

export default { render };
