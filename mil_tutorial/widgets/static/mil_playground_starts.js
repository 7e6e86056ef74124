// Ten starts side by side: a small plane and an AUC for each; press one to look at it.

/** {node, draw(start, number, tones), tell(training, chosen)}. */
function startsStrip(onchoose) {
  const cards = Array.from({ length: STARTS }, (_, i) => {
    const plane = make("canvas", { class: "mil-points-small", "aria-hidden": "true" });
    const auc = make("span", {}, "–");
    const card = make("button", { type: "button", class: "mil-points-start", onclick: () => onchoose(i) }, plane, auc);
    return { card, plane, auc };
  });
  const heading = make("h4");
  return {
    node: make("div", { class: "mil-points-starts" }, heading, make("div", { class: "mil-points-cards" }, ...cards.map(({ card }) => card))),
    draw({ model }, i, tones) {
      const { pen, width, height } = fit(cards[i].plane);
      paintPlane(pen, model, 20, [0, 0, width, height], "score", tones);
    },
    tell({ starts }, chosen) {
      const lost = starts.filter(({ seen }) => seen.auc < LOST).length;
      const state = starts.some(({ epoch }) => epoch) ? `${lost} with an AUC below ${LOST}` : "not trained yet";
      heading.textContent = `${STARTS} starts on the same bags: ${state}`;
      cards.forEach(({ card, auc }, i) => {
        const value = starts[i].seen.auc.toFixed(2);
        if (auc.textContent !== value) auc.textContent = value;
        card.setAttribute("aria-label", `Start ${i + 1}, AUC ${value}`);
        card.setAttribute("aria-pressed", String(i === chosen));
        card.classList.toggle("is-lost", starts[i].seen.auc < LOST);
      });
    },
  };
}
