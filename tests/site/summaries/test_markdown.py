"""Names in Markdown stay text, whatever they hold."""

from html.parser import HTMLParser

import pytest

from reportgen.site.summaries.markdown import bullets, details, document, escaped, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ResNet18", "ResNet18"),
        ("a|b", "a\\|b"),
        ("**bold** _it_", "\\*\\*bold\\*\\* \\_it\\_"),
        ("![x](http://e.x/a.png)", "\\!\\[x\\]\\(http://\u2060e.x/a.png\\)"),
        ("<img src=x>", "\\<img src=x\\>"),
        ("ping @someone, see #12", "ping @\u2060someone, see \\#\u206012"),
        ("WWW.e.x", "WWW.\u2060e.x"),
        ("`code` \\", "\\`code\\` \\\\"),
        ("+1 = 2 - 1", "\u2060+1 = 2 - 1"),
        ("1. first", "\u20601. first"),
        ("two\nlines", "two lines"),
        ("a\u202eb", "a\ufffdb"),
    ],
)
def test_what_would_mean_something_is_escaped(text, shown):
    assert escaped(text) == shown


def test_a_table_keeps_its_columns():
    made = table(("a", "b"), [(escaped("x|y"), "1"), ("z", "2")])
    assert made.splitlines() == ["| a | b |", "| --- | --- |", "| x\\|y | 1 |", "| z | 2 |"]


def test_a_title_of_details_is_text():
    class Tags(HTMLParser):
        def __init__(self):
            super().__init__()
            self.found = []

        def handle_starttag(self, tag, attrs):
            self.found.append(tag)

    parser = Tags()
    parser.feed(details("<script>@me</script>", bullets(["x"])))
    assert parser.found == ["details", "summary"]


def test_a_document_leaves_out_what_is_empty_and_begins_with_the_mark():
    assert document(["## a", "", "b"]) == b"<!-- reportgen summary -->\n\n## a\n\nb\n"
