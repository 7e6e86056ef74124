// A slide on a canvas: picture, coloured tiles, outline of the truth, marks; a pointer that the
// mouse and the arrow keys move from tile to tile.

const SHAPES = {
  circle(path, x, y, r) {
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 2 * Math.PI);
  },
  cross(path, x, y, r) {
    path.moveTo(x - r, y - r);
    path.lineTo(x + r, y + r);
    path.moveTo(x + r, y - r);
    path.lineTo(x - r, y + r);
  },
  check(path, x, y, r) {
    path.moveTo(x - r, y + 0.1 * r);
    path.lineTo(x - 0.3 * r, y + 0.8 * r);
    path.lineTo(x + r, y - 0.8 * r);
  },
};

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
    this.border = this.truth ? this.borderOfTruth() : null;
    this.pointer = -1;
    this.picture = null;
    this.element.width = scene.width;
    this.element.height = scene.height;
    this.element.setAttribute("aria-label", label);
    createImageBitmap(new Blob([bytes(scene.image)], { type: "image/webp" })).then((picture) => {
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
    this.present();
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

  /** Draw all anew, apart from the page: moving the pointer then costs next to nothing. */
  draw() {
    if (!this.picture) return;
    this.drawn = new OffscreenCanvas(this.element.width, this.element.height);
    const context = this.drawn.getContext("2d");
    context.drawImage(this.picture, 0, 0);
    this.paint(context);
    this.present();
  }

  present() {
    if (!this.picture) return;
    const context = this.element.getContext("2d");
    context.drawImage(this.drawn, 0, 0);
    if (this.pointer >= 0) this.frame(context, this.pointer, "#000000", 2);
  }

  /** Colours of all tiles, once; the overlay is then laid on with one opacity. */
  colours(values, scale) {
    const layer = new OffscreenCanvas(this.element.width, this.element.height);
    const context = layer.getContext("2d");
    for (let k = 0; k < this.count; k++) {
      const part = Math.min(Math.max(scale.part(values[k]), 0), 1);
      const i = 3 * Math.round(255 * part);
      context.fillStyle = `rgba(${scale.palette.slice(i, i + 3).join()},${part})`;
      context.fillRect(...this.corner(k), this.scene.tile, this.scene.tile);
    }
    return layer;
  }

  /** The border between tumour tiles and the rest: edges that only one tumour tile has. */
  borderOfTruth() {
    const side = this.scene.tile;
    const edges = new Map();
    const add = (...ends) => {
      const key = ends.map((v) => v.toFixed(2)).join();
      if (!edges.delete(key)) edges.set(key, ends);
    };
    for (let k = 0; k < this.count; k++) {
      if (!this.truth[k]) continue;
      const [x, y] = this.corner(k);
      add(x, y, x + side, y);
      add(x, y + side, x + side, y + side);
      add(x, y, x, y + side);
      add(x + side, y, x + side, y + side);
    }
    const border = new Path2D();
    for (const [x1, y1, x2, y2] of edges.values()) {
      border.moveTo(x1, y1);
      border.lineTo(x2, y2);
    }
    return border;
  }

  outline(context) {
    if (!this.border) return;
    this.line(context, this.border, "#ffffff", 5);
    this.line(context, this.border, "#d55e00", 2.5);
  }

  line(context, path, colour, width) {
    context.lineWidth = width * this.thickness;
    context.strokeStyle = colour;
    context.stroke(path);
  }

  /** Lines are as thick on the page for a large picture as for a small one. */
  get thickness() {
    return this.element.width / 512;
  }

  frame(context, tile, colour, width) {
    const path = new Path2D();
    path.rect(...this.corner(tile), this.scene.tile, this.scene.tile);
    this.line(context, path, "#ffffff", width + 2);
    this.line(context, path, colour, width);
  }

  mark(context, tile, shape, colour) {
    this.marks(context, [tile], shape, colour);
  }

  /** A cross, a check or a circle in the middle of each of these tiles. */
  marks(context, tiles, shape, colour) {
    const path = new Path2D();
    const half = this.scene.tile / 2;
    for (const tile of tiles) {
      const [x, y] = this.corner(tile).map((v) => v + half);
      SHAPES[shape](path, x, y, 0.55 * half);
    }
    this.line(context, path, "#ffffff", 5);
    this.line(context, path, colour, 2.5);
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
