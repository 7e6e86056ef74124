// MIL playground: points in the plane in bags, ten starts of a model, trained in the browser.

const FRAME = 26; // milliseconds for training and drawing, so that 30 frames fit into a second
const [LEAST, MOST] = [4, 12]; // milliseconds of a frame for training
const SESSION = 150; // epochs until the training pauses by itself
const SPOKEN = 50; // epochs between two sentences for screen readers

/** The words for a bag: label, probability, and what its attention rests on. */
function bagInWords({ unseen }, { seen, model }, b, rank) {
  const [from, to] = [unseen.ends[b], unseen.ends[b + 1]];
  const share = (wanted) => {
    let sum = 0;
    for (let k = from; k < to; k++) if (wanted(unseen.kinds[k])) sum += seen.attention[k];
    return `${Math.round(100 * sum)} %`;
  };
  const witness = (kind) => kind === WITNESS || kind === PARTNER;
  const count = unseen.kinds.slice(from, to).filter(witness).length;
  const label = unseen.labels[b] ? "positive" : "negative";
  const weights = model.pooling === "mean" ? "weight" : "attention";
  return `Bag ${rank + 1} of ${UNSEEN} by probability: ${label}, p = ${logistic(seen.logits[b]).toFixed(2)}, ${to - from} points. ` +
    `Its witnesses (${count}) get ${share(witness)} of the ${weights}, look-alikes ${share((kind) => kind === LOOKALIKE)}.`;
}

function render({ model, el }) {
  const [presets, defaults, limits] = [model.get("presets"), model.get("defaults"), model.get("limits")];
  let settings = { ...model.get("settings") };
  let preset = model.get("preset");
  let training = newTraining(settings);
  let [chosen, bag, by] = [0, 1, "score"]; // the start and the bag looked at; what colours the plane
  let [frameAsked, stopAt, spoken, thumbnail, drawing] = [0, 0, 0, 0, 0];

  // Parts
  const situation = presetPart(presets, (name) => begin({ ...defaults, ...presets[name]?.settings }, name));
  const controls = settingControls(limits, (changes) => begin({ ...settings, ...changes }, preset));
  const play = button("Train", () => {
    if (!frameAsked) return train();
    pause();
    say();
  });
  play.classList.add("mil-points-play");
  const step = button("Step", () => {
    pause();
    for (let i = 0; i < STARTS; i++) trainNext(training, chosen);
    draw(true);
    say();
  });
  const reset = button("Reset", () => begin(settings, preset));
  const reseed = button("New seed", () => begin({ ...settings, seed: (settings.seed % limits.numbers.seed[1]) + 1 }, preset));
  const copy = button("Copy link", copyLink);
  const address = make("input", { type: "text", readonly: true, hidden: true, "aria-label": "Link to this situation", class: "mil-points-address" });
  const count = make("span", { class: "mil-points-count" });
  const colouring = choiceOf({
    label: "Show", name: `mil-points-${Math.random()}`, options: { score: "instance score", attention: "attention" },
    onchange: (value) => {
      by = value;
      draw(true);
    },
  });
  const plane = canvasNamed("The plane coloured by score, all points, and the points of the bag shown, larger with more attention", "mil-points-plane");
  const ends = make("div", { class: "mil-points-ends" }, make("span"), make("span"), make("span"));
  const bars = canvasNamed("A bar for each unseen bag, by probability", "mil-points-bars");
  const rank = slider({ label: "Bag shown", min: 1, max: UNSEEN, step: 1, value: 1, format: String, oninput: (i) => choose(ordered()[i - 1]) });
  const about = make("p", { class: "mil-points-about" });
  const curves = ["Loss", "AUC, ten starts", "Attention entropy"].map((name) => {
    const value = make("b");
    return { value, canvas: canvasNamed(name, "mil-points-curve"), heading: make("h4", {}, `${name} `, value) };
  });
  const strip = startsStrip((i) => {
    chosen = i;
    draw(true);
    say();
  });
  const said = announcer();

  const root = frame("MIL playground",
    make("div", { class: "mil-points-top" }, ...situation.nodes),
    make("div", { class: "mil-points-run" }, play, step, reset, reseed, count, copy, address),
    make("div", { class: "mil-points-set" }, controls.pooling, controls.broken),
    controls.numbers,
    make("div", { class: "mil-points-views" },
      make("div", {}, colouring.node, plane, ends,
        make("p", { class: "mil-points-key" }, "● ordinary ◆ witness ▲ second kind ■ look-alike. The larger, the more attention.")),
      make("div", {}, make("h4", {}, "Unseen bags by probability"), bars,
        make("p", { class: "mil-points-key" }, make("span", { class: "is-warm" }), "positive ", make("span", { class: "is-cold" }), "negative. Press a bar to see its points."),
        rank.row, about),
      make("div", { class: "mil-points-curves" }, ...curves.flatMap(({ heading, canvas }) => [heading, canvas]))),
    strip.node, said);
  root.classList.add("mil-points");
  el.append(root);

  function ordered() {
    const { logits } = training.starts[chosen].seen;
    return logits.map((_, b) => b).sort((a, b) => logits[a] - logits[b] || a - b);
  }
  function choose(b) {
    bag = b;
    draw(false);
  }
  bars.addEventListener("click", (event) => {
    const box = bars.getBoundingClientRect();
    const place = ((event.clientX - box.left - AXIS) / (box.width - AXIS)) * UNSEEN;
    choose(ordered()[Math.min(UNSEEN - 1, Math.max(0, Math.floor(place)))]);
  });

  /** Start anew with settings, in the present preset or another; a link holds them from then on. */
  function begin(next, name, silent = false) {
    pause();
    [settings, preset] = [{ ...next }, name];
    training = newTraining(settings);
    bag = 1;
    spoken = 0;
    address.hidden = true;
    if (!silent) {
      model.set("settings", { ...settings });
      model.set("preset", preset);
      model.save_changes();
      const here = addressOf(hash(), "");
      if (here.startsWith("http")) {
        try {
          history.replaceState(history.state, "", here);
        } catch {
          // browsers limit how often; the next change writes it
        }
      }
    }
    show();
  }
  function show() {
    controls.show(settings);
    situation.show(preset);
    draw(true);
    say();
  }
  const hash = () => hashOf(settings, preset, presets, defaults);
  function copyLink() {
    address.value = addressOf(hash(), model.get("site"));
    address.hidden = false;
    address.select();
    navigator.clipboard?.writeText(address.value).then(() => (said.textContent = "The link is copied."), () => {});
  }

  function train() {
    stopAt = Math.floor(training.starts[0].epoch / SESSION + 1) * SESSION;
    play.textContent = "Pause";
    frameAsked = requestAnimationFrame(advance);
    said.textContent = `Training ${POOLING_NAMES[settings.pooling]} from ${STARTS} starts, up to epoch ${stopAt}.`;
  }
  function pause() {
    cancelAnimationFrame(frameAsked);
    frameAsked = 0;
    play.textContent = "Train";
  }
  function advance() {
    if (!root.isConnected) return pause();
    const end = performance.now() + Math.min(MOST, Math.max(LEAST, FRAME - drawing));
    do trainNext(training, chosen); while (performance.now() < end && !finished());
    if (finished()) pause();
    else frameAsked = requestAnimationFrame(advance);
    const drawn = performance.now();
    draw(!frameAsked);
    drawing = performance.now() - drawn;
    const { epoch } = training.starts[chosen];
    if (frameAsked && epoch - spoken < SPOKEN) return;
    spoken = epoch;
    say();
  }
  const finished = () => training.next === 0 && training.starts[0].epoch >= stopAt;

  /** Draw what changed; `all` draws every start's small plane, otherwise it is one start's turn. */
  function draw(all) {
    const tones = tonesOf(root, plane.getContext("2d"));
    const start = training.starts[chosen];
    const { seen, history, epoch } = start;
    const order = ordered();
    const [low, high] = drawPlane(plane, start.model, training.unseen, seen, bag, by, tones);
    drawBags(bars, training.unseen, seen, order, bag, tones);
    if (all) training.starts.forEach((one, i) => strip.draw(one, i, tones));
    else strip.draw(training.starts[thumbnail], thumbnail, tones);
    drawHistory(history, epoch, tones); // words come last: a canvas asks for its size, which lays them out
    thumbnail = (thumbnail + 1) % STARTS;
    strip.tell(training, chosen);
    count.textContent = `epoch ${epoch} · seed ${settings.seed}`;
    rank.set(order.indexOf(bag) + 1);
    about.textContent = bagInWords(training, start, bag, order.indexOf(bag));
    tellEnds(low, high);
    Object.assign(root.dataset, { epoch, auc: seen.auc, running: Boolean(frameAsked) });
    root.dataset.frames = Number(root.dataset.frames ?? 0) + 1;
  }
  function drawHistory(history, epoch, tones) {
    const line = (name, tone, more) => ({ points: history.map((row) => [row.epoch, row[name]]), tone, ...more });
    const now = history.at(-1);
    const others = training.starts.map((start) => ({ points: start.history.map((row) => [row.epoch, row.auc]), tone: tones.line }));
    const last = Math.max(epoch, 20);
    const highest = Math.max(1, Math.ceil(Math.max(...history.map((row) => row.lossUnseen))));
    drawCurves(curves[0].canvas, [line("loss", tones.quiet, { dash: [5, 3], width: 1.5 }), line("lossUnseen", tones.ink, { width: 2 })], last, [0, highest], tones);
    drawCurves(curves[1].canvas, [...others, line("auc", tones.ink, { width: 2 })], last, [0, 1], tones);
    drawCurves(curves[2].canvas, [line("entropy", tones.ink, { width: 2 })], last, [0, 1], tones);
    curves[0].value.textContent = `– – training ${now.loss.toFixed(2)}, — unseen ${now.lossUnseen.toFixed(2)}`;
    curves[1].value.textContent = now.auc.toFixed(2);
    curves[2].value.textContent = now.entropy.toFixed(2) + (settings.unmasked ? `, ${Math.round(100 * training.starts[chosen].seen.lost)} % on padding` : "");
  }
  function tellEnds(low, high) {
    const flat = by === "attention" && low === high;
    const texts = by === "score" ? ["negative", "instance score", "positive"] : [low.toFixed(1), flat ? "every point alike" : "attention score", high.toFixed(1)];
    texts.forEach((text, i) => (ends.children[i].textContent = text));
    ends.classList.toggle("is-attention", by === "attention");
  }
  function say() {
    const { seen, epoch } = training.starts[chosen];
    const lost = training.starts.filter((start) => start.seen.auc < LOST).length;
    const padding = settings.unmasked ? ` Padding takes ${Math.round(100 * seen.lost)} % of the attention.` : "";
    said.textContent = `${POOLING_NAMES[settings.pooling]}, start ${chosen + 1}, epoch ${epoch}: AUC ${seen.auc.toFixed(2)}, ` +
      `loss ${seen.loss.toFixed(2)} on ${UNSEEN} unseen bags, attention entropy ${seen.entropy.toFixed(2)}.${padding} ` +
      `${lost} of ${STARTS} starts have an AUC below ${LOST}.`;
  }

  function readHash() {
    const found = settingsOf(location.hash, presets, defaults, limits);
    if (found) begin(found.settings, found.preset, true);
  }
  function settingsCame() {
    const came = model.get("settings");
    if (Object.keys(came).some((name) => came[name] !== settings[name])) begin(came, model.get("preset"), true);
  }
  colouring.set(by);
  show();
  readHash();
  const resized = new ResizeObserver(() => draw(true));
  resized.observe(root);
  const look = () => JSON.stringify(tonesOf(root, plane.getContext("2d")));
  let looked = look();
  const themed = new MutationObserver(() => { // the page says whether it is dark
    if (looked === (looked = look())) return;
    draw(true);
  });
  const attributeFilter = ["class", "theme", "data-theme", "data-jp-theme-light"];
  for (const part of [document.documentElement, document.body]) themed.observe(part, { attributeFilter });
  window.addEventListener("hashchange", readHash);
  model.on("change:settings", settingsCame);
  return () => {
    pause();
    resized.disconnect();
    themed.disconnect();
    window.removeEventListener("hashchange", readHash);
    model.off("change:settings", settingsCame);
  };
}

export default { render };
