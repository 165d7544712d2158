"""The documentation site: built from the pages as they are, and not with a link that leads nowhere."""

import re

import pytest

from local import site


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    site.lay_out(folder)
    return folder


def test_it_has_every_page_the_api_and_a_search(laid_out):
    assert site.build(laid_out) == 0
    html = laid_out / "html"
    for page in site.pages():
        place = page.parent if page.name == "README.md" else page.with_suffix("")
        assert (html / place / "index.html").is_file(), page
    assert 'id="simulator.Fleet.run"' in (html / "docs" / "api" / "index.html").read_text()
    assert "Data model" in (html / "search.json").read_text()
    # Nobody else is told who reads the pages, but for the diagrams, which Mermaid draws.
    for page in html.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|iframe)[^>]* src="(https?:[^"]+)|<link[^>]* href="(https?:[^"]+)',
            page.read_text(),
        )
        assert not loaded, page


def test_a_page_or_a_heading_that_is_not_there_ends_it(laid_out, capfd):
    page = laid_out / "pages" / "docs" / "home.md"
    page.write_text(page.read_text() + "\n[one](devices.md#not-there)\n[another](not_there.md)\n")
    assert site.build(laid_out) != 0
    said = "".join(capfd.readouterr())
    assert "anchor does not exist" in said and "page does not exist" in said and "2 issues" in said


def test_a_file_that_is_not_there_ends_it(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "REPOSITORY", tmp_path)
    (tmp_path / "page.md").write_text("[a](page.md) `[b](code.md)` [c](https://example.org) [d](none.yaml#x)")
    with pytest.raises(site.BrokenLink, match=r"page\.md: none\.yaml is no file"):
        site.linked(tmp_path / "page.md")
