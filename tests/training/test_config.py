import json
from dataclasses import replace

import pytest
from small_runs import CONFIG

from mil_tutorial import TrainingConfig


def test_config_is_frozen():
    with pytest.raises(AttributeError):
        CONFIG.epochs = 7


def test_the_settings_are_json():
    assert TrainingConfig(**json.loads(CONFIG.to_json())) == CONFIG


def test_bad_config_is_named():
    for change, message in (
        ({"epochs": 0}, "epochs must be a positive whole number, got 0"),
        ({"epochs": None}, "epochs must be a positive whole number, got None"),
        ({"epochs": 2.5}, "epochs must be a positive whole number, got 2.5"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive, got nan"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"patience": 0}, "patience must be a positive"),
        ({"instances_per_bag": 0}, "instances_per_bag must be a positive"),
        ({"weight_decay": -1.0}, "weight_decay must not be negative, got -1"),
        ({"workers": -1}, "workers must be a whole number, 0 or more, got -1"),
        ({"entropy_weight": float("inf")}, "entropy_weight must be finite, got inf"),
        ({"class_balance": "smote"}, "class_balance is 'smote'; choose"),
        ({"schedule": "cosine"}, "schedule is 'cosine'; choose 'constant' or 'one_cycle'"),
        ({"patience": 5, "schedule": "one_cycle"}, "set patience to None"),
        ({"patience": 5, "keep": "last"}, "set patience to None"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(CONFIG, **change)
