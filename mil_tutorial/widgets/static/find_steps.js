// The three steps of "Find the tumour": mark, see where the model looked, see the truth.

const STEPS = [
  { name: "Mark", next: "Show where the model looked", task: "Click the tiles that you think hold tumour." },
  { name: "The model", next: "Show the truth", task: "The colours show where the model looked: the brighter a tile, the more it counted, for or against." },
  { name: "The truth", next: null, task: "The tumour is outlined." },
];
const KINDS = { // what a tile is once compared: sign, words, shape, colour
  found: ["✓", "found", "check", "#009e73"],
  alarm: ["×", "false alarms", "cross", "#d55e00"],
  missed: ["○", "missed", "circle", "#0072b2"],
};

/** The list of steps, the task of the present one, and a button that goes on: {element, button, show(step)}. */
function findSteps(onnext, mayBeHealthy) {
  const items = STEPS.map(({ name }) => make("li", {}, name));
  const task = make("p", { class: "mil-find-task" });
  const next = button(STEPS[0].next, onnext);
  next.classList.add("mil-main");
  function show(step) {
    items.forEach((item, i) => {
      if (i === step) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
    const none = mayBeHealthy && !step ? " Click none if you think there is none." : "";
    task.textContent = STEPS[step].task + none;
    next.textContent = STEPS[step].next ?? STEPS.at(-2).next;
    next.disabled = STEPS[step].next === null;
  }
  return { element: make("div", {}, make("ol", { class: "mil-find-steps" }, ...items), task), button: next, show };
}

/** The model's answer, and how much of its attention lies on the marked tiles, in words. */
function looked(marks, shares, probability) {
  const answer = probability === null ? "" : `The model's probability is ${probability.toFixed(2)}. `;
  if (!marks.length) return answer + "You marked no tile. Attention sums to 1 on every slide, with or without tumour.";
  const held = marks.reduce((sum, tile) => sum + shares[tile], 0) / shares.length;
  return answer + `You marked ${tiles(marks.length)} of ${shares.length}. ${marks.length === 1 ? "It holds" : "They hold"} ${percentOf(held)} of the model's attention.`;
}

function percentOf(part) {
  const percent = 100 * part;
  return percent > 0 && percent < 1 ? "less than 1 %" : `${percent.toFixed(0)} %`;
}

/** What the marks were worth, in words. */
function verdict(marks, { found, missed }) {
  const tumour = found.length + missed.length;
  if (tumour) return `You marked ${tiles(marks.length)} and found ${found.length} of the ${tumour} that hold tumour.`;
  if (!marks.length) return "Right: there is no tumour on this slide, and you marked none.";
  return `There is no tumour on this slide; you marked ${tiles(marks.length)}. Attention sums to 1 on every slide, so some tiles get most of it here too.`;
}

/** Rows of a table of counts: of the learner, and of the hottest tiles. */
function verdictRows(learner, attention, top) {
  const sides = Object.entries({ learner, attention });
  const head = (scope, text) => make("th", { scope }, text);
  const row = ([kind, [sign, words]]) => make("tr", {}, head("row", `${sign} ${words}`),
    ...sides.map(([side, kinds]) => make("td", { "data-count": `${side}-${kind}` }, String(kinds[kind].length))));
  return [make("tr", {}, make("td", {}), head("col", "you"), head("col", `attention, top ${top}`)), ...Object.entries(KINDS).map(row)];
}
