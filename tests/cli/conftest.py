from made_slides import blank, damaged, picture, scans, slide  # noqa: F401
