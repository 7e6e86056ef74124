// Draws the widgets that are stored in a page. All are anywidgets, and of Jupyter's widget manager
// (3.6 MB) their modules need only this much: https://anywidget.dev/en/afm/. There is no kernel:
// nobody hears what a widget sends, and "live" tells the widget so.

const script = (kind) => `script[type="application/vnd.jupyter.widget-${kind}+json"]`;

class StoredModel {
  live = false;

  constructor({ state, buffers = [] }) {
    this.state = state;
    this.listeners = new Map();
    for (const { path, data } of buffers) {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      const owner = path.slice(0, -1).reduce((part, name) => part[name], state);
      owner[path.at(-1)] = new DataView(bytes.buffer);
    }
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    if (Object.is(this.state[name], value)) return;
    this.state[name] = value;
    for (const event of [`change:${name}`, "change"]) {
      for (const listener of [...(this.listeners.get(event) ?? [])]) listener();
    }
  }

  on(event, listener) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event).add(listener);
  }

  off(event, listener) {
    this.listeners.get(event)?.delete(listener);
  }

  save_changes() {}

  send() {}
}

async function draw(view, model) {
  const source = URL.createObjectURL(new Blob([model.get("_esm")], { type: "text/javascript" }));
  const { default: exported } = await import(source);
  URL.revokeObjectURL(source);
  const widget = typeof exported === "function" ? await exported() : exported;
  const el = document.createElement("div");
  view.after(el);
  await widget.initialize?.({ model });
  await widget.render?.({ model, el });
  // A link that holds the settings of a playground leads to it.
  if (location.hash.startsWith("#playground") && model.get("presets") && model.get("settings")) {
    el.scrollIntoView();
  }
}

// What browsers without scripts show.
function showTwin(view) {
  const hidden = view.parentElement.querySelector("noscript");
  if (hidden) hidden.outerHTML = hidden.textContent;
}

const states = Array.from(document.querySelectorAll(script("state")), (it) => JSON.parse(it.textContent).state);
const stored = Object.assign({}, ...states);
const styles = new Set();
for (const view of document.querySelectorAll(script("view"))) {
  const model = new StoredModel(stored[JSON.parse(view.textContent).model_id]);
  styles.add(model.get("_css"));
  draw(view, model).catch((error) => {
    showTwin(view);
    throw error;
  });
}
const style = document.createElement("style");
style.textContent = [...styles].join("\n");
document.head.append(style);
