"""Each widget in JupyterLab: shown without an error, and answered by the kernel."""

from browser.slides import SLIDES

WIDGETS = (
    "explorer = SlideExplorer(views)\nexplorer",
    "game = FindTheTumour(views)\ngame",
    "what_if = WhatIf(model, dataset, 'ill', image=picture, tile_size=32)\nwhat_if",
    "playground = PoolingPlayground()\nplayground",
    "thresholds = ThresholdExplorer([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])\nthresholds",
    """
with EntropyMonitor(epochs=3) as monitor:
    for epoch in range(3):
        monitor(EpochRecord(epoch, 0.5, 0.4, 0.9, 0.5, seconds=0.1))
""",
)


def test_every_widget_answers(run_cells, page, console_errors):
    notebook = run_cells(SLIDES, *WIDGETS)

    explorer = page.get_by_label("Slide explorer", exact=True)
    explorer.get_by_label("Slide", exact=True).select_option("healthy")
    explorer.locator("canvas[data-drawn=healthy]").wait_for()
    notebook.wait_for_value("explorer.slide", "healthy")

    game = page.get_by_label("Find the tumour", exact=True)
    game.locator("canvas[data-drawn=ill]").click()  # the tile in the middle
    game.get_by_role("button", name="Show where the model looked").click()
    game.get_by_role("button", name="Show the truth").click()
    counts = game.locator("[data-count^=learner-]")
    assert counts.all_inner_texts() == ["0", "1", "2"]  # found, false alarms, missed
    notebook.wait_for_value("(game.marks, game.compared)", ([4], True))

    what_if = page.get_by_label("What if", exact=True)
    what_if.get_by_role("button", name="Remove hottest tile").click()
    what_if.locator(".mil-title", has_text="ill, 1 of 9 removed").wait_for()
    notebook.wait_for_value("len(what_if.removed)", 1)

    playground = page.locator(".mil-playground")
    playground.get_by_role("button", name="Add a healthy tile").click()
    assert playground.locator("p[role=status]").inner_text().startswith("9 tiles.")
    notebook.wait_for_value("len(playground.scores)", 9)

    thresholds = page.locator(".mil-threshold")
    thresholds.get_by_role("slider", name="Threshold").press("End")
    counts = thresholds.locator(".mil-threshold-confusion strong")
    assert counts.all_inner_texts() == ["0", "2", "0", "2"]
    notebook.wait_for_value("thresholds.threshold", 1.0)

    monitor = page.locator(".mil-monitor")
    monitor.locator(".mil-said", has_text="Finished: 3 of 3").wait_for()
    monitor.get_by_role("slider", name="Epoch").press("Home")
    notebook.wait_for_value("monitor.epoch", 0)

    assert console_errors == []
