// Values that hold for one turn only; the kernel ignores those of an earlier one.

/** A value for the present turn, as it is kept in the model. */
function inTurn(model, value) {
  return { turn: model.get("turn"), value };
}

/** What the model holds for the present turn; another value if it has none yet. */
function ofTurn(model, name, otherwise) {
  const { turn, value } = model.get(name);
  return turn === model.get("turn") ? value : otherwise;
}
