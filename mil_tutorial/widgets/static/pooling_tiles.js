// Parts of the pooling playground: a tile that can be dragged, a row of weights.

const ARROW = 0.5; // of a score; with Shift a fifth of it
const WORDS = { max: "max", mean: "mean", attention: "attention", gated: "gated attention" };

function tenths(x) {
  return Math.round(x * 10) / 10;
}

/** A score with its sign: −2.0. */
function signed(x, digits = 1) {
  return x.toFixed(digits).replace("-", "−");
}

/** One tile as a vertical slider. Calls moved(score) on the way and released() at its end. */
function tileSlider(k, { low, high }, moved, released) {
  const bar = make("div", { class: "mil-playground-bar" });
  const words = make("span", { class: "mil-playground-score" });
  const ground = make("div", { class: "mil-playground-zero" });
  const element = make("div", {
    class: "mil-playground-tile", role: "slider", tabindex: 0, "aria-orientation": "vertical",
    "aria-label": `Score of tile ${k + 1}`, "aria-valuemin": low, "aria-valuemax": high,
  }, ground, bar, words, make("span", { class: "mil-playground-number" }, k + 1));
  let score = 0;
  let changed = false;
  const [floor, ceiling] = [low - 1.2, high + 1.2]; // leaves room for the numbers
  const share = (s) => (100 * (s - floor)) / (ceiling - floor);
  ground.style.bottom = `${share(0)}%`;

  function set(s) {
    score = s;
    bar.style.bottom = `${share(Math.min(s, 0))}%`;
    bar.style.height = `${Math.abs(share(s) - share(0))}%`;
    words.textContent = signed(s);
    words.style.bottom = `calc(${share(s)}% + ${s < 0 ? -16 : 1}px)`;
    element.classList.toggle("is-positive", s >= 0);
    element.setAttribute("aria-valuenow", s);
    element.setAttribute("aria-valuetext", signed(s));
  }
  function move(s) {
    const next = tenths(Math.min(high, Math.max(low, s)));
    if (next === score) return;
    changed = true;
    set(next);
    moved(next);
  }
  function release() {
    if (changed) released();
    changed = false;
  }
  function drag(event) {
    const box = element.getBoundingClientRect();
    move(floor + ((box.bottom - event.clientY) / box.height) * (ceiling - floor));
  }

  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    element.focus();
    event.preventDefault(); // no text is selected on the way
    drag(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) drag(event);
  });
  for (const end of ["lostpointercapture", "keyup", "blur"]) element.addEventListener(end, release);
  element.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? ARROW / 5 : ARROW;
    const target = {
      ArrowUp: score + step, ArrowRight: score + step, ArrowDown: score - step, ArrowLeft: score - step,
      PageUp: score + 2, PageDown: score - 2, Home: low, End: high,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    move(target);
  });
  return { element, set };
}

/** A row of the grid for one pooling: its weights under the tiles, then the bag's logit. */
function poolingRow(name) {
  const tiles = make("div", { class: `mil-playground-tiles mil-playground-${name}`, role: "img" });
  const logit = make("div", { class: "mil-playground-logit" });
  const level = make("div", {});
  const verdict = make("span", { class: "mil-playground-verdict" });
  const bag = make("div", { class: "mil-playground-bag" }, logit,
    make("div", { class: "mil-playground-meter" }, level), verdict);
  const cells = [];

  function show({ weights, logit: z, probability: p }, chosen) {
    while (cells.length > weights.length) cells.pop().column.remove();
    while (cells.length < weights.length) {
      const bar = make("div", { class: "mil-playground-weight" });
      const number = make("span", {});
      const column = make("div", { class: "mil-playground-column" }, make("div", {}, bar), number);
      cells.push({ bar, number, column });
      tiles.append(column);
    }
    weights.forEach((a, k) => {
      cells[k].column.classList.toggle("is-chosen", k === chosen);
      cells[k].bar.style.height = `${100 * a}%`;
      cells[k].number.textContent = (100 * a).toFixed(0);
    });
    const said = weights.map((a, k) => `tile ${k + 1} ${(100 * a).toFixed(0)}`).join(", ");
    tiles.setAttribute("aria-label", `Weights of ${WORDS[name]} in per cent: ${said}`);
    logit.textContent = `logit ${signed(z, 2)}, p = ${p.toFixed(2)}`;
    level.style.width = `${100 * p}%`;
    verdict.textContent = p >= 0.5 ? "▲ called tumour" : "▽ called healthy";
  }
  const label = make("div", { class: `mil-playground-name mil-playground-${name}` }, WORDS[name]);
  return { parts: [label, tiles, bag], show };
}
