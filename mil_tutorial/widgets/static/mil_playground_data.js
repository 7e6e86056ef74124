// Bags of points in the plane from a seed. mil_tutorial.widgets.mil_playground_bags makes the same ones.

const UNSEEN = 60; // bags that no model is trained on
const [ORDINARY, WITNESS, PARTNER, LOOKALIKE] = [0, 1, 2, 3]; // kinds of points

/** Where the kinds of points lie: a centre [x, y], or a radius for a ring. */
const PLACES = {
  cluster: { [WITNESS]: [1.5, 1.2], [LOOKALIKE]: [2.8, 2.2] },
  ring: { [WITNESS]: 2, [LOOKALIKE]: 3.2 },
  pair: { [WITNESS]: [-1.7, 1.2], [PARTNER]: [1.7, 1.2], [LOOKALIKE]: [0, 2.4] },
  size: { [WITNESS]: [1.5, 1.2], [LOOKALIKE]: [2.8, 2.2] },
};

/** Random numbers in [0, 1) from a seed (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Two independent normal numbers (Box and Muller). */
function normalPair(random) {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  const angle = 2 * Math.PI * random();
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

function makePoint(kind, { data, noise }, random) {
  const place = kind === ORDINARY ? [0, 0] : PLACES[data][kind];
  const angle = Array.isArray(place) ? 0 : 2 * Math.PI * random();
  const [x, y] = Array.isArray(place) ? place : [place * Math.cos(angle), place * Math.sin(angle)];
  const [dx, dy] = normalPair(random);
  const spread = (kind === ORDINARY ? 0.6 : 0.2) + noise;
  return [x + spread * dx, y + spread * dy];
}

/** The number of points of a bag: half to one and a half times `size`; the label may show in it. */
function makeSize({ size }, label, telling, random) {
  const share = 0.5 + (telling ? (label + random()) / 2 : random());
  return Math.max(3, Math.round(size * share));
}

/** The kinds of a bag's points: witnesses in positive bags, look-alikes in all. */
function makeKinds({ data, witnesses, lookalikes }, label, n, random) {
  const found = Math.max(1, Math.round((n * witnesses) / 100));
  const first = random() < 0.5; // which concept a bag with one of two has
  const kinds = [];
  if (data === "pair") {
    if (label || first) kinds.push(...Array(found).fill(WITNESS));
    if (label || !first) kinds.push(...Array(found).fill(PARTNER));
  } else if (label) kinds.push(...Array(found).fill(WITNESS));
  kinds.push(...Array(Math.round((n * lookalikes) / 100)).fill(LOOKALIKE));
  return [...kinds, ...Array(Math.max(0, n - kinds.length)).fill(ORDINARY)].slice(0, n);
}

/** Bags, every other one positive: {points (x, y in turn), kinds, ends, labels, longest}. */
function makeBags(settings, count, random, telling) {
  const [points, kinds, ends, labels] = [[], [], [0], []];
  for (let b = 0; b < count; b++) {
    const label = b % 2;
    const n = makeSize(settings, label, telling, random);
    for (const kind of makeKinds(settings, label, n, random)) {
      kinds.push(kind);
      points.push(...makePoint(kind, settings, random));
    }
    ends.push(kinds.length);
    labels.push(label);
  }
  const longest = Math.max(...labels.map((_, b) => ends[b + 1] - ends[b]));
  return { points: Float64Array.from(points), kinds, ends, labels, longest };
}

/** The bags to train on, and bags not seen in training. Only in the first does size tell the label,
 * and only with the data set "size". */
function makeSets(settings) {
  const random = randomFrom(settings.seed);
  return {
    train: makeBags(settings, settings.bags, random, settings.data === "size"),
    unseen: makeBags(settings, UNSEEN, random, false),
  };
}
