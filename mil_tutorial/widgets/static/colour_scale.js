// The colours of a heat map and their bar, and the way from a slider of 1,000 steps to a threshold.

const FLOOR = 0.1; // equal shares: what lies below looks alike, as in the package's figures

/** The lowest and the highest value; around equal ones a range, as the package's figures have it. */
function endsOf(values) {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  return low < high ? [low, high] : [0, 2 * high || 1];
}

class ColourScale {
  constructor(palette) {
    this.palette = palette;
    this.bar = make("canvas", { width: 256, height: 12, class: "mil-bar", "aria-hidden": "true" });
    this.ends = make("div", { class: "mil-ends" });
    this.element = make("div", {}, this.bar, this.ends);
  }

  /** Fit a scaling. Share and raw differ by orders of magnitude: colours and slider are logarithmic. */
  fit(name, values, [low, high]) {
    const relative = name === "min-max" || name === "rank";
    const top = name === "share" ? values.length : 1;
    const floor = (FLOOR * top) / values.length;
    this.range = relative ? { low: 0, high: 1 } : { low: floor, high: top, log: true };
    this.low = relative ? low : Math.max(low, Math.min(floor, high / 10));
    this.high = high;
    const texts = [short(this.low), relative ? "" : "log scale", short(high)];
    this.ends.replaceChildren(...texts.map((text) => make("span", {}, text)));
  }

  /** Where a value lies on the bar, 0 to 1 within it. */
  part(value) {
    const { low, high, range } = this;
    if (!(high > low)) return 0;
    return range.log ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low);
  }

  valueAt(place) {
    const { low, high, log } = this.range;
    return log ? low * (high / low) ** (place / 1000) : low + ((high - low) * place) / 1000;
  }

  placeOf(value) {
    const { low, high, log } = this.range;
    if (value <= low) return 0;
    return 1000 * (log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  }

  /** Draw the colours with a line at the threshold. */
  draw(threshold) {
    const context = this.bar.getContext("2d");
    for (let i = 0; i < 256; i++) {
      context.fillStyle = `rgb(${this.palette.slice(3 * i, 3 * i + 3).join()})`;
      context.fillRect(i, 0, 1, 12);
    }
    const place = 256 * this.part(threshold);
    context.fillStyle = "#d55e00";
    if (threshold >= this.low && place <= 256) context.fillRect(Math.min(place, 254), 0, 2, 12);
  }
}
