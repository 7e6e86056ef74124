"""Self-checks of the course's exercises; each chapter has a module of its own."""
