"""The table of odd inputs, one file a kind; ``tests/test_odd_inputs.py`` tries each of them."""
