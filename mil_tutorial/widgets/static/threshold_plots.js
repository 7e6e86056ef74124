// Pictures of the threshold explorer: the slides on a line, and the ROC curve.

/** What became of a slide: sign, class and word. */
const FATES = {
  found: ["●", "found"], missed: ["✕", "missed"], alarm: ["▲", "false alarm"], cleared: ["○", "correctly cleared"],
};
const LANE = 74; // pixels of height for the slides of a class

function fate(label, probability, threshold) {
  if (label) return probability >= threshold ? "found" : "missed";
  return probability >= threshold ? "alarm" : "cleared";
}

function percent(x) {
  return `${(100 * x).toFixed(3)}%`;
}

/** The height at which each slide stands: those of about the same probability are stacked. */
function stack(labels, probabilities, bins = 60) {
  const counts = new Map();
  const level = probabilities.map((p, i) => {
    const bin = `${labels[i]} ${Math.min(bins - 1, Math.floor(p * bins))}`;
    counts.set(bin, (counts.get(bin) ?? -1) + 1);
    return counts.get(bin);
  });
  const step = Math.min(10, (LANE - 16) / Math.max(1, ...counts.values()));
  return level.map((l) => l * step);
}

/** Slides by probability, tumour above healthy, and the threshold as a line. */
function strip({ labels, probabilities }, { pick, look }) {
  const up = stack(labels, probabilities);
  const ground = (label) => (label ? LANE : 2 * LANE + 4);
  const signs = probabilities.map((p, i) =>
    svg("text", { x: percent(p), y: ground(labels[i]) - 2 - up[i], "text-anchor": "middle", "data-slide": i }));
  const rule = svg("line", { y1: 2, y2: ground(0) + 6, class: "mil-threshold-rule" });
  const axis = svg("g", { class: "mil-threshold-axis" });
  for (const label of [1, 0]) axis.append(svg("line", { x1: "0%", x2: "100%", y1: ground(label), y2: ground(label) }));
  for (const p of [0, 0.25, 0.5, 0.75, 1]) {
    axis.append(svg("text", { x: percent(p), y: ground(0) + 18, "text-anchor": "middle" }, String(p)));
  }
  const element = svg("svg", { class: "mil-threshold-strip", height: ground(0) + 22, role: "img" }, axis, rule, ...signs);

  const drag = (event) => {
    const box = element.getBoundingClientRect();
    pick(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    event.preventDefault();
    drag(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) drag(event);
  });
  element.addEventListener("pointerover", (event) => look(event.target.dataset?.slide));

  function show(threshold, words) {
    rule.setAttribute("x1", percent(threshold));
    rule.setAttribute("x2", percent(threshold));
    signs.forEach((sign, i) => {
      const what = fate(labels[i], probabilities[i], threshold);
      sign.textContent = FATES[what][0];
      sign.setAttribute("class", `mil-threshold-${what}`);
    });
    element.setAttribute("aria-label", words);
  }
  return { element, show };
}

/** The ROC curve with the present point, which can be moved along it. */
function rocCurve(points, mark, { pick, released }) {
  const [left, top, side] = [46, 10, 210];
  const x = (point) => left + (1 - point.specificity) * side;
  const y = (point) => top + (1 - point.sensitivity) * side;
  const axis = svg("g", { class: "mil-threshold-axis" },
    svg("rect", { x: left, y: top, width: side, height: side }),
    svg("line", { x1: left, y1: top + side, x2: left + side, y2: top, "stroke-dasharray": "2 4" }),
    svg("line", { x1: left + 0.1 * side, x2: left + 0.1 * side, y1: top, y2: top + side, "stroke-dasharray": "5 3" }),
    svg("text", { x: left + 0.1 * side + 5, y: top + side - 7 }, "◇ 90 % specificity"),
    svg("text", { x: left + side / 2, y: top + side + 34, "text-anchor": "middle" }, "false positive rate (1 − specificity)"),
    svg("text", { transform: `translate(12 ${top + side / 2}) rotate(-90)`, "text-anchor": "middle" }, "sensitivity"));
  for (const value of [0, 0.5, 1]) {
    axis.append(svg("text", { x: left + value * side, y: top + side + 17, "text-anchor": "middle" }, String(value)),
      svg("text", { x: left - 6, y: top + (1 - value) * side + 4, "text-anchor": "end" }, String(value)));
  }
  const line = svg("path", { class: "mil-threshold-curve", d: through(points.map((point) => [x(point), y(point)])) });
  const diamond = svg("path", { class: "mil-threshold-mark", d: `M${x(mark)} ${y(mark) - 8}l8 8l-8 8l-8 -8Z` });
  const dot = svg("circle", {
    r: 7, tabindex: 0, role: "slider", class: "mil-threshold-point", "aria-label": "Point on the ROC curve",
    "aria-valuemin": 0, "aria-valuemax": points.length - 1, "data-lm-suppress-shortcuts": "true", // as in make()
  });
  const element = svg("svg", { class: "mil-threshold-roc", viewBox: "0 0 264 262" }, axis, line, diamond, dot);
  let index = 0;

  function move(to) {
    const point = points[Math.min(points.length - 1, Math.max(0, to))];
    if (point.threshold !== null) pick(point.threshold);
  }
  function nearest(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(element.getScreenCTM().inverse());
    const far = points.map((point) => Math.hypot(x(point) - at.x, y(point) - at.y));
    move(far.indexOf(Math.min(...far)));
  }
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    event.preventDefault();
    dot.focus();
    nearest(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) nearest(event);
  });
  element.addEventListener("lostpointercapture", released);
  dot.addEventListener("keydown", (event) => {
    const to = {
      ArrowUp: index + 1, ArrowRight: index + 1, ArrowDown: index - 1, ArrowLeft: index - 1,
      PageUp: index + 10, PageDown: index - 10, Home: 0, End: points.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  });
  dot.addEventListener("keyup", released);

  function show(threshold, words) {
    index = points.findLastIndex((point) => point.threshold === null || point.threshold >= threshold);
    dot.setAttribute("cx", x(points[index]));
    dot.setAttribute("cy", y(points[index]));
    dot.setAttribute("aria-valuenow", index);
    dot.setAttribute("aria-valuetext", words);
  }
  return { element, show };
}
