"""Values that hold for one turn only: for the slide shown, or until a button was pressed."""

from typing import Any

import traitlets

from mil_tutorial.widgets.base import Explanation

BOUND = {
    "sync": True,
    "bound": True,
    "to_json": lambda value, widget: {"turn": widget.turn, "value": value},
    "from_json": lambda sent, widget: sent["value"],
}
"""Tags of a trait that travels with the turn that it holds for; ``turn.js`` is the page's side."""


class TakingTurns(Explanation):
    """A widget whose page and kernel both change the same values.

    The page asks for something new by a message, which goes out at once. A change of a value waits
    while the kernel is busy with the one before, so it can arrive after a request that was made
    later. Where a request makes values void, it begins a new ``turn``: ``BOUND`` values that the
    page set in an earlier one are then ignored.

    Attributes
    ----------
    turn : int
        Increased by a subclass, in one message with all that is new in it.
    """

    turn = traitlets.Int(0).tag(sync=True)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the page has changed, except what it changed in an earlier turn."""
        bound = self.trait_names(bound=True)
        super().set_state(
            {
                name: sent
                for name, sent in sync_data.items()
                if name not in bound or sent["turn"] == self.turn
            }
        )
