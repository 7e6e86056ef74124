// MIL models of points in the plane, as mil_tutorial.models has them: forward, backward, Adam.
// No DOM: a test runs this file in node beside the package.

const POOLINGS = ["max", "mean", "attention", "gated"];
const RATE = 0.02; // of Adam

/** Names and shapes of the weights, in the order of the package's state_dict; hidden H, attention A. */
function layersOf(pooling, hidden, width) {
  const linear = (name, outputs, inputs, bias = true) =>
    [[`${name}.weight`, outputs, inputs], ...(bias ? [[`${name}.bias`, outputs, 0, inputs]] : [])];
  const scored = pooling === "attention" || pooling === "gated";
  return [
    ...linear("embedding.0", hidden, 2),
    ...(scored ? [...linear("pooling.V", width, hidden), ...linear("pooling.w", 1, width, false)] : []),
    ...(pooling === "gated" ? linear("pooling.U", width, hidden) : []),
    ...linear("head", 1, hidden),
  ];
}

/** A model with random weights: uniform within ±1/√inputs, as torch fills a linear layer.
 * `random` returns numbers in [0, 1). With `squashed`, a sigmoid stands before the softmax. */
function newModel({ pooling, hidden = 8, width = 8, squashed = false }, random) {
  const at = {};
  const start = [];
  for (const [name, outputs, inputs, fanIn = inputs] of layersOf(pooling, hidden, width)) {
    at[name] = { from: start.length, size: outputs * Math.max(inputs, 1) };
    const bound = 1 / Math.sqrt(fanIn);
    for (let i = 0; i < at[name].size; i++) start.push(bound * (2 * random() - 1));
  }
  const values = Float64Array.from(start);
  const zeros = () => new Float64Array(values.length);
  const of = (array, name) => at[name] && array.subarray(at[name].from, at[name].from + at[name].size);
  const parts = (array) => ({
    W: of(array, "embedding.0.weight"), b: of(array, "embedding.0.bias"),
    V: of(array, "pooling.V.weight"), c: of(array, "pooling.V.bias"), w: of(array, "pooling.w.weight"),
    U: of(array, "pooling.U.weight"), d: of(array, "pooling.U.bias"),
    head: of(array, "head.weight"), bias: of(array, "head.bias"),
  });
  const slopes = zeros();
  return {
    pooling, hidden, width, squashed, at, values, slopes, means: zeros(), squares: zeros(), steps: 0,
    weight: parts(values), slope: parts(slopes),
  };
}

function logistic(x) {
  return 1 / (1 + Math.exp(-x));
}

/** Scratch space of one bag, which all bags of a model share. */
function scratch(model, n) {
  if (model.room?.n >= n) return model.room;
  const { hidden, width } = model;
  const array = (size) => new Float64Array(size);
  model.room = {
    n, h: array(n * hidden), t: array(n * width), g: array(n * width), logit: array(n), score: array(n),
    attention: array(n), pooled: array(hidden), dh: array(hidden),
  };
  return model.room;
}

/** Embed the points of a bag, and zeros after them if asked to: embeddings and logits into the room. */
function embedPoints(model, room, points, from, n, real) {
  const { W, b, head, bias } = model.weight;
  const { h, logit } = room;
  const hidden = model.hidden;
  for (let k = 0; k < n; k++) {
    const x = k < real ? points[2 * (from + k)] : 0;
    const y = k < real ? points[2 * (from + k) + 1] : 0;
    let sum = bias[0];
    for (let j = 0; j < hidden; j++) {
      const value = W[2 * j] * x + W[2 * j + 1] * y + b[j];
      h[k * hidden + j] = value > 0 ? value : 0;
      if (value > 0) sum += head[j] * value;
    }
    logit[k] = sum;
  }
}

/** The rows of a linear layer (size outputs) on the embeddings of n points: into `target`. */
function linear(weight, bias, h, n, hidden, width, target) {
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < width; i++) {
      let sum = bias[i];
      for (let j = 0; j < hidden; j++) sum += weight[i * hidden + j] * h[k * hidden + j];
      target[k * width + i] = sum;
    }
  }
}

/** The scores from which attention is computed, before the softmax: into the room. */
function scorePoints(model, room, n) {
  const { hidden, width, pooling, weight, squashed } = model;
  const { h, t, g, score, logit } = room;
  if (!weight.w) {
    for (let k = 0; k < n; k++) score[k] = pooling === "max" ? logit[k] : 0;
    return;
  }
  linear(weight.V, weight.c, h, n, hidden, width, t);
  if (weight.U) linear(weight.U, weight.d, h, n, hidden, width, g);
  for (let k = 0; k < n; k++) {
    let sum = 0;
    for (let at = k * width; at < (k + 1) * width; at++) {
      t[at] = 2 * logistic(2 * t[at]) - 1; // tanh, in a third of the time of Math.tanh
      g[at] = weight.U ? logistic(g[at]) : 1;
      sum += weight.w[at - k * width] * t[at] * g[at];
    }
    score[k] = squashed ? logistic(sum) : sum;
  }
}

/** Score a grid of side × side points between −edge and edge: {logits, scores (of the attention)}. */
function scorePlane(model, side, edge) {
  const at = (i) => edge * ((2 * i + 1) / side - 1);
  const points = Float64Array.from({ length: 2 * side * side }, (_, i) =>
    at(i % 2 ? Math.floor(i / 2 / side) : (i / 2) % side));
  const room = scratch(model, side * side);
  embedPoints(model, room, points, 0, side * side, side * side);
  scorePoints(model, room, side * side);
  return { logits: room.logit.slice(0, side * side), scores: room.score.slice(0, side * side) };
}

/** Attention of n points, of which the last stands for `copies` equal ones; sums to 1. */
function attend(model, room, n, copies) {
  const { score, attention } = room;
  let highest = -Infinity;
  for (let k = 0; k < n; k++) highest = Math.max(highest, score[k]);
  let sum = 0;
  for (let k = 0; k < n; k++) {
    const one = model.pooling === "max" ? Number(score[k] === highest) : Math.exp(score[k] - highest);
    attention[k] = one * (k === n - 1 ? copies : 1);
    sum += attention[k];
  }
  for (let k = 0; k < n; k++) attention[k] /= sum;
}

/** Classify the points `from` to `to` (exclusive) as one bag. Returns its logit; the attention stays in
 * `model.room`. `padding` zeros join the bag as if they were points: a model that takes no mask. */
function forward(model, points, from, to, padding = 0) {
  const n = to - from + (padding ? 1 : 0);
  const room = scratch(model, n);
  embedPoints(model, room, points, from, n, to - from);
  scorePoints(model, room, n);
  attend(model, room, n, padding || 1);
  const { pooled, attention, h } = room;
  const { head, bias } = model.weight;
  pooled.fill(0);
  let logit = bias[0];
  for (let k = 0; k < n; k++) {
    if (attention[k] === 0) continue;
    for (let j = 0; j < model.hidden; j++) pooled[j] += attention[k] * h[k * model.hidden + j];
  }
  for (let j = 0; j < model.hidden; j++) logit += head[j] * pooled[j];
  return logit; // of max: the mean of equal highest logits, which is the highest
}

/** Add the slopes of `slope` × (the logit of the last forward), which had the same points. */
function backward(model, points, from, to, padding, slope) {
  const n = to - from + (padding ? 1 : 0);
  const { hidden, weight, slope: to_, room } = model;
  to_.bias[0] += slope;
  for (let j = 0; j < hidden; j++) to_.head[j] += slope * room.pooled[j];
  let mean = 0; // of the logits, by attention
  for (let k = 0; k < n; k++) mean += room.attention[k] * (room.logit[k] - weight.bias[0]);
  for (let k = 0; k < n; k++) {
    const a = room.attention[k];
    if (a === 0) continue;
    for (let j = 0; j < hidden; j++) room.dh[j] = a * slope * weight.head[j];
    if (weight.w) backThroughScore(model, k, slope * a * (room.logit[k] - weight.bias[0] - mean));
    const real = k < to - from;
    const x = real ? points[2 * (from + k)] : 0;
    const y = real ? points[2 * (from + k) + 1] : 0;
    for (let j = 0; j < hidden; j++) {
      if (room.h[k * hidden + j] <= 0) continue;
      to_.W[2 * j] += room.dh[j] * x;
      to_.W[2 * j + 1] += room.dh[j] * y;
      to_.b[j] += room.dh[j];
    }
  }
}

/** From the slope of point k's attention score to those of the attention's weights and of the embedding. */
function backThroughScore(model, k, slope) {
  const { hidden, width, room } = model;
  const { V, w, U } = model.weight;
  const { V: toV, c: toC, w: toW, U: toU, d: toD } = model.slope;
  const { h, t, g, dh } = room;
  if (model.squashed) slope *= room.score[k] * (1 - room.score[k]);
  for (let i = 0; i < width; i++) {
    const a = t[k * width + i];
    const open = g[k * width + i];
    toW[i] += slope * a * open;
    const dt = slope * w[i] * open * (1 - a * a);
    toC[i] += dt;
    backThroughRow(dt, V, toV, i * hidden, h, k * hidden, dh, hidden);
    if (!U) continue;
    const dg = slope * w[i] * a * open * (1 - open);
    toD[i] += dg;
    backThroughRow(dg, U, toU, i * hidden, h, k * hidden, dh, hidden);
  }
}

/** A row of a linear layer backwards: slopes of its weights, and of the embedding they met. */
function backThroughRow(slope, weight, to, row, h, point, dh, hidden) {
  for (let j = 0; j < hidden; j++) {
    to[row + j] += slope * h[point + j];
    dh[j] += slope * weight[row + j];
  }
}

/** Binary cross-entropy of a logit. */
function crossEntropy(logit, label) {
  return Math.max(logit, 0) - label * logit + Math.log1p(Math.exp(-Math.abs(logit)));
}

/** How many zeros a bag gets: none with a mask, otherwise as many as the longest bag has points more. */
function paddingOf(bags, b, unmasked) {
  return unmasked ? bags.longest - (bags.ends[b + 1] - bags.ends[b]) : 0;
}

/** Mean loss of the chosen bags; its slopes are left in `model.slopes`. */
function lossAndSlopes(model, bags, chosen, unmasked = false) {
  model.slopes.fill(0);
  let loss = 0;
  for (const b of chosen) {
    const [from, to, padding] = [bags.ends[b], bags.ends[b + 1], paddingOf(bags, b, unmasked)];
    const logit = forward(model, bags.points, from, to, padding);
    loss += crossEntropy(logit, bags.labels[b]) / chosen.length;
    backward(model, bags.points, from, to, padding, (logistic(logit) - bags.labels[b]) / chosen.length);
  }
  return loss;
}

/** One step of Adam along `model.slopes`, with torch's defaults. */
function adamStep(model, rate = RATE) {
  const { values, slopes, means, squares } = model;
  model.steps++;
  const step = rate / (1 - 0.9 ** model.steps);
  const root = Math.sqrt(1 - 0.999 ** model.steps);
  for (let i = 0; i < values.length; i++) {
    means[i] = 0.9 * means[i] + 0.1 * slopes[i];
    squares[i] = 0.999 * squares[i] + 0.001 * slopes[i] * slopes[i];
    values[i] -= (step * means[i]) / (Math.sqrt(squares[i]) / root + 1e-8);
  }
}
