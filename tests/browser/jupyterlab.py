"""A notebook in JupyterLab, handled through the browser as a learner handles it."""

import ast
import re
import time
from urllib.parse import quote

# What JupyterLab knows and shows of the code cells of the notebook in front, in their order.
READ_CELLS = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets;
  return cells.filter(cell => cell.model.type === 'code').map(cell => ({
    id: cell.model.id,
    source: cell.model.sharedModel.getSource(),
    count: cell.model.executionCount,
    running: cell.node.querySelector('.jp-InputPrompt').innerText.includes('*'),
    output: Array.from(cell.node.querySelectorAll('.jp-OutputArea-output'))
      .map(output => output.innerText).join('\\n'),
    errors: cell.model.outputs.toJSON()
      .filter(output => output.output_type === 'error')
      .map(output => output.traceback.join('\\n') || output.ename + ': ' + output.evalue),
  }));
}"""
KERNEL_IS_IDLE = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  return panel?.context?.isReady && panel.sessionContext.session?.kernel?.status === 'idle';
}"""
# Numbers in front of cells do not tell whether a run has ended: stored notebooks have them too.
WATCH_RUN_ALL = """() => {
  const commands = window.jupyterapp.commands;
  window.runAllHasEnded = false;
  const end = () => { window.runAllHasEnded = true; };
  const watch = (_, command) => {
    if (command.id !== 'notebook:run-all-cells') return;
    commands.commandExecuted.disconnect(watch);
    command.result.then(end, end);
  };
  commands.commandExecuted.connect(watch);
}"""
ASK_KERNEL = """async expression => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const asked = kernel.requestExecute({
    code: '', silent: true, store_history: false, user_expressions: {answer: expression},
  });
  const answer = (await asked.done).content.user_expressions.answer;
  return answer.status === 'ok' ? answer.data['text/plain'] : answer.ename + ': ' + answer.evalue;
}"""
BUSY = """seconds => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  kernel.requestExecute({code: `import time; time.sleep(${seconds})`});
}"""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SETTLING_MS = 1000  # widgets are drawn a little after their cell has finished


def eventually(page, check, timeout=20):
    """Repeat a check until it holds: page and kernel tell each other things a little later."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        page.wait_for_timeout(50)


class Notebook:
    """The notebook that is open in a page of the JupyterLab at ``url``."""

    def __init__(self, page, url):
        self.page = page
        self.url = url

    def open(self, name):
        """Open a notebook of the served folder and wait for its kernel."""
        self.page.goto(f"{self.url}/lab/tree/{quote(name)}?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.wait_for_function(KERNEL_IS_IDLE)

    def choose(self, menu, entry):
        """Choose an entry from the menu bar."""
        self.page.locator(".lm-MenuBar-itemLabel").get_by_text(menu, exact=True).click()
        self.page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()

    def run_all(self, timeout=240):
        """Run all cells and wait until all have finished, or one has failed."""
        self.page.evaluate(WATCH_RUN_ALL)
        self.choose("Run", "Run All Cells")
        deadline = time.monotonic() + timeout
        while not self.page.evaluate("window.runAllHasEnded"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {timeout} s {self.still_running()}")
            self.page.wait_for_timeout(100)
        self.page.wait_for_timeout(SETTLING_MS)

    def still_running(self):
        """Return in words which cell runs."""
        running = [cell["id"] for cell in self.code_cells() if cell["running"]]
        if not running:
            return "no cell is running, but the run has not ended"
        return f"cell {running[0]} is still running, {len(running) - 1} more wait"

    def save(self):
        """Save the notebook with the state of its widgets, and wait until it is written."""
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")

    def code_cells(self):
        """Return id, source, count, running, output and errors of each code cell."""
        return self.page.evaluate(READ_CELLS)

    def outputs(self):
        """Return the text below each code cell."""
        return [cell["output"] for cell in self.code_cells()]

    def errors(self):
        """Return the tracebacks in the notebook, without their colours."""
        return [
            f"cell {cell['id']}:\n{COLOUR.sub('', error)}"
            for cell in self.code_cells()
            for error in cell["errors"]
        ]

    def set_source(self, cell_id, text):
        """Replace the source of a code cell in its editor."""
        index = [cell["id"] for cell in self.code_cells()].index(cell_id)
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(index)
        cell.locator(".cm-content").click(position={"x": 5, "y": 5})
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)
        arrived = self.code_cells()[index]["source"]
        assert arrived == text, f"the editor of cell {cell_id} made this of the text:\n{arrived}"

    def kernel_value(self, expression):
        """Return the value that an expression of plain Python types has in the kernel."""
        return ast.literal_eval(self.page.evaluate(ASK_KERNEL, expression))

    def keep_kernel_busy(self, seconds):
        """Let the kernel sleep; what the page tells it waits so long."""
        self.page.evaluate(BUSY, seconds)

    def wait_for_value(self, expression, wanted):
        """Wait until an expression has a value in the kernel."""

        def check():
            value = self.kernel_value(expression)
            assert value == wanted, f"{expression} is {value!r}, expected {wanted!r}"

        eventually(self.page, check)
