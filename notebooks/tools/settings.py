"""What a fork changes."""

REPOSITORY = "mil-tutorial/mil-tutorial"  # owner/name on GitHub
BRANCH = "main"
