// The choice between slides. A slide stored in the page is shown at once; for any other the kernel
// is asked, and where there is none its name says so.

const PATIENCE = 4000; // milliseconds until a kernel that does not answer is mentioned

class SlideChoice {
  /** begin() sets the values of the widget back, for another slide. */
  constructor(model, begin) {
    this.model = model;
    this.begin = begin;
    this.chooser = chooser({ label: "Slide", options: [], value: "", onchange: (name) => this.ask(name) });
    for (const name of model.get("slides")) {
      const there = this.isThere(name);
      const option = make("option", { value: name, disabled: !there }, there ? name : `${name} (needs a running kernel)`);
      this.chooser.input.append(option);
    }
    this.row = this.chooser.row;
    this.notice = make("div", {});
    this.show();
  }

  /** What the page has of the slide that is shown. */
  get scene() {
    return this.model.get("scenes")[this.model.get("slide")];
  }

  isThere(name) {
    return this.model.live !== false || name in this.model.get("scenes");
  }

  /** The slide after this one that can be shown; none if there is no other. */
  get next() {
    const names = this.model.get("slides");
    const at = names.indexOf(this.model.get("slide"));
    return [...names.slice(at + 1), ...names.slice(0, at)].find((name) => this.isThere(name));
  }

  ask(name) {
    const { model } = this;
    clearTimeout(this.waiting);
    if (name in model.get("scenes")) {
      model.set("slide", name);
      model.set("turn", model.get("turn") + 1); // its listener shows the slide
      this.begin();
      model.save_changes();
    } else {
      model.send({ slide: name });
      const text = `No answer yet. Slide ${name} is not stored in the page; it needs a running kernel.`;
      this.waiting = setTimeout(() => this.complain(text), PATIENCE);
    }
  }

  /** The slide is shown. */
  show() {
    this.complain("");
  }

  complain(text) {
    clearTimeout(this.waiting);
    this.notice.replaceChildren(...(text ? [complaint(text)] : []));
    this.chooser.input.value = this.model.get("slide");
  }
}
