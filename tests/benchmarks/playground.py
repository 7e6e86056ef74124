"""How many frames a second the MIL playground draws while it trains, in headless Chromium.

python tests/benchmarks/playground.py [--bags 40] [--size 50] [--seconds 5] [--poolings gated]

Each pooling trains for so many seconds. A frame trains for 4 to 12 ms and draws all: the
plane of 48 × 48 cells, 60 unseen bags, three charts, and one of the ten starts. On a machine that
others use too the rate is lower.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser.conftest import CHROMIUM_NAMES, CHROMIUM_OPTIONS
from browser.exported import Site
from playground_harness import write_page

COUNTS = """() => {
  const { frames, epoch } = document.querySelector('.mil-points').dataset;
  return [performance.now() / 1000, Number(frames), Number(epoch)];
}"""


def rates(page, seconds):
    """Return frames and epochs of ten starts a second, of a training that has begun."""
    page.get_by_role("button", name="Train").click()
    page.wait_for_timeout(500)
    began = page.evaluate(COUNTS)
    while (now := page.evaluate(COUNTS))[0] < began[0] + seconds:
        page.wait_for_timeout(100)
        if page.get_by_role("button", name="Train").count():  # it pauses by itself at 150 epochs
            page.get_by_role("button", name="Train").click()
    taken = now[0] - began[0]
    return (now[1] - began[1]) / taken, (now[2] - began[2]) / taken


def main():
    """Print a table."""
    from playwright.sync_api import sync_playwright

    from mil_tutorial.widgets import MILPlayground

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bags", type=int, default=40)
    parser.add_argument("--size", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--poolings", nargs="+", default=["max", "mean", "attention", "gated"])
    options = parser.parse_args()
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    print(f"{options.bags} bags of {options.size} points\n")
    print("| pooling | frames a second | epochs of ten starts a second |\n|---|---|---|")
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path=executable, args=list(CHROMIUM_OPTIONS))
        site = Site(folder)
        for pooling in options.poolings:
            widget = MILPlayground(pooling=pooling, bags=options.bags, size=options.size)
            write_page(widget, Path(folder))
            page = browser.new_page(viewport={"width": 1200, "height": 800})
            page.goto(f"{site.url}/page.html")
            frames, epochs = rates(page, options.seconds)
            print(f"| {pooling} | {frames:.0f} | {epochs:.1f} |")
            page.close()
        site.stop()
        browser.close()


if __name__ == "__main__":
    main()
