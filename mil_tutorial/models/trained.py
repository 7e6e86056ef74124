"""The trained model that ships: gated attention on the shipped slides, for a first look.

``compare --data slides`` trains it with seed 0, and so does ``data/checkpoints/train_gated.py``, in
half a minute.
"""

from mil_tutorial.models.mil import MIL, build_model
from mil_tutorial.system.paths import data_dir, verify_checksum
from mil_tutorial.system.reading import load_weights


def load_trained_model() -> MIL:
    """Return gated attention trained on the 204 training slides, ready to predict.

    It takes features (N, 64) of the shipped tile encoder. Its epoch was chosen on the validation
    slides; it has not seen the test slides.
    """
    path = data_dir() / "checkpoints" / "gated_slides.pt"
    model = build_model("gated", input_dim=64, hidden_dim=128, dropout=0.5)
    model.load_state_dict(load_weights(verify_checksum(path)))
    return model.eval()
