import pytest
import torch

from mil_tutorial import auc, predict
from mil_tutorial.datasets.slides import load_slides
from mil_tutorial.models import trained as trained_model


def test_the_shipped_model_does_what_its_datasheet_says():
    model = trained_model.load_trained_model()
    assert not model.training
    _, val, _ = load_slides()
    found = predict(model, val)
    assert auc(found.labels, found.probabilities) == pytest.approx(0.94, abs=0.01)


def test_the_command_makes_such_a_model(tmp_path, capsys):
    path = tmp_path / "model.pt"
    assert trained_model.main(["--out", str(path), "--epochs", "1"]) == 0
    assert "epoch 0 of 1" in capsys.readouterr().out
    shipped = trained_model.load_trained_model().state_dict()
    made = torch.load(path, weights_only=True)
    assert {k: v.shape for k, v in made.items()} == {k: v.shape for k, v in shipped.items()}


def test_a_damaged_model_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / trained_model.FILE).write_bytes(b"half a model")
    (folder / "SHA256SUMS").write_text("0" * 64 + f"  {trained_model.FILE}\n")
    monkeypatch.setattr(trained_model, "data_dir", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"gated_slides.pt has SHA-256 .* install the package"):
        trained_model.load_trained_model()
