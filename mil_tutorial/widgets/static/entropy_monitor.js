// Curves of a running training: one message an epoch, and everything else happens in the browser.

const TRAIN = { column: "train_loss", name: "training", style: "dashed" };
const LOSS = { column: "val_loss", name: "validation", style: "solid" };
const ENTROPY = { column: "val_attention_entropy", name: "all", style: "solid" };
const POSITIVE = { column: "val_entropy_positive", name: "positives", style: "positive" };
const NEGATIVE = { column: "val_entropy_negative", name: "negatives", style: "negative" };
const INSTANCES = { column: "val_effective_instances", name: "all", style: "solid", large: true };
const AUC = { column: "val_auc", name: "validation", style: "solid" };
const COLUMNS = [TRAIN, LOSS, ENTROPY, POSITIVE, NEGATIVE, INSTANCES, AUC];
const HEADS = ["training loss", "validation loss", "entropy", "of positives", "of negatives", "effective instances", "AUC"];

function panelsOf(model) {
  const [collapsed, uniform] = [model.get("collapsed"), model.get("uniform")];
  return [
    { name: "loss", title: "Loss", lines: [TRAIN, LOSS], range: (y) => [0, Math.max(...y, 0.1) * 1.08], keeps: "val_loss" },
    {
      name: "entropy", title: "Attention entropy, normalised", lines: [ENTROPY], range: () => [0, 1],
      zones: [
        { low: 0, high: collapsed, text: "collapsed: one or two instances" },
        { low: uniform, high: 1, text: "uniform: all instances alike", below: true },
      ],
    },
    { name: "instances", title: "Effective instances", lines: [INSTANCES], range: (y) => [1, Math.max(...y, 10) * 1.1], log: true },
    { name: "auc", title: "AUC", lines: [AUC], range: (y) => [Math.min(0.4, ...y), 1] },
  ];
}

/** The records, kept beside the model, so that a view that comes late has all of them. */
function store(model) {
  const kept = { records: model.get("records"), listeners: new Set() };
  const tell = () => kept.listeners.forEach((listener) => listener());
  model.on("msg:custom", ({ record }) => {
    if (!record) return;
    const again = kept.records.length && record.epoch <= kept.records.at(-1).epoch; // a new run
    kept.records = again ? [record] : [...kept.records, record];
    tell();
  });
  model.on("change:records", () => {
    kept.records = model.get("records");
    tell();
  });
  return kept;
}

/** What a record says, in a sentence for those who cannot see the curves. */
function sentence(record) {
  const parts = COLUMNS.map((line, i) => `${HEADS[i]} ${written(record, line)}`);
  return `epoch ${record.epoch}: ${parts.join(", ")}`;
}

function lowest(records) {
  return records.reduce((best, record) => (best && best.val_loss <= record.val_loss ? best : record), null);
}

/** How far the training is, in words. */
function progress(model, records) {
  const [status, epochs, best] = [model.get("status"), model.get("epochs"), lowest(records)];
  if (!best) return status === "stopped" ? "Stopped before the first epoch was finished." : "Waiting for the first epoch.";
  const done = `${records.at(-1).epoch + 1} of ${epochs} epochs`;
  const kept = `Lowest validation loss: ${written(best, LOSS)} in epoch ${best.epoch}.`;
  return `${{ finished: "Finished: ", stopped: "Stopped: " }[status] || ""}${done}. ${kept}`;
}

function table(records) {
  const head = make("tr", {}, ...["epoch", ...HEADS].map((text) => make("th", { scope: "col" }, text)));
  const rows = records.map((record) =>
    make("tr", {}, make("th", { scope: "row" }, String(record.epoch)), ...COLUMNS.map((line) => make("td", {}, written(record, line)))),
  );
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}

/** The boxes that choose what is shown. */
function chooserOfPanels(model, panels, save) {
  const boxes = panels.map((panel) => {
    const onchange = (checked) => {
      const shown = panels.map((p) => p.name).filter((name) => (name === panel.name ? checked : model.get("panels").includes(name)));
      save("panels", shown);
    };
    return tick({ label: panel.title, checked: model.get("panels").includes(panel.name), onchange });
  });
  const apart = tick({ label: "Split positives and negatives", checked: model.get("apart"), onchange: (on) => save("apart", on) });
  const update = () => {
    panels.forEach((panel, i) => (boxes[i].input.checked = model.get("panels").includes(panel.name)));
    apart.input.checked = model.get("apart");
  };
  const rows = [...boxes, apart].map((box) => box.row);
  return { node: make("fieldset", { class: "mil-monitor-choice" }, make("legend", {}, "Show"), ...rows), update };
}

function view(model, kept, el) {
  const save = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const panels = panelsOf(model);
  let hovered = null; // the epoch under the pointer
  const nearest = (epoch) => kept.records.reduce((a, b) => (a && Math.abs(a.epoch - epoch) <= Math.abs(b.epoch - epoch) ? a : b), null);
  const read = () => (hovered ?? (model.get("epoch") < 0 ? null : model.get("epoch")) ?? kept.records.at(-1)?.epoch);
  const choose = (epoch) => {
    const newest = kept.records.at(-1)?.epoch;
    model.set("epoch", epoch === newest ? -1 : epoch); // at the end the reading follows the training
    draw();
  };
  const onread = (epoch, clicked) => {
    if (!kept.records.length) return;
    hovered = epoch === null ? null : nearest(epoch).epoch;
    if (!clicked) return draw();
    choose(hovered);
    model.save_changes();
  };
  const drawn = panels.map((panel) => linePanel(panel, onread));
  const time = slider({ label: "Epoch", min: 0, max: 0, step: 1, value: 0, format: String, oninput: (epoch) => choose(nearest(epoch).epoch) });
  time.input.addEventListener("change", () => model.save_changes());
  const state = announcer();
  const all = make("details", {}, make("summary", {}, "All epochs as a table"), make("div", { class: "mil-monitor-table" }));
  const choice = chooserOfPanels(model, panels, save);
  const grid = make("div", { class: "mil-monitor-grid" }, ...drawn.map((panel) => panel.node));

  function draw() {
    const records = kept.records;
    const record = records.length ? nearest(read()) : null;
    panels.forEach((panel, i) => {
      drawn[i].node.hidden = !model.get("panels").includes(panel.name);
      const both = panel.name === "entropy" && model.get("apart") ? [POSITIVE, NEGATIVE] : [];
      drawn[i].draw([...panel.lines, ...both], records, model.get("epochs"), record, lowest(records));
    });
    time.input.disabled = !record;
    time.input.min = record ? records[0].epoch : 0;
    time.input.max = record ? records.at(-1).epoch : 0;
    time.set(record ? record.epoch : 0);
    if (record) time.input.setAttribute("aria-valuetext", sentence(record));
    const over = ["finished", "stopped"].includes(model.get("status"));
    state.setAttribute("aria-live", over ? "polite" : "off"); // not a word at every epoch
    state.textContent = progress(model, records);
    if (all.open) all.lastChild.replaceChildren(table(records));
  }
  const changed = () => {
    choice.update();
    draw();
  };
  all.addEventListener("toggle", draw);
  kept.listeners.add(draw);
  for (const name of ["panels", "apart", "epoch", "status"]) model.on(`change:${name}`, changed);
  el.append(frame("Training monitor", state, choice.node, grid, time.row, all));
  el.firstChild.classList.add("mil-monitor");
  draw();
  return () => kept.listeners.delete(draw);
}

export default () => {
  let kept;
  return {
    initialize({ model }) {
      kept = store(model);
    },
    render: ({ model, el }) => view(model, kept, el),
  };
};
