"""The built site, for the tests of this folder."""

from built_site import site  # noqa: F401
