"""Models: pooling layers, the MIL model, encoders; a bag of any size in chunks."""
