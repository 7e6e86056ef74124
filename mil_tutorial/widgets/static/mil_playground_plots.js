// Pictures of a training on canvases: the plane with a bag, bags by probability, curves.

const EDGE = 4; // the plane reaches from −EDGE to EDGE
const TONES = ["warm", "cold", "focus", "ink", "quiet", "line", "ground", "raised", "share"];

/** A canvas with a name for those who cannot see it. */
function canvasNamed(name, className) {
  return make("canvas", { class: className, role: "img", "aria-label": name });
}

/** Fit a canvas to its box and the screen; returns {pen, width, height} in CSS pixels. */
function fit(canvas) {
  const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1];
  const size = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** The present colours of the theme: name → "#rrggbb". */
function tonesOf(element, pen) {
  const style = getComputedStyle(element);
  const tones = { font: style.fontFamily };
  for (const name of TONES) {
    pen.fillStyle = "#888888";
    pen.fillStyle = style.getPropertyValue(`--mil-${name}`).trim();
    tones[name] = pen.fillStyle;
  }
  return tones;
}

function channels(tone) {
  return [1, 3, 5].map((i) => parseInt(tone.slice(i, i + 2), 16));
}

/** A tone mixed with another, by which points stay visible on their own colour. */
function mixed(tone, other, share) {
  const [a, b] = [channels(tone), channels(other)];
  return `#${a.map((value, i) => Math.round(share * value + (1 - share) * b[i]).toString(16).padStart(2, "0")).join("")}`;
}

const SHADES = 256;

/** Colours between stops, each as the four bytes of a pixel. */
function shadesOf(stops) {
  const colours = stops.map(channels);
  const bytes = new Uint8ClampedArray(4 * SHADES);
  for (let i = 0; i < SHADES; i++) {
    const place = (i / SHADES) * (colours.length - 1);
    const low = Math.floor(place);
    for (let c = 0; c < 3; c++) bytes[4 * i + c] = colours[low][c] + (place - low) * (colours[low + 1][c] - colours[low][c]);
    bytes[4 * i + 3] = 255;
  }
  return new Uint32Array(bytes.buffer);
}

const small = {}; // by side: a canvas of side × side pixels, its picture, and the picture's pixels

function smallCanvas(side) {
  if (small[side]) return small[side];
  const canvas = make("canvas", { width: side, height: side });
  const image = new ImageData(side, side);
  return (small[side] = { canvas, pen: canvas.getContext("2d"), image, pixels: new Uint32Array(image.data.buffer) });
}

/** Values 0 … 1 of a grid of side × side, y upwards, painted small and stretched over the box. */
function paintGrid(pen, values, side, box, stops) {
  const shades = shadesOf(stops);
  const { canvas, pen: inner, image, pixels } = smallCanvas(side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const shade = Math.min(SHADES - 1, Math.floor(SHADES * values[row * side + column]));
      pixels[(side - 1 - row) * side + column] = shades[shade];
    }
  }
  inner.putImageData(image, 0, 0);
  pen.drawImage(canvas, ...box);
}

/** The plane by instance score (as a probability) or by attention score (lowest 0, highest 1). */
function paintPlane(pen, model, side, box, by, tones) {
  const found = scorePlane(model, side, EDGE);
  if (by === "attention") {
    const [low, high] = [Math.min(...found.scores), Math.max(...found.scores)];
    const values = found.scores.map((s) => (high > low ? (s - low) / (high - low) : 0.5));
    paintGrid(pen, values, side, box, [tones.ground, mixed(tones.share, tones.ground, 0.8)]);
    return [low, high];
  }
  paintGrid(pen, found.logits.map(logistic), side, box, [tones.cold, tones.ground, tones.warm].map((tone) => mixed(tone, tones.ground, 0.6)));
  return [0, 1];
}

/** The mark of a kind of point around (x, y): ○ ordinary, ◆ witness, ▲ partner, ■ look-alike. */
function mark(pen, kind, x, y, r) {
  pen.beginPath();
  if (kind === WITNESS) {
    for (const [i, j] of [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]]) pen.lineTo(x + i * r, y + j * r);
  } else if (kind === PARTNER) {
    for (const [i, j] of [[0, -1.2], [1.15, 0.9], [-1.15, 0.9]]) pen.lineTo(x + i * r, y + j * r);
  } else if (kind === LOOKALIKE) pen.rect(x - r, y - r, 2 * r, 2 * r);
  else pen.arc(x, y, r, 0, 2 * Math.PI);
  pen.closePath();
}

/** The plane, all points faintly, and the chosen bag's points with the attention as their area. */
function drawPlane(canvas, model, bags, found, b, by, tones) {
  const { pen, width, height } = fit(canvas);
  const x = (value) => ((value + EDGE) / (2 * EDGE)) * width;
  const y = (value) => (1 - (value + EDGE) / (2 * EDGE)) * height;
  const ends = paintPlane(pen, model, 48, [0, 0, width, height], by, tones);
  pen.globalAlpha = 0.6;
  bags.labels.forEach((label, i) => {
    pen.fillStyle = label ? tones.warm : tones.cold;
    for (let k = bags.ends[i]; k < bags.ends[i + 1]; k++) pen.fillRect(x(bags.points[2 * k]) - 1, y(bags.points[2 * k + 1]) - 1, 2, 2);
  });
  pen.globalAlpha = 1;
  pen.lineWidth = 1.5;
  for (let k = bags.ends[b]; k < bags.ends[b + 1]; k++) {
    mark(pen, bags.kinds[k], x(bags.points[2 * k]), y(bags.points[2 * k + 1]), 3 + 12 * Math.sqrt(found.attention[k]));
    pen.fillStyle = bags.labels[b] ? tones.warm : tones.cold;
    pen.fill();
    pen.strokeStyle = tones.ink;
    pen.lineWidth = 1.4;
    pen.stroke();
  }
  return ends;
}

function write(pen, text, x, y, tones, align = "left", tone = tones.quiet) {
  pen.font = `11px ${tones.font}`;
  pen.textAlign = align;
  pen.fillStyle = tone;
  pen.fillText(text, x, y);
}

function stroke(pen, points, tone, width = 1, dash = []) {
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(x, y);
  pen.strokeStyle = tone;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.stroke();
  pen.setLineDash([]);
}

const AXIS = 26; // pixels for the numbers at the left

/** Bars of the bags in the given order; the height is the probability, below them + or − for the label. */
function drawBags(canvas, bags, found, order, chosen, tones) {
  const { pen, width, height } = fit(canvas);
  const [top, floor] = [6, height - 16];
  const step = (width - AXIS) / order.length;
  const y = (p) => floor - p * (floor - top);
  for (const p of [0, 0.5, 1]) {
    stroke(pen, [[AXIS, y(p)], [width, y(p)]], tones.line, 1, p === 0.5 ? [4, 3] : []);
    write(pen, p === 0.5 ? ".5" : String(p), AXIS - 5, y(p) + 4, tones, "right");
  }
  order.forEach((b, i) => {
    const tone = bags.labels[b] ? tones.warm : tones.cold;
    const bar = [AXIS + i * step + 0.5, y(logistic(found.logits[b])), Math.max(1, step - 1)];
    pen.fillStyle = tone;
    pen.fillRect(bar[0], bar[1], bar[2], floor - bar[1]);
    pen.fillRect(bar[0], floor + 3, bar[2], bags.labels[b] ? 9 : 3); // the label, also where p is 0
    if (b !== chosen) return;
    pen.strokeStyle = tones.ink;
    pen.lineWidth = 2;
    pen.strokeRect(bar[0] - 1, top - 3, bar[2] + 2, height - top);
  });
}

/** Curves over epochs: lines are {points: [epoch, value], tone, width, dash}; values from low to high. */
function drawCurves(canvas, lines, last, [low, high], tones) {
  const { pen, width, height } = fit(canvas);
  const [top, floor] = [6, height - 16];
  const x = (epoch) => AXIS + (epoch / Math.max(last, 1)) * (width - AXIS - 4);
  const y = (value) => floor - ((Math.min(value, high) - low) / (high - low)) * (floor - top);
  for (const value of [low, (low + high) / 2, high]) {
    stroke(pen, [[AXIS, y(value)], [width - 4, y(value)]], tones.line, 0.6);
    write(pen, String(Number(value.toFixed(2))).replace(/^0\./, "."), AXIS - 5, y(value) + 4, tones, "right");
  }
  write(pen, "0", AXIS, height - 3, tones);
  write(pen, `epoch ${last}`, width - 4, height - 3, tones, "right");
  for (const { points, tone, width: thick = 1, dash } of lines) {
    stroke(pen, points.map(([epoch, value]) => [x(epoch), y(value)]), tone, thick, dash);
  }
}
