// Decisions at a threshold, as mil_tutorial.metrics has them. A slide is called positive when its
// probability is at least the threshold.

const SLACK = 1e-9; // 0.95 · 20 is a little above 19 in floating point

/** Counts and rates at a threshold. */
function decide(labels, probabilities, threshold) {
  const counts = { truePositives: 0, falseNegatives: 0, falsePositives: 0, trueNegatives: 0 };
  labels.forEach((label, i) => {
    const called = probabilities[i] >= threshold;
    if (label) counts[called ? "truePositives" : "falseNegatives"] += 1;
    else counts[called ? "falsePositives" : "trueNegatives"] += 1;
  });
  const positives = counts.truePositives + counts.falseNegatives;
  const negatives = counts.falsePositives + counts.trueNegatives;
  return {
    ...counts, positives, negatives,
    sensitivity: counts.truePositives / positives,
    falseNegativeRate: counts.falseNegatives / positives,
    specificity: counts.trueNegatives / negatives,
  };
}

/** The thresholds at which something changes, from none called (null if 1 still calls some) to all. */
function operatingPoints(labels, probabilities) {
  const distinct = [...new Set(probabilities)].sort((a, b) => b - a);
  return [distinct[0] < 1 ? 1 : null, ...distinct].map((threshold) => ({
    threshold,
    ...decide(labels, probabilities, threshold ?? Infinity),
  }));
}

/** Area under the ROC curve through the operating points. */
function areaUnder(points) {
  let area = 0;
  for (let i = 1; i < points.length; i += 1) {
    const [a, b] = [points[i - 1], points[i]];
    area += ((a.specificity - b.specificity) * (a.sensitivity + b.sensitivity)) / 2;
  }
  return area;
}

/** The highest threshold that reaches a sensitivity. */
function thresholdForSensitivity(labels, probabilities, wanted) {
  const positives = probabilities.filter((_, i) => labels[i]).sort((a, b) => b - a);
  return positives[Math.ceil(wanted * positives.length - SLACK) - 1];
}

/** The point of highest sensitivity among those that reach a specificity; of equal ones the first. */
function pointForSpecificity(points, wanted) {
  const reached = points.filter(({ specificity }) => 1 - specificity <= 1 - wanted + SLACK);
  return reached.reduce((best, point) => (point.sensitivity > best.sensitivity ? point : best));
}

/** Positive patients, and those of whom no positive slide is called. */
function patients(labels, probabilities, groups, threshold) {
  const found = new Map();
  labels.forEach((label, i) => {
    if (label) found.set(groups[i], found.get(groups[i]) || probabilities[i] >= threshold);
  });
  return { positive: found.size, missed: [...found.keys()].filter((patient) => !found.get(patient)) };
}
