// Controls of the MIL playground: what to train on, which model, and what is broken on purpose.

const DATA_NAMES = {
  cluster: "one cluster", ring: "a ring", pair: "two kinds must meet", size: "a shortcut by size",
};
const POOLING_NAMES = { max: "max", mean: "mean", attention: "attention", gated: "gated attention" };
const SLIDERS = {
  witnesses: ["Witness rate", (x) => `${x} %`],
  size: ["Bag size", (x) => `${x} points`],
  bags: ["Training bags", String],
  lookalikes: ["Look-alikes", (x) => `${x} %`],
  noise: ["Noise", (x) => x.toFixed(2)],
};

/** Radio buttons side by side: {node, set(value)}. */
function choiceOf({ label, name, options, onchange }) {
  const inputs = {};
  const rows = Object.entries(options).map(([value, text]) => {
    inputs[value] = make("input", { type: "radio", name, value, onchange: () => onchange(value) });
    return make("label", {}, inputs[value], make("span", {}, text));
  });
  const node = make("fieldset", { class: "mil-points-choice" }, make("legend", {}, label), ...rows);
  return { node, set: (value) => (inputs[value].checked = true) };
}

/** All controls of the settings: {data, pooling, numbers, broken: nodes; show(settings)}. */
function settingControls(limits, change) {
  const id = `mil-points-${Math.random().toString(36).slice(2)}`; // radios of two playgrounds stay apart
  const data = chooser({
    label: "Data", options: Object.entries(DATA_NAMES), value: "cluster", onchange: (value) => change({ data: value }),
  });
  const pooling = choiceOf({
    label: "Pooling", name: `${id}-pooling`, options: POOLING_NAMES, onchange: (value) => change({ pooling: value }),
  });
  const sliders = Object.entries(SLIDERS).map(([name, [label, format]]) => {
    const [min, max, step] = limits.numbers[name];
    const control = slider({ label, min, max, step, value: min, format, oninput: () => {} });
    control.input.addEventListener("change", () => change({ [name]: control.value }));
    return [name, control];
  });
  const squashed = tick({ label: "a sigmoid before the softmax", checked: false, onchange: (on) => change({ squashed: on }) });
  const unmasked = tick({ label: "unmasked padding", checked: false, onchange: (on) => change({ unmasked: on }) });
  return {
    pooling: pooling.node,
    numbers: make("div", { class: "mil-points-numbers" }, data.row, ...sliders.map(([, control]) => control.row)),
    broken: make("fieldset", { class: "mil-points-choice" }, make("legend", {}, "Break it"), squashed.row, unmasked.row),
    show(settings) {
      data.input.value = settings.data;
      pooling.set(settings.pooling);
      for (const [name, control] of sliders) control.set(settings[name]);
      squashed.input.checked = settings.squashed;
      squashed.input.disabled = !["attention", "gated"].includes(settings.pooling);
      unmasked.input.checked = settings.unmasked;
    },
  };
}

/** The list of presets, the question of the one shown, and its answer, folded. */
function presetPart(presets, onchoose) {
  const options = [["", "your own"], ...Object.entries(presets).map(([name, { title }]) => [name, title])];
  const list = chooser({ label: "Preset", options, value: "", onchange: onchoose });
  const question = make("p", { class: "mil-points-question" });
  const text = make("p");
  const answer = make("details", {}, make("summary", {}, "Answer, for seed 1 and the settings of this preset"), text);
  let shown = null;
  return {
    nodes: [list.row, question, answer],
    show(name) {
      if (shown === name) return; // an answer that was opened stays open
      shown = name;
      list.input.value = name;
      question.textContent = presets[name]?.question ?? "Change the data and the model, and press Train.";
      text.textContent = presets[name]?.answer ?? "";
      answer.hidden = !presets[name];
      answer.open = false;
    },
  };
}
