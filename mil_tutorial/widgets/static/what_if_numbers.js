// The numbers of the what-if widget: a table, and probability by step as a line that is also told in
// words.

const CHART = { width: 300, height: 156, left: 30, right: 290, top: 10, bottom: 122 };

class HistoryChart {
  constructor() {
    const viewBox = `0 0 ${CHART.width} ${CHART.height}`;
    this.element = svg("svg", { viewBox, class: "mil-whatif-chart", role: "img" });
  }

  /** history: [number of tiles removed, probability] of the whole slide and of each step. */
  show(history) {
    this.last = Math.max(history.length - 1, 4);
    const spots = history.map(([, probability], step) => [this.x(step), this.y(probability)]);
    const words = history.slice(-20).map(([removed, probability]) => `${removed} removed ${probability.toFixed(3)}`);
    this.element.setAttribute("aria-label", `Probability by step: ${words.join(", ")}`);
    this.element.replaceChildren(
      ...this.axes(history.length - 1),
      svg("line", { class: "mil-whatif-whole", x1: CHART.left, x2: CHART.right, y1: spots[0][1], y2: spots[0][1] }),
      svg("path", { class: "mil-whatif-line", d: through(spots) }),
      ...spots.map((spot, step) => this.spot(spot, step, history[step])),
    );
  }

  x(step) {
    return CHART.left + 8 + ((CHART.right - CHART.left - 16) * step) / this.last;
  }

  y(probability) {
    return CHART.bottom + (CHART.top - CHART.bottom) * probability;
  }

  axes(steps) {
    const levels = [0, 0.5, 1].flatMap((level) => [
      svg("line", { class: "mil-whatif-grid", x1: CHART.left, x2: CHART.right, y1: this.y(level), y2: this.y(level) }),
      svg("text", { x: CHART.left - 5, y: this.y(level) + 4, "text-anchor": "end" }, String(level)),
    ]);
    const numbers = [...new Set([0, steps])].map((step) =>
      svg("text", { x: this.x(step), y: CHART.bottom + 14, "text-anchor": "middle" }, String(step)));
    const middle = (CHART.left + CHART.right) / 2;
    return [...levels, ...numbers, svg("text", { x: middle, y: CHART.height - 3, "text-anchor": "middle" }, "step (dashed: all tiles)")];
  }

  spot([cx, cy], step, [removed, probability]) {
    const words = `step ${step}: ${tiles(removed)} removed, probability ${probability.toFixed(3)}`;
    const r = this.last > 40 ? 2 : 4;
    return svg("circle", { class: "mil-whatif-spot", cx, cy, r }, svg("title", {}, words));
  }
}

/** A table of what was and what is; rows are [name, with all tiles, now]. */
function thenAndNow(rows) {
  const head = (scope, text) => make("th", { scope }, text);
  const cell = (text, what) => make("td", { "data-what": what }, text);
  const top = make("tr", {}, make("td", {}), head("col", "all tiles"), head("col", "now"));
  return [top, ...rows.map(([name, whole, now]) => make("tr", {}, head("row", name), cell(whole, `${name}, all`), cell(now, name)))];
}
