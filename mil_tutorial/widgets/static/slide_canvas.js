// A slide on a canvas: picture, coloured tiles, outline of the truth, marks; a pointer that the
// mouse and the arrow keys move from tile to tile.

class SlideCanvas {
  /** hover(tile) is called with a tile's number or -1, pick(tile) on a click or Enter. */
  constructor({ hover = () => {}, pick = () => {} }) {
    this.element = make("canvas", { class: "mil-slide", tabindex: 0, role: "application" });
    this.hover = hover;
    this.pick = pick;
    this.pointer = -1;
    this.paint = () => {};
    this.listen();
  }

  listen() {
    const { element } = this;
    element.addEventListener("mousemove", (event) => this.moveTo(this.tileAt(event)));
    element.addEventListener("mouseleave", () => this.moveTo(-1));
    element.addEventListener("click", (event) => {
      const tile = this.tileAt(event);
      if (tile >= 0) this.pick(tile);
    });
    element.addEventListener("keydown", (event) => this.press(event));
  }

  /** Take another slide; draws when its picture has been decoded. */
  show(scene, label) {
    this.scene = scene;
    this.tiles = floats(scene.tiles);
    this.truth = bytes(scene.truth);
    this.count = this.tiles.length / 2;
    this.pointer = -1;
    this.picture = null;
    this.element.width = scene.width;
    this.element.height = scene.height;
    this.element.setAttribute("aria-label", label);
    createImageBitmap(new Blob([bytes(scene.image)], { type: "image/jpeg" })).then((picture) => {
      if (this.scene !== scene) return; // another slide was chosen meanwhile
      this.picture = picture;
      this.element.dataset.drawn = scene.name;
      this.draw();
      this.onpicture?.();
    });
  }

  corner(tile) {
    return [this.tiles[2 * tile], this.tiles[2 * tile + 1]];
  }

  /** The tile under the mouse; the last one drawn where tiles overlap. */
  tileAt(event) {
    const place = this.element.getBoundingClientRect();
    const x = ((event.clientX - place.left) * this.element.width) / place.width;
    const y = ((event.clientY - place.top) * this.element.height) / place.height;
    for (let k = this.count - 1; k >= 0; k--) {
      const [left, top] = this.corner(k);
      if (x >= left && x < left + this.scene.tile && y >= top && y < top + this.scene.tile) return k;
    }
    return -1;
  }

  moveTo(tile) {
    if (tile === this.pointer) return;
    this.pointer = tile;
    this.draw();
    this.hover(tile);
  }

  press(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const picks = event.key === "Enter" || event.key === " ";
    if (step) this.moveTo(this.neighbour(...step));
    else if (picks && this.pointer >= 0) this.pick(this.pointer);
    else return;
    event.preventDefault();
  }

  /** The nearest tile in a direction; sideways counts double, so that a row is followed. */
  neighbour(dx, dy) {
    if (this.pointer < 0) return 0;
    const [x, y] = this.corner(this.pointer);
    let best = this.pointer;
    let least = Infinity;
    for (let k = 0; k < this.count; k++) {
      const [left, top] = this.corner(k);
      const along = (left - x) * dx + (top - y) * dy;
      const aside = Math.abs((left - x) * dy) + Math.abs((top - y) * dx);
      if (along > 0 && along + 2 * aside < least) [least, best] = [along + 2 * aside, k];
    }
    return best;
  }

  draw() {
    if (!this.picture) return;
    const context = this.element.getContext("2d");
    context.drawImage(this.picture, 0, 0);
    this.paint(context);
    if (this.pointer >= 0) this.frame(context, this.pointer, "#000000", 2);
  }

  /** Colours of all tiles, once; the overlay is then laid on with one opacity. */
  colours(values, low, high, palette) {
    const layer = new OffscreenCanvas(this.element.width, this.element.height);
    const context = layer.getContext("2d");
    for (let k = 0; k < this.count; k++) {
      const part = high > low ? Math.min(Math.max((values[k] - low) / (high - low), 0), 1) : 0;
      const i = 3 * Math.round(255 * part);
      context.fillStyle = `rgba(${palette[i]},${palette[i + 1]},${palette[i + 2]},${part})`;
      context.fillRect(...this.corner(k), this.scene.tile, this.scene.tile);
    }
    return layer;
  }

  /** The border between tumour tiles and the rest: an edge that only one tumour tile has. */
  outline(context) {
    if (!this.truth) return;
    const side = this.scene.tile;
    const edges = new Map();
    const add = (x1, y1, x2, y2) => {
      const key = [x1, y1, x2, y2].map((v) => v.toFixed(2)).join();
      if (!edges.delete(key)) edges.set(key, [x1, y1, x2, y2]);
    };
    for (let k = 0; k < this.count; k++) {
      if (!this.truth[k]) continue;
      const [x, y] = this.corner(k);
      add(x, y, x + side, y);
      add(x, y + side, x + side, y + side);
      add(x, y, x, y + side);
      add(x + side, y, x + side, y + side);
    }
    for (const [colour, width] of [["#ffffff", 5], ["#d55e00", 2.5]]) {
      context.beginPath();
      for (const [x1, y1, x2, y2] of edges.values()) {
        context.moveTo(x1, y1);
        context.lineTo(x2, y2);
      }
      this.line(context, colour, width);
    }
  }

  line(context, colour, width) {
    context.lineWidth = width * this.thickness;
    context.strokeStyle = colour;
    context.stroke();
  }

  /** Lines are as thick on the page for a large picture as for a small one. */
  get thickness() {
    return this.element.width / 512;
  }

  frame(context, tile, colour, width) {
    const side = this.scene.tile;
    for (const [stroke, extra] of [["#ffffff", 2], [colour, 0]]) {
      context.beginPath();
      context.rect(...this.corner(tile), side, side);
      this.line(context, stroke, width + extra);
    }
  }

  /** A cross, a check or a circle in the middle of a tile. */
  mark(context, tile, shape, colour) {
    const half = this.scene.tile / 2;
    const [x, y] = this.corner(tile).map((v) => v + half);
    const r = 0.55 * half;
    context.beginPath();
    if (shape === "circle") context.arc(x, y, r, 0, 2 * Math.PI);
    else if (shape === "check") {
      context.moveTo(x - r, y + 0.1 * r);
      context.lineTo(x - 0.3 * r, y + 0.8 * r);
      context.lineTo(x + r, y - 0.8 * r);
    } else {
      context.moveTo(x - r, y - r);
      context.lineTo(x + r, y + r);
      context.moveTo(x + r, y - r);
      context.lineTo(x - r, y + r);
    }
    this.line(context, "#ffffff", 5);
    this.line(context, colour, 2.5);
  }

  /** A tile with half a tile around it, on a small canvas, enlarged. */
  enlarged(tile, pixels) {
    const small = make("canvas", { width: pixels, height: pixels, class: "mil-tile" });
    const context = small.getContext("2d");
    const side = this.scene.tile;
    const [x, y] = this.corner(tile);
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, pixels, pixels);
    if (this.picture) {
      context.drawImage(this.picture, x - side / 2, y - side / 2, 2 * side, 2 * side, 0, 0, pixels, pixels);
    }
    context.strokeRect(pixels / 4, pixels / 4, pixels / 2, pixels / 2);
    return small;
  }
}

/** A number of tiles in words. */
function tiles(count) {
  return count === 1 ? "1 tile" : `${count} tiles`;
}
