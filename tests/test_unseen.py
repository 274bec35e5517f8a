"""No text on a screen looks like another one."""

import pytest
from examples import recorded
from test_views import Paper, terminal

from crossrun.events import CommandRan, FileChanged, ToolCalled
from crossrun.views.live import event_lines
from crossrun.views.unseen import clean, printed, visible, visible_command


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("echo \u202e# fr- mr ;\u2066 x", "echo <U+202E># fr- mr ;<U+2066> x"),
        ("pa\u200bss", "pa<U+200B>ss"),
        ("rm\u200d -r\u200cf", "rm<U+200D> -r<U+200C>f"),
        ("a\ufe0fb", "a<U+FE0F>b"),
        ("so\u00adft \u3164 filler \ufeff", "so<U+00AD>ft <U+3164> filler <U+FEFF>"),
        ("tag\U000e0072\U000e006d", "tag<U+E0072><U+E006D>"),
        ("👍\ufe0f\ufe0f", "👍\ufe0f<U+FE0F>"),
        ("a\rb\x1b[31m\x07", "a^Mb^[[31m^G"),
    ],
)
def test_what_cannot_be_seen_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "👩\u200d💻 👩🏽\u200d❤\ufe0f\u200d👨🏻 1\ufe0f\u20e3 ☎\ufe0f",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "\u0645\u06cc\u200c\u0631\u0648\u062f",  # Persian
        "क्\u200dष",  # Devanagari
        "שלום 日本語 naïve é",
        "葛\U000e0100城",
        "⠋ ▏█",
    ],
)
def test_emoji_and_scripts_that_need_joiners_stay_as_they_are(text: str) -> None:
    assert (visible(text), clean(text), printed(text)) == (text, text, text)


def test_of_a_progress_bar_the_last_state_is_shown() -> None:
    bar = "".join(f"\rDownloading {percent}% " for percent in range(0, 101, 10))
    assert printed(f"start\r\n{bar}\nend\n").split("\n") == [
        "start",
        "Downloading 100% ",
        "end",
        "",
    ]
    assert printed("\x1b[2K\r1/3\x1b[2K\r\x1b[32m3/3\x1b[0m\r\n") == "3/3\n"
    assert printed("|\b/\b-\bdone\n") == "done\n"


def test_a_carriage_return_does_not_hide_a_part_of_a_command_or_a_message() -> None:
    assert visible_command("rm -rf x\recho safe\n\tls") == "rm -rf x^Mecho safe\n\tls"
    assert clean("deleted all\rdone") == "deleted all^Mdone"


@pytest.mark.parametrize(
    "event",
    [
        CommandRan(command="bash -lc 'echo \u202ea'", exit_code=0, output="\u2066b"),
        FileChanged(path="a\u202eb\n", change="added"),
        ToolCalled(tool="\u202etool", error="\u202d"),
    ],
)
def test_an_event_is_shown_without_marks_of_direction(event: CommandRan) -> None:
    shown = "\n".join(event_lines(recorded(event), terminal()))
    assert "<U+202E>" in shown
    assert not set(shown) & set("\u202d\u202e\u2066")


def test_nothing_unseen_reaches_a_screen_whoever_wrote_the_line() -> None:
    paper = Paper(is_terminal=True)
    terminal(paper=paper).write(["\x1b[1mbold\x1b[0m \u202e"])
    assert paper.text == "\x1b[1mbold\x1b[0m <U+202E>\n"
