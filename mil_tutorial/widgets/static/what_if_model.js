// The model's answer for some of a slide's tiles, from the attention scores and the own scores of
// the tiles. As the head is linear, nothing else of the model is needed.

const logSigmoid = (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));

function logSumExp(values) {
  const highest = values.reduce((a, b) => Math.max(a, b));
  return highest + Math.log(values.reduce((sum, x) => sum + Math.exp(x - highest), 0));
}

/** A rule for each kind of pooling: from the tiles left to their weights and the slide's logit. */
const RULES = {
  softmax(left, { scores, energies }) {
    const total = logSumExp(left.map((k) => energies[k]));
    const weights = left.map((k) => Math.exp(energies[k] - total));
    return { weights, logit: left.reduce((sum, k, i) => sum + weights[i] * scores[k], 0) };
  },
  max(left, { scores }) {
    const logit = left.reduce((highest, k) => Math.max(highest, scores[k]), -Infinity);
    const wins = left.map((k) => Number(scores[k] === logit));
    const winners = wins.reduce((a, b) => a + b);
    return { weights: wins.map((win) => win / winners), logit };
  },
  "mean probability"(left, { scores }) {
    const positive = logSumExp(left.map((k) => logSigmoid(scores[k])));
    const negative = logSumExp(left.map((k) => logSigmoid(-scores[k])));
    return { weights: left.map(() => 1 / left.length), logit: positive - negative };
  },
};

/** The answer without some tiles: {weights of all tiles, 0 for those removed; logit; probability}. */
function answerWithout(removed, rule, tiles) {
  const gone = new Set(removed);
  const left = Array.from(tiles.scores.keys()).filter((k) => !gone.has(k));
  const { weights, logit } = RULES[rule](left, tiles);
  const all = new Float64Array(tiles.scores.length);
  left.forEach((k, i) => { all[k] = weights[i]; });
  return { weights: all, logit, probability: 1 / (1 + Math.exp(-logit)) };
}

/** The tile of the highest weight, then the highest without it, and so on. */
function hottest(removed, count, rule, tiles) {
  const out = [...removed];
  for (let i = 0; i < count; i++) {
    const { weights } = answerWithout(out, rule, tiles);
    const gone = new Set(out);
    let best = -1;
    weights.forEach((weight, k) => { if (!gone.has(k) && (best < 0 || weight > weights[best])) best = k; });
    out.push(best);
  }
  return out;
}
