// Parts of all widgets: elements, labelled controls, numbers that came as bytes.

/** Make an element: attributes by name, "on…" as listeners, then children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** The frame of a widget: a region with a name that a screen reader says. */
function frame(name, ...children) {
  return make("section", { class: "mil", "aria-label": name, onfocusin: ownKeys }, ...children);
}

/** Leave the keys to what has the focus: JupyterLab would take arrows, Enter and letters for itself. */
function ownKeys(event) {
  event.target.setAttribute("data-lm-suppress-shortcuts", "true");
}

/** A labelled slider with its value in words: {row, input, value, set(number)}. */
function slider({ label, min, max, step, value, format = (x) => x.toFixed(2), oninput }) {
  const words = make("span", { class: "mil-value", "aria-hidden": "true" });
  const input = make("input", { type: "range", min, max, step, "aria-label": label });
  const tell = () => {
    words.textContent = format(Number(input.value));
    input.setAttribute("aria-valuetext", words.textContent);
  };
  const control = {
    input,
    tell, // for words that depend on what oninput has set
    row: make("label", { class: "mil-row" }, make("span", {}, label), input, words),
    get value() {
      return Number(input.value);
    },
    set(number) {
      input.value = number;
      tell();
    },
  };
  input.addEventListener("input", () => {
    tell();
    oninput(Number(input.value));
  });
  control.set(value);
  return control;
}

/** A labelled list to choose from: {row, input}; options are [value, text] pairs. */
function chooser({ label, options, value, onchange }) {
  const input = make("select", { "aria-label": label });
  for (const [key, text] of options) input.append(make("option", { value: key }, text));
  input.value = value;
  input.addEventListener("change", () => onchange(input.value));
  return { input, row: make("label", { class: "mil-row" }, make("span", {}, label), input) };
}

/** A labelled box to tick: {row, input}. */
function tick({ label, checked, onchange }) {
  const input = make("input", { type: "checkbox" });
  input.checked = checked;
  input.addEventListener("change", () => onchange(input.checked));
  return { input, row: make("label", { class: "mil-row mil-tick" }, input, make("span", {}, label)) };
}

/** A button. */
function button(text, onclick) {
  return make("button", { type: "button", class: "mil-button", onclick }, text);
}

/** A line that screen readers say when it changes. */
function announcer() {
  return make("p", { class: "mil-said", role: "status", "aria-live": "polite" });
}

/** A message in place of a picture that cannot be drawn. */
function complaint(text) {
  return make("p", { class: "mil-complaint", role: "alert" }, text);
}

/** Numbers that came as bytes; null where none came. */
function floats(view) {
  return view && view.byteLength ? new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)) : null;
}

function doubles(view) {
  return new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

function bytes(view) {
  return view && view.byteLength ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : null;
}

/** A number with two or three digits: 0.00012, 0.12, 1.23, 12.3, 123. */
function short(x) {
  if (!Number.isFinite(x)) return "–";
  const size = Math.abs(x);
  if (size >= 100) return x.toFixed(0);
  if (size >= 10) return x.toFixed(1);
  if (size >= 1) return x.toFixed(2);
  if (size >= 1e-5 || size === 0) return Number(x.toPrecision(2)).toString();
  return x > 0 ? "< 0.00001" : "> −0.00001";
}
