import re

import numpy as np
import pytest

from browser.jupyterlab import eventually
from mil_tutorial.metrics import decisions as metrics
from mil_tutorial.widgets.base import script
from mil_tutorial.widgets.threshold_explorer import ThresholdExplorer

pytestmark = pytest.mark.full

CELL = """
import numpy as np
from mil_tutorial.widgets import ThresholdExplorer
rng = np.random.default_rng(0)
labels = rng.integers(0, 2, 60)
probabilities = 1 / (1 + np.exp(-1.5 * rng.normal(size=60) - 3 * labels + 1.5))
w = ThresholdExplorer(labels, probabilities, groups=np.arange(60) // 3)
w
"""
WIDE = """() => [...document.querySelectorAll('.jp-OutputArea-output, .mil')]
  .filter(box => box.scrollWidth > box.clientWidth).map(box => box.className)"""
COMPUTE = """([source, ...given]) => new Function('l', 'p', 'g', 't', source + `;
  const points = operatingPoints(l, p);
  return {
    decisions: t.map(x => ({...decide(l, p, x), missed: patients(l, p, g, x).missed})),
    auc: areaUnder(points), point: pointForSpecificity(points, 0.9),
    sensitive: [0.5, 0.9, 0.95, 1].map(s => thresholdForSensitivity(l, p, s)),
  }`)(...given)"""


def random_slides():
    """Labels, probabilities and patients: spread out, with ties, at the ends, all alike."""
    rng = np.random.default_rng(0)
    for i in range(40):
        n = int(rng.integers(2, 60))
        labels = rng.permutation(np.arange(n) % 2 if i % 3 else np.arange(n) == 0).astype(int)
        probabilities = rng.uniform(size=n)
        if i % 2:
            probabilities = probabilities.round(1)  # many ties, and 0 and 1 themselves
        if i % 5 == 0:
            probabilities = np.where(rng.uniform(size=n) < 0.5, 0.99999, probabilities)
        yield labels.tolist(), probabilities.tolist(), rng.integers(0, 8, n).astype(str).tolist()
    yield [0, 1], [1.0, 1.0], ["a", "b"]
    yield [0, 1], [0.5, 0.5], ["a", "a"]


def test_numbers_of_the_browser_are_those_of_the_metrics(chromium):
    page = chromium.new_page()
    source = script("decisions.js")
    for labels, probabilities, groups in random_slides():
        bags = labels, probabilities
        thresholds = [0.0, 0.5, 1.0, *probabilities[:5]]
        answer = page.evaluate(COMPUTE, [source, *bags, groups, thresholds])
        for threshold, decisions in zip(thresholds, answer["decisions"]):
            expected = ThresholdExplorer(*bags, groups=groups, threshold=threshold).results()
            assert decisions["falseNegativeRate"] == expected.false_negative_rate
            assert decisions["specificity"] == expected.specificity
            assert decisions["sensitivity"] == pytest.approx(expected.sensitivity)
            assert decisions["falseNegatives"] == expected.false_negatives
            assert decisions["falsePositives"] == expected.false_positives
            assert decisions["missed"] == expected.missed_patients
        assert answer["auc"] == pytest.approx(metrics.auc(*bags))
        expected = [metrics.threshold_for_sensitivity(*bags, s) for s in (0.5, 0.9, 0.95, 1)]
        assert answer["sensitive"] == expected
        point = answer["point"]
        assert point["sensitivity"] == metrics.sensitivity_at_specificity(*bags, 0.9)
        if point["threshold"] is not None:
            assert metrics.specificity(*bags, point["threshold"]) >= 0.9 - 1e-9
            missed = metrics.false_negative_rate(*bags, point["threshold"])
            assert 1 - missed == pytest.approx(point["sensitivity"])
    page.close()


class Explorer:
    """The widget on the page."""

    def __init__(self, page, notebook):
        self.page, self.notebook = page, notebook
        self.root = page.locator(".mil-threshold")
        self.slider = self.root.get_by_role("slider", name="Threshold")
        self.point = self.root.get_by_role("slider", name="Point on the ROC curve")
        self.strip = self.root.locator(".mil-threshold-strip")

    def ask(self, expression):
        return self.notebook.kernel_value(expression)

    def button(self, name):
        return self.root.get_by_role("button", name=name)

    def counts(self):
        cells = self.root.locator(".mil-threshold-confusion strong").all_inner_texts()
        return [int(cell) for cell in cells]

    def rates(self):
        cells = self.root.locator(".mil-threshold-rates strong").all_inner_texts()
        return [float(cell) for cell in cells]

    def listed(self, title):
        """Items below a heading, and the heading's two numbers."""
        part = self.root.locator("div", has=self.page.locator(f"h4:text('{title}')")).last
        heading = part.locator("h4").inner_text()
        numbers = [int(n) for n in re.findall(r"\d+", heading)]
        return part.locator("li").all_inner_texts(), *numbers

    def status(self):
        return self.root.locator("p[role=status]").inner_text()

    def assert_agrees_with_kernel(self):
        return eventually(self.page, self._agrees_with_kernel)

    def _agrees_with_kernel(self):
        now = self.ask("{k: getattr(w.results(), k) for k in w.results()._fields}")
        signs = ("true_positives", "false_negatives", "false_positives", "true_negatives")
        assert self.counts() == [now[sign] for sign in signs]
        rates = [now[k] for k in ("sensitivity", "false_negative_rate", "specificity")]
        np.testing.assert_allclose(self.rates(), rates, atol=0.00051)
        slides, n_missed, n_positive = self.listed("Missed slides")
        assert (n_missed, n_positive) == (now["false_negatives"], self.ask("sum(w.labels)"))
        names = [slide.partition(" (")[0] for slide in slides]
        expected = now["missed_slides"]
        more = [f"and {len(expected) - 12} more"] if len(expected) > 12 else []
        assert names == ([*expected[:12], *more] or ["none"])
        patients, n_patients, _ = self.listed("Missed patients")
        assert n_patients == len(now["missed_patients"])
        assert patients[:12] == ([f"patient {p}" for p in now["missed_patients"]] or ["none"])[:12]
        assert self.listed("False alarms")[1] == now["false_positives"]
        assert f"{now['threshold']:.3f}" in self.status()
        return now

    def xy(self, locator, across, down):
        box = locator.bounding_box()
        return box["x"] + across * box["width"], box["y"] + down * box["height"]


AT_THE_END = """
from mil_tutorial.widgets import ThresholdExplorer
w = ThresholdExplorer([0, 0, 1, 1], [1.0, 0.2, 1.0, 0.99999], bags_are="test slides")
w
"""


@pytest.fixture()
def explorer(page, widget_messages, run_cells):
    page.set_viewport_size({"width": 1000, "height": 1400})
    widget = Explorer(page, run_cells(CELL))
    widget.root.wait_for()
    widget.messages = widget_messages
    return widget


def test_threshold_by_slider_strip_and_buttons(explorer, page, console_errors):
    explorer.root.locator("text=False alarms").scroll_into_view_if_needed()
    explorer.assert_agrees_with_kernel()
    assert page.evaluate(WIDE) == []

    # the slider: keyboard, then a drag that tells the kernel when it ends
    explorer.slider.focus()
    page.keyboard.press("ArrowRight")
    assert explorer.slider.evaluate("it => it === document.activeElement")
    assert explorer.assert_agrees_with_kernel()["threshold"] > 0.5
    page.keyboard.press("Home")
    assert explorer.assert_agrees_with_kernel()["false_negatives"] == 0
    page.keyboard.press("End")
    assert explorer.assert_agrees_with_kernel()["true_positives"] == 0
    sent = len(explorer.messages)
    page.mouse.move(*explorer.xy(explorer.slider, 0.98, 0.5))
    page.mouse.down()
    page.mouse.move(*explorer.xy(explorer.slider, 0.5, 0.5))
    page.mouse.move(*explorer.xy(explorer.slider, 0.3, 0.5))
    rule = explorer.root.locator(".mil-threshold-rule")
    assert float(rule.get_attribute("x1").strip("%")) == pytest.approx(30, abs=2)
    during = explorer.counts()
    assert len(explorer.messages) == sent
    assert explorer.ask("w.threshold") == 1.0
    page.mouse.up()
    now = explorer.assert_agrees_with_kernel()
    assert explorer.counts() == during
    assert now["threshold"] == pytest.approx(0.3, abs=0.02)
    assert now["threshold"] == round(now["threshold"], 3)

    # the slides: hover names one, a drag moves the threshold
    sent = len(explorer.messages)
    slide = explorer.strip.locator("text[data-slide='7']")
    slide.hover()
    probability = explorer.ask("w.probabilities[7]")
    named = explorer.root.get_by_text(f"slide 7, patient 2: probability {probability:.3f}")
    assert named.is_visible()
    assert len(explorer.messages) == sent
    page.mouse.move(*explorer.xy(explorer.strip, 0.2, 0.5))
    page.mouse.down()
    page.mouse.move(*explorer.xy(explorer.strip, 0.8, 0.5))
    assert len(explorer.messages) == sent
    page.mouse.up()
    assert explorer.assert_agrees_with_kernel()["threshold"] == pytest.approx(0.8, abs=0.01)

    # the buttons, by mouse and keyboard
    explorer.button("Reach 95 % sensitivity").click()
    now = explorer.assert_agrees_with_kernel()
    labels, probabilities = explorer.ask("(w.labels, w.probabilities)")
    assert now["threshold"] == metrics.threshold_for_sensitivity(labels, probabilities, 0.95)
    assert now["sensitivity"] >= 0.95
    explorer.button("Reach 90 % specificity").focus()
    page.keyboard.press("Enter")
    now = explorer.assert_agrees_with_kernel()
    assert now["specificity"] >= 0.9
    best = metrics.sensitivity_at_specificity(labels, probabilities, 0.9)
    assert now["sensitivity"] == pytest.approx(best)
    assert console_errors == []


def test_roc_curve_by_mouse_and_keyboard(explorer, page, console_errors):
    labels, probabilities = explorer.ask("(w.labels, w.probabilities)")
    distinct = sorted(set(probabilities), reverse=True)
    assert f"AUC {metrics.auc(labels, probabilities):.3f}" in explorer.root.inner_text()
    explorer.point.focus()
    page.keyboard.press("Home")
    assert explorer.assert_agrees_with_kernel()["true_positives"] == 0
    for key, threshold in [
        ("ArrowUp", distinct[0]),
        ("ArrowRight", distinct[1]),
        ("PageUp", distinct[11]),
        ("ArrowDown", distinct[10]),
        ("ArrowLeft", distinct[9]),
        ("End", distinct[-1]),
        ("ArrowUp", distinct[-1]),
        ("PageDown", distinct[-11]),
    ]:
        page.keyboard.press(key)
        assert explorer.point.evaluate("it => it === document.activeElement"), key
        assert explorer.assert_agrees_with_kernel()["threshold"] == threshold, key
    assert explorer.point.get_attribute("aria-valuetext").startswith("Threshold 0.")

    # from a threshold between two slides the next step changes what is called
    explorer.ask(f"setattr(w, 'threshold', {(distinct[20] + distinct[21]) / 2})")
    explorer.assert_agrees_with_kernel()
    called = sum(explorer.counts()[::2])
    page.keyboard.press("ArrowUp")
    assert sum(explorer.counts()[::2]) == called + 1

    # a click in the upper left corner picks the nearest point
    sent = len(explorer.messages)
    curve = explorer.root.locator(".mil-threshold-axis rect")
    page.mouse.move(*explorer.xy(curve, 0.9, 0.9))
    page.mouse.down()
    page.mouse.move(*explorer.xy(curve, 0.02, 0.02))
    during = explorer.counts()
    assert len(explorer.messages) == sent
    page.mouse.up()
    now = explorer.assert_agrees_with_kernel()
    assert explorer.counts() == during
    assert now["sensitivity"] > 0.6
    assert now["specificity"] > 0.6
    assert console_errors == []


def test_the_kernel_can_set_the_threshold(explorer, page, console_errors):
    exact = explorer.ask("w.probabilities[7]")
    explorer.ask(f"setattr(w, 'threshold', {exact})")
    assert explorer.assert_agrees_with_kernel()["threshold"] == exact
    # a slide at the threshold is called
    sign = explorer.strip.locator("text[data-slide='7']").text_content()
    assert sign in ("●", "▲")
    assert console_errors == []


def test_no_patients_and_a_healthy_slide_at_probability_one(page, run_cells, console_errors):
    explorer = Explorer(page, run_cells(AT_THE_END))
    assert explorer.root.locator("p").first.inner_text().startswith("4 test slides: 2 with tumour")
    assert not explorer.root.get_by_text("Missed patients").is_visible()
    explorer.button("Reach 90 % specificity").click()
    assert explorer.status().startswith("No threshold reaches it")
    assert explorer.ask("w.threshold") == 0.5
    explorer.point.focus()
    page.keyboard.press("Home")  # "none called" cannot be had: 1 itself calls two
    assert explorer.counts() == [2, 0, 1, 1]
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert explorer.counts() == [1, 1, 1, 1]
    explorer.notebook.wait_for_value("w.threshold", 1.0)
    assert explorer.listed("Missed slides")[0] == ["slide 3 (1 − 1.0e-5)"]
    assert console_errors == []
