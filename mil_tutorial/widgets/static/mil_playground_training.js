// A training: ten starts of one model on the same bags, epoch by epoch. No DOM.

const STARTS = 10;
const BATCH = 10; // bags a step
const LOST = 0.75; // an AUC on unseen bags below which a start is called lost

/** The share of pairs, one positive and one negative, in which the positive has the higher logit. */
function areaUnderCurve(logits, labels) {
  let [won, pairs] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    for (let j = 0; j < labels.length; j++) {
      if (!labels[i] || labels[j]) continue;
      pairs++;
      won += logits[i] > logits[j] ? 1 : logits[i] === logits[j] ? 0.5 : 0;
    }
  }
  return won / pairs;
}

/** Entropy of weights that sum to 1, divided by its maximum: 0 (one point) to 1 (all alike). */
function normalisedEntropy(weights) {
  const entropy = weights.reduce((sum, a) => (a > 0 ? sum - a * Math.log(a) : sum), 0);
  return weights.length > 1 ? entropy / Math.log(weights.length) : 0;
}

/** What a model makes of bags: logits, attention of each point, loss, AUC, mean entropy, and the
 * attention that padding takes. */
function evaluate(model, bags, unmasked) {
  const { points, ends, labels } = bags;
  const attention = new Float64Array(points.length / 2);
  const logits = [];
  let [loss, entropy, lost] = [0, 0, 0];
  labels.forEach((label, b) => {
    const padding = paddingOf(bags, b, unmasked);
    const n = ends[b + 1] - ends[b];
    logits.push(forward(model, points, ends[b], ends[b + 1], padding));
    const weights = model.room.attention.subarray(0, n);
    attention.set(weights, ends[b]);
    const onPadding = padding ? model.room.attention[n] : 0;
    loss += crossEntropy(logits[b], label) / labels.length;
    lost += onPadding / labels.length;
    entropy += normalisedEntropy(weights.map((a) => a / (1 - onPadding || 1))) / labels.length;
  });
  return { logits, attention, loss, entropy, lost, auc: areaUnderCurve(logits, labels) };
}

/** One start: a model with its own random weights and order of the bags. */
function newStart(settings, number) {
  const random = randomFrom(1000 * settings.seed + number + 1);
  const { pooling, squashed, hidden, width } = settings;
  return { model: newModel({ pooling, squashed, hidden, width }, random), random, epoch: 0, history: [] };
}

/** Train a start for an epoch: every bag once, in a new order. Returns the mean loss. */
function trainEpoch(start, bags, unmasked) {
  const order = bags.labels.map((_, b) => b);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(start.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  let loss = 0;
  for (let i = 0; i < order.length; i += BATCH) {
    const chosen = order.slice(i, i + BATCH);
    loss += (lossAndSlopes(start.model, bags, chosen, unmasked) * chosen.length) / order.length;
    adamStep(start.model);
  }
  start.epoch++;
  return loss;
}

/** Ten starts on the bags of the settings. They are trained in turn, an epoch at a time; `next` is the
 * one whose turn it is. */
function newTraining(settings) {
  const starts = Array.from({ length: STARTS }, (_, number) => newStart(settings, number));
  const training = { settings, ...makeSets(settings), starts, next: 0 };
  for (const start of starts) record(training, start, evaluate(start.model, training.train, settings.unmasked).loss);
  return training;
}

/** Note what a start makes of the unseen bags. */
function record({ settings, unseen }, start, loss) {
  start.seen = evaluate(start.model, unseen, settings.unmasked);
  const { loss: lossUnseen, auc, entropy } = start.seen;
  start.history.push({ epoch: start.epoch, loss, lossUnseen, auc, entropy });
}

/** Train the start whose turn it is for an epoch; returns its number. The chosen one is looked at after
 * every epoch, the others after every fifth. */
function trainNext(training, chosen) {
  const number = training.next;
  const start = training.starts[number];
  const loss = trainEpoch(start, training.train, training.settings.unmasked);
  if (number === chosen || start.epoch % 5 === 0) record(training, start, loss);
  training.next = (number + 1) % STARTS;
  return number;
}
