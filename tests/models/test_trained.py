import pytest
import torch
from scripts import load_script

from mil_tutorial import auc, load_slides, load_trained_model, predict
from mil_tutorial.models import trained


def test_the_shipped_model_does_what_its_datasheet_says():
    model = load_trained_model()
    assert not model.training
    _, val, _ = load_slides()
    predictions = predict(model, val)
    assert auc(predictions.labels, predictions.probabilities) == pytest.approx(0.94, abs=0.01)


def test_the_script_makes_such_a_model(tmp_path, capsys):
    path = tmp_path / "model.pt"
    script = load_script("data/checkpoints/train_gated.py")
    script.main(["--out", str(path), "--epochs", "1"])
    assert "epoch 0 of 1" in capsys.readouterr().out
    shipped = load_trained_model().state_dict()
    made = torch.load(path, weights_only=True)
    assert {k: v.shape for k, v in made.items()} == {k: v.shape for k, v in shipped.items()}


def test_a_damaged_model_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "gated_slides.pt").write_bytes(b"half a model")
    (folder / "SHA256SUMS").write_text("0" * 64 + "  gated_slides.pt\n")
    monkeypatch.setattr(trained, "data_dir", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"gated_slides.pt has SHA-256 .* install the package"):
        load_trained_model()
