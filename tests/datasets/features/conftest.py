from made_slides import picture, slide  # noqa: F401
