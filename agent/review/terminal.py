"""The review by keyboard in the terminal: the list on the left, on the right the entry as it would become and why."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group as Stack
from rich.rule import Rule
from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Input, Label, Static

from agent.proposals import Group, Operation
from agent.review.plain import ask_again, edited
from agent.review.session import Card, Session

MARKS = {"open": "·", "approve": "✓", "reject": "✗", "edit": "✎", "needs-more": "?"}


class Question(ModalScreen[str | None]):
    """One line of text from the reviewer; Escape takes it back."""

    CSS = """
    Question { align: center middle; }
    #box { width: 80%; height: auto; padding: 1 2; background: $surface; border: round $accent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back")]

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__()
        self.question = question
        self.value = value

    def compose(self) -> ComposeResult:
        """A label and an input."""
        with Vertical(id="box"):
            yield Label(self.question, markup=False)
            yield Input(self.value, id="answer")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter gives the answer."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Escape gives none."""
        self.dismiss(None)


class ReviewApp(App[None]):
    """All open proposals; every key press is a verdict that is on disk at once."""

    TITLE = "Review of proposals"
    CSS = """
    #list { width: 46%; border-right: solid $accent; }
    #card { padding: 0 1; }
    #line { dock: top; height: 1; padding: 0 1; background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve"),
        Binding("r", "reject", "Reject"),
        Binding("e", "edit", "Edit"),
        Binding("m", "needs_more", "Needs more"),
        Binding("u", "undo", "Undo"),
        Binding("b", "bulk", "All mechanical"),
        Binding("n", "next_open", "Next open"),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
        Binding("q", "quit", "Leave"),
    ]

    def __init__(self, session: Session, group: Group | None = None) -> None:
        super().__init__()
        self.session = session
        self.group: Group | None = group
        self.operations: dict[str, Operation] = {}
        self.shown: dict[str, Card] = {}

    def compose(self) -> ComposeResult:
        """List, card, keys."""
        yield Static(id="line", markup=False)
        with Horizontal():
            yield DataTable(id="list", cursor_type="row", show_header=False)
            with VerticalScroll():
                yield Static(id="card", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Fill the list; begin at the first undecided proposal."""
        self.table.add_columns("state", "group", "what")
        self.refill()
        self.action_next_open()
        self.table.focus()

    @property
    def table(self) -> DataTable[Text]:
        """The list."""
        return self.query_one("#list", DataTable)

    @property
    def chosen(self) -> Operation | None:
        """The proposal under the cursor."""
        if not self.table.row_count:
            return None
        key = self.table.coordinate_to_cell_key(self.table.cursor_coordinate).row_key.value
        return self.operations.get(key or "")

    def refill(self) -> None:
        """Read the workspace again, keep the cursor where it is."""
        row = self.table.cursor_row
        operations = self.session.operations(self.group)
        self.operations = {operation.digest: operation for operation in operations}
        self.shown = {card.digest: card for card in self.session.cards(operations)}
        self.table.clear()
        for digest, card in self.shown.items():
            style = "dim" if card.state != "open" else ""
            self.table.add_row(
                Text(MARKS[card.state]), Text(card.group[:4], style="dim"), Text(card.headline, style=style), key=digest
            )
        if self.table.row_count:
            self.table.move_cursor(row=min(row, self.table.row_count - 1))
        self.show_card()

    def on_data_table_row_highlighted(self, _: DataTable.RowHighlighted) -> None:
        """Another row: another card, and the clock of the verdict starts."""
        self.show_card()

    def show_card(self) -> None:
        """Draw the card under the cursor and the line above."""
        operation = self.chosen
        card = self.shown.get(operation.digest) if operation else None
        self.query_one("#card", Static).update(drawn(card) if card else Text("No open proposals."))
        decided, everything = self.session.progress()
        median = self.session.median_seconds()
        pace = f" · median {median:g} s" if median is not None else ""
        self.query_one("#line", Static).update(f"{decided} of {everything} decided{pace} · {self.session.reviewer}")
        self.session.look()

    def say(self, error: Exception) -> None:
        """Tell why something was not done."""
        self.notify(str(error), severity="error", markup=False)

    def action_down(self) -> None:
        """One row down."""
        self.table.action_cursor_down()

    def action_up(self) -> None:
        """One row up."""
        self.table.action_cursor_up()

    def action_next_open(self) -> None:
        """The next proposal without a verdict, from here on and then from the top."""
        digests = list(self.shown)
        here = self.table.cursor_row
        order = [*range(here, len(digests)), *range(here)]
        row = next((i for i in order if self.shown[digests[i]].state == "open"), None)
        if row is not None:
            self.table.move_cursor(row=row)

    def action_approve(self) -> None:
        """Approve what is under the cursor."""
        if operation := self.chosen:
            try:
                self.session.decide(operation, "approve")
            except ValueError as error:
                self.say(error)
            self.after_verdict()

    def after_verdict(self) -> None:
        """Show the new state, go on to the next open one."""
        self.refill()
        self.action_next_open()

    @work
    async def action_reject(self) -> None:
        """Reject with a reason and a condition to ask again."""
        if operation := self.chosen:
            reason = await self.push_screen_wait(Question("Why not?"))
            again = (
                await self.push_screen_wait(
                    Question("Ask again: never, source-changes, two-sources, or a day like 2027-01-31", "never")
                )
                if reason
                else None
            )
            if reason and again is not None:
                try:
                    self.session.decide(operation, "reject", reason=reason, ask_again=ask_again(again))
                except ValueError as error:
                    self.say(error)
                self.after_verdict()

    @work
    async def action_edit(self) -> None:
        """Approve another value than the proposed one."""
        if operation := self.chosen:
            value = operation.new.get("value") if isinstance(operation.new, dict) else operation.new
            words = await self.push_screen_wait(Question("The right value", str(value or "")))
            if words is not None:
                try:
                    self.session.decide(operation, "edit", value=edited(operation, words))
                except ValueError as error:
                    self.say(error)
                self.after_verdict()

    @work
    async def action_needs_more(self) -> None:
        """Send it back with a note."""
        if (operation := self.chosen) and (note := await self.push_screen_wait(Question("What is missing?"))):
            self.session.decide(operation, "needs-more", reason=note)
            self.after_verdict()

    def action_undo(self) -> None:
        """Take the last verdict back and go to its proposal."""
        try:
            operation = self.session.undo()
        except (LookupError, ValueError) as error:
            self.say(error)
            return
        self.refill()
        if operation is not None and operation.digest in self.shown:
            self.table.move_cursor(row=list(self.shown).index(operation.digest))

    def action_bulk(self) -> None:
        """Approve all mechanical ones."""
        count = self.session.approve_all("mechanical")
        self.notify(f"{count} mechanical proposals approved", markup=False)
        self.after_verdict()


def drawn(card: Card) -> Stack:
    """A card in colours; every text is plain, so nothing in it is taken for markup."""
    parts: list[Text | Rule] = [
        Text(card.headline, style="bold"),
        Text(
            f"{card.group} · {card.kind} · {card.target} · confidence {card.confidence:.2f} · {card.state}", style="dim"
        ),
        Text(card.reason),
    ]
    parts += [Text(f"· {line}") for line in card.why]
    if card.note:
        parts.append(Text(f"! {card.note}", style="yellow"))
    if card.conflict:
        parts.append(Text(f"! conflict: {card.conflict}", style="bold red"))
    parts.append(Rule(style="dim"))
    colours = {"+": "green", "-": "red"}
    parts += [Text(line, style=colours.get(line[:1], "")) for line in card.diff]
    for seen in card.evidence:
        parts.append(Rule(style="dim"))
        parts.append(Text(f"{seen.source} · {seen.read_at} · {seen.url} ({seen.locator})", style="dim"))
        if seen.intact:
            parts.append(Text.assemble(seen.before, (seen.quote, "reverse"), seen.after))
        else:
            parts.append(Text("the kept excerpt is missing or was changed; do not approve", style="bold red"))
    return Stack(*parts)
