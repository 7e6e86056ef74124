// Threshold explorer: move the threshold, see who is missed and who gets a false alarm.

const LONGEST = 12; // of a list of missed slides or patients

/** A threshold in words: three digits, more where three would say 0 or 1. */
function digits(p) {
  const plain = p.toFixed(3);
  if (p > 0 && p < 0.0005) return p.toExponential(1);
  return p < 1 && plain === "1.000" ? `1 − ${(1 - p).toExponential(1)}` : plain;
}

/** A list under a heading, cut where it gets long: {element, show(items, of)}. */
function roll(title) {
  const heading = make("h4", {});
  const list = make("ul", { class: "mil-threshold-list", tabindex: 0, "aria-label": title });
  function show(items, of) {
    heading.textContent = `${title}: ${items.length} of ${of}`;
    const shown = items.slice(0, LONGEST);
    if (items.length > LONGEST) shown.push(`and ${items.length - LONGEST} more`);
    list.replaceChildren(...(shown.length ? shown : ["none"]).map((item) => make("li", {}, item)));
  }
  return { element: make("div", {}, heading, list), show };
}

/** Confusion matrix and rates: {element, show(decisions)}. */
function confusionTable() {
  const cell = () => make("td", {});
  const cells = { truePositives: cell(), falseNegatives: cell(), falsePositives: cell(), trueNegatives: cell() };
  const head = (text, scope) => make("th", { scope }, text);
  const counts = make("table", { class: "mil-threshold-confusion" },
    make("tr", {}, make("td", {}), head("called tumour", "col"), head("called healthy", "col")),
    make("tr", {}, head("tumour", "row"), cells.truePositives, cells.falseNegatives),
    make("tr", {}, head("healthy", "row"), cells.falsePositives, cells.trueNegatives));
  const rates = make("table", { class: "mil-threshold-rates" });
  const fates = { truePositives: "found", falseNegatives: "missed", falsePositives: "alarm", trueNegatives: "cleared" };

  function show(found) {
    for (const [name, td] of Object.entries(cells)) {
      const [sign, word] = FATES[fates[name]];
      td.replaceChildren(make("strong", {}, found[name]), make("small", { class: `mil-threshold-${fates[name]}` }, `${sign} ${word}`));
    }
    const lines = [
      ["Sensitivity", found.sensitivity, `${found.truePositives} of ${found.positives}`],
      ["False negative rate", found.falseNegativeRate, `${found.falseNegatives} of ${found.positives}`],
      ["Specificity", found.specificity, `${found.trueNegatives} of ${found.negatives}`],
    ];
    rates.replaceChildren(...lines.map(([name, rate, share]) =>
      make("tr", {}, head(name, "row"), make("td", {}, make("strong", {}, rate.toFixed(3))), make("td", {}, share))));
  }
  return { element: make("div", { class: "mil-threshold-table" }, counts, rates), show };
}

function render({ model, el }) {
  const bags = Object.fromEntries(["labels", "probabilities", "groups", "names"].map((name) => [name, model.get(name)]));
  const { labels, probabilities, groups, names } = bags;
  const points = operatingPoints(labels, probabilities);
  const specific = pointForSpecificity(points, 0.9);
  let threshold = model.get("threshold");

  const said = announcer();
  const hovered = make("p", { class: "mil-said" }, "Point at a slide to see its name.");
  const table = confusionTable();
  const slides = roll("Missed slides");
  const people = roll("Missed patients");
  const alarms = roll("False alarms");
  const line = strip(bags, { pick: (p) => set(Math.round(1000 * p) / 1000), look });
  const roc = rocCurve(points, specific, { pick: set, released: save });
  const control = slider({
    label: "Threshold", min: 0, max: 1, step: "any", value: threshold, format: () => digits(threshold),
    oninput: (p) => set(Math.round(1000 * p) / 1000),
  });
  control.input.addEventListener("change", save);
  line.element.addEventListener("lostpointercapture", save);
  const jump = (p) => {
    set(p);
    save();
  };
  const sensitive = button("Reach 95 % sensitivity", () => jump(thresholdForSensitivity(labels, probabilities, 0.95)));
  const careful = button("Reach 90 % specificity", () => {
    if (specific.threshold !== null) jump(specific.threshold);
    else said.textContent = "No threshold reaches it: too many healthy slides have probability 1.";
  });

  let pointed; // the slide that the pointer was on last
  function look(slide) {
    if (slide === undefined) return;
    pointed = slide;
    const patient = groups.length ? `, patient ${groups[slide]}` : "";
    const word = FATES[fate(labels[slide], probabilities[slide], threshold)][1];
    hovered.textContent = `${names[slide]}${patient}: probability ${digits(probabilities[slide])}, ${word}`;
  }
  function set(p) {
    threshold = p;
    refresh();
  }
  function save() {
    said.textContent = summary();
    if (threshold === model.get("threshold")) return;
    model.set("threshold", threshold);
    model.save_changes();
  }
  function summary() {
    const found = decide(labels, probabilities, threshold);
    return `Threshold ${digits(threshold)}: sensitivity ${found.sensitivity.toFixed(3)}, `
      + `specificity ${found.specificity.toFixed(3)}.`;
  }
  /** The slides that became this, the lowest probability first. */
  function named(what) {
    const those = [...labels.keys()].filter((i) => fate(labels[i], probabilities[i], threshold) === what);
    those.sort((a, b) => probabilities[a] - probabilities[b]);
    return those.map((i) => `${names[i]} (${digits(probabilities[i])})`);
  }
  function refresh() {
    control.set(threshold);
    const words = summary();
    line.show(threshold, `Slides by probability. ${words}`);
    roc.show(threshold, words);
    const found = decide(labels, probabilities, threshold);
    table.show(found);
    slides.show(named("missed"), found.positives);
    alarms.show(named("alarm").reverse(), found.negatives);
    const { positive, missed: without } = patients(labels, probabilities, groups, threshold);
    people.show(without.map((patient) => `patient ${patient}`), positive);
    look(pointed); // what became of it may have changed
  }
  function reload() {
    threshold = model.get("threshold");
    refresh();
    said.textContent = summary();
  }

  const { positives, negatives } = points[0];
  const key = Object.entries(FATES).map(([name, [sign, word]]) =>
    make("span", {}, make("span", { class: `mil-threshold-${name}` }, sign), ` ${word}`));
  people.element.hidden = !groups.length;
  const explorer = frame("Threshold explorer",
    make("p", {}, make("strong", {}, `${labels.length} ${model.get("bags_are")}`),
      `: ${positives} with tumour, ${negatives} healthy. AUC ${areaUnder(points).toFixed(3)}.`),
    make("div", { class: "mil-threshold-lanes" },
      make("div", { class: "mil-threshold-classes" }, make("span", {}, "tumour"), make("span", {}, "healthy")), line.element),
    control.row, make("p", { class: "mil-threshold-key" }, ...key), hovered,
    make("div", { class: "mil-threshold-buttons" }, sensitive, careful), said,
    make("div", { class: "mil-columns" }, roc.element, table.element),
    make("div", { class: "mil-columns" }, slides.element, people.element, alarms.element));
  explorer.classList.add("mil-threshold");
  el.append(explorer);
  reload();
  model.on("change:threshold", reload);
  return () => model.off("change:threshold", reload);
}

export default { render };
