// Settings in a link: "#playground=lost-starts&pooling=mean&…", the preset and what differs from it.

const HASH = "playground";

/** The hash of settings that began as a preset. */
function hashOf(settings, preset, presets, defaults) {
  const start = { ...defaults, ...presets[preset]?.settings };
  const changed = Object.entries(settings).filter(([name, value]) => value !== start[name]);
  return `#${new URLSearchParams([[HASH, preset], ...changed])}`;
}

/** The preset and settings of a hash, or null where it holds none. What cannot be meant is left out. */
function settingsOf(hash, presets, defaults, limits) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  if (!given.has(HASH)) return null;
  const preset = Object.hasOwn(presets, given.get(HASH)) ? given.get(HASH) : "";
  const settings = { ...defaults, ...presets[preset]?.settings };
  for (const [name, text] of given) {
    if (!Object.hasOwn(defaults, name)) continue;
    if (limits.choices[name]?.includes(text)) settings[name] = text;
    if (typeof defaults[name] === "boolean") settings[name] = text === "true";
    if (name in limits.numbers && text !== "" && Number.isFinite(Number(text))) {
      const [low, high, step] = limits.numbers[name];
      const rounded = low + Math.round((Number(text) - low) / step) * step;
      settings[name] = Number(Math.min(high, Math.max(low, rounded)).toFixed(6));
    }
  }
  return { preset, settings };
}

/** The address to share: this page's on a web site, the course's in a notebook, whose address is private. */
function addressOf(hash, site) {
  const notebook = document.querySelector("[data-jp-theme-light], .jp-Notebook");
  return (notebook || !location.protocol.startsWith("http") ? site : location.href.split("#")[0]) + hash;
}
