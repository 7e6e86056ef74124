// The four poolings of one bag whose tiles are single numbers, as mil_tutorial.pooling has them.

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

/** The detector's answer, −1 … 1. */
function detector(s, { v, b }) {
  return Math.tanh(v * s + b);
}

/** How far the gate is open, 0 … 1. */
function gate(s, { u, c }) {
  return sigmoid(u * s + c);
}

function softmax(scores) {
  const highest = Math.max(...scores);
  const powers = scores.map((x) => Math.exp(x - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / sum);
}

/** One at the largest score, zero elsewhere; equal winners share. */
function winners(scores) {
  const highest = Math.max(...scores);
  const wins = scores.map((x) => (x === highest ? 1 : 0));
  const sum = wins.reduce((a, b) => a + b, 0);
  return wins.map((x) => x / sum);
}

/** The bag by each pooling: {name: {weights, logit, probability}}. */
function poolBag(scores, sharpness, parameters) {
  const plain = scores.map((s) => sharpness * detector(s, parameters));
  const gated = scores.map((s, k) => plain[k] * gate(s, parameters));
  const weights = {
    max: winners(scores),
    mean: scores.map(() => 1 / scores.length),
    attention: softmax(plain),
    gated: softmax(gated),
  };
  const pooled = {};
  for (const [name, a] of Object.entries(weights)) {
    const logit = a.reduce((sum, x, k) => sum + x * scores[k], 0);
    pooled[name] = { weights: a, logit, probability: sigmoid(logit) };
  }
  return pooled;
}
