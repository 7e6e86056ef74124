// The hottest tiles of a slide as buttons, and one tile opened large.

class TileGallery {
  /** verb: what open(tile) does, as in "Open tile 5". */
  constructor(verb, open) {
    this.verb = verb;
    this.open = open;
    this.buttons = make("div", { class: "mil-gallery" });
    this.element = make("div", {}, make("h4", {}, "Hottest tiles"), this.buttons);
  }

  /** order: numbers of tiles; caption(tile): a few words below its number. */
  show(canvas, order, caption) {
    const cards = order.map((tile) => {
      const words = [`tile ${tile}`, ...caption(tile).filter(Boolean)];
      const card = make("button", { type: "button", class: "mil-card", title: `${this.verb} tile ${tile}`, onclick: () => this.open(tile) });
      const verb = make("span", { class: "mil-spoken" }, `${this.verb} `);
      card.append(canvas.enlarged(tile, 72), verb, ...words.map((line) => make("span", {}, line)));
      return card;
    });
    this.buttons.replaceChildren(...cards);
  }
}

class OpenedTile {
  constructor() {
    this.picture = make("div", { class: "mil-opened-picture" });
    this.facts = make("div", { class: "mil-opened-facts", role: "status" });
    this.element = make("div", { class: "mil-opened", "aria-label": "Opened tile", role: "group" });
    this.clear();
  }

  clear() {
    this.tile = -1;
    this.element.replaceChildren(make("p", {}, "Click a tile, or press Enter on it, to see it large."));
  }

  show(canvas, tile, facts) {
    this.tile = tile;
    this.picture.replaceChildren(canvas.enlarged(tile, 128));
    this.facts.replaceChildren(...facts.map((line) => make("p", {}, line)));
    this.element.replaceChildren(this.picture, this.facts);
  }

  /** Put the tile at full resolution in place of the enlarged one, if it is still open. */
  sharpen({ tile, png }) {
    if (tile === undefined || tile !== this.tile) return;
    createImageBitmap(new Blob([bytes(png)], { type: "image/png" })).then((sharp) => {
      if (tile !== this.tile) return; // another was opened meanwhile
      const small = this.picture.querySelector("canvas");
      const context = small.getContext("2d");
      context.drawImage(sharp, 0, 0, small.width, small.height);
      context.strokeRect(small.width / 4, small.height / 4, small.width / 2, small.height / 2);
      small.dataset.sharp = tile;
    });
  }
}
