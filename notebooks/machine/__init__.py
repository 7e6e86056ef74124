"""The course machine: from one source a chapter to its learner and solution editions."""
