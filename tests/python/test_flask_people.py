"""The Flask app among people: who wrote a version, who is told, and what a page says of others' changes."""

import re
import secrets

from conftest import _setting
from edge import deaf_url
from flask_app import FIELDS, App, app, healed, kept, north, prj_id, ripple_switch, south, texts  # noqa: F401

LONG = "We collect the timetables of all three ferries, compare them, and keep one. " * 6

# Who it was.


def heads(visitor, prj_id):
    """Returns the author of each version, newest first."""
    page = visitor.get(f"/projects/{prj_id}/history")
    return [head.get_text().split(",")[0] for head in page.html.select("ol.history .head p")]


def test_the_person_who_saves_from_an_old_page_is_the_author(north, south, prj_id):
    """South saves, North saves, and South saves again from the page that is still open."""
    page = south.project(prj_id)
    south.save(page, goal="South's")
    north.save(north.project(prj_id), issue="North's")
    told = south.save(page, description="South's again")
    assert "saved by South office" in told.words(".title")
    assert heads(north, prj_id)[:3] == ["South office", "North office (you)", "South office"]
    assert heads(south, prj_id)[:3] == ["South office (you)", "North office", "South office (you)"]


def test_two_people_of_one_name_are_two(app, north, prj_id):
    namesake = app.visitor(north.name)
    north.save(north.project(prj_id), goal="First")
    namesake.save(namesake.project(prj_id), goal="Second")
    assert heads(north, prj_id)[:2] == ["North office", "North office (you)"]


def test_a_restore_and_a_deletion_have_their_author(north, south, prj_id):
    north.save(north.project(prj_id), goal="North's")
    south.save(south.project(prj_id), goal="South's")
    south.send(south.get(f"/projects/{prj_id}/history/2").form("main form"))
    assert heads(south, prj_id)[:3] == ["South office (you)", "South office (you)", "North office"]
    north.send(north.read(prj_id).form("#delete"))
    assert heads(south, prj_id)[0] == "North office"
    assert "was deleted by North office on" in south.read(prj_id).words("main p")
    [one] = [li for li in south.get("/deleted").html.select("ul.history > li") if prj_id in str(li)]
    assert "Deleted by North office on" in " ".join(one.get_text().split())


def test_the_name_of_a_person_is_any_name(app, prj_id):
    names = {"Bo Müller 🦆": "Bo Müller 🦆", " A\tB  C ": "A B C", 'q"\\\u202e%;': 'q"\\%;', "e\u0301" * 61: "é" * 60}
    for name, shown in names.items():
        visitor = app.visitor(name)
        page = visitor.save(visitor.project(prj_id), goal=shown)
        assert page.status == 200 and f"saved by {shown} (you)" in page.words(".title"), page


# Who is told.


def test_the_one_who_was_replaced_is_told_and_brings_it_back(north, south, ripple, prj_id):
    north.save(north.project(prj_id), description="North's words", goal="Kept by all")
    assert not north.read(prj_id).html.select(".news")
    south.save(south.project(prj_id), description="South's words", issue="New")
    assert not south.read(prj_id).html.select(".news"), "South has replaced it"
    for page in (north.read(prj_id), north.project(prj_id)):
        assert page.words(".news h2") == "Since you last saved, South office replaced your description"
        assert [page.words(".news del"), page.words(".news ins")] == ["[removed: North]", "[added: South]"]
    # Another person adds something while North looks.
    south.save(south.project(prj_id), goal="Also new")
    page = north.send(page.form(".news form"))
    record = ripple.get(prj_id)
    assert (record["description"], record["issue"], record["goal"]) == ("North's words", "New", "Also new")
    assert "Your description was saved" in page.receipt or "your description replaced" in page.receipt.lower()
    assert not page.html.select(".news")


def test_an_entry_and_a_field_are_brought_back_one_by_one(north, south, ripple, prj_id):
    north.save(north.project(prj_id), goal="North's", row_0_text="North's start")
    south.save(south.project(prj_id), goal="South's", row_0_text="South's start", row_2_text="New")
    page = north.read(prj_id)
    assert page.words(".news h2").endswith("South office replaced your goal and entry of the timeline")
    ticks = [tick["value"] for tick in page.html.select(".news input[type=checkbox]")]
    assert ticks == ['["/goal"]', '["/timeline", "a"]']
    north.send(page.form(".news form"), place=ticks[1])
    assert ripple.get(prj_id)["goal"] == "South's"
    assert texts(ripple.get(prj_id)) == ["North's start", "Visit", "New"]


def test_a_notice_is_put_aside(north, south, prj_id):
    north.save(north.project(prj_id), goal="North's")
    south.save(south.project(prj_id), goal="South's")
    page = north.read(prj_id)
    page = north.send(page.form(".news form"), press=f"/projects/{prj_id}/noted")
    assert not page.html.select(".news")
    south.save(south.project(prj_id), goal="South's again")
    assert "replaced your goal" in north.read(prj_id).words(".news h2"), "this is new"


def test_what_another_person_wrote_is_no_loss_of_mine(north, south, prj_id):
    south.save(south.project(prj_id), goal="South's")
    north.save(north.project(prj_id), issue="North's")
    south.save(south.project(prj_id), goal="South's other", row_2_text="New")
    assert not north.read(prj_id).html.select(".news")


def test_an_open_page_hears_of_others(north, south, prj_id):
    north.save(north.project(prj_id), goal="North's")
    page = north.project(prj_id)
    address = page.html.select_one("[data-news]")["data-news"]
    assert north.get(address).status == 204
    south.save(south.project(prj_id), goal="South's", issue="New")
    told = north.get(address)
    assert told.status == 200 and not told.html.select("html"), "a part of a page"
    said = " ".join(told.html.get_text().split())
    assert re.match(r"South office saved goal, issue on .*\. Your goal was replaced\.", said), said
    south.send(south.read(prj_id).form("#delete"))
    assert "This project was deleted meanwhile" in north.get(address).html.get_text()


def test_an_open_page_brings_back_what_was_replaced_and_keeps_what_is_newer(north, south, ripple, prj_id):
    north.save(north.project(prj_id), description="North's words")
    page = north.project(prj_id)
    address = page.html.select_one("[data-news]")["data-news"]
    south.save(south.project(prj_id), description="South's words")
    told = north.get(address)
    assert told.words("#lost h2") == "Since you last saved, South office replaced your description"
    assert [told.words("#lost del"), told.words("#lost ins")] == ["[removed: North]", "[added: South]"]
    assert told.headers["X-Version"] == "3" and north.get(address).headers["X-Version"] == "3", "there is no more to hear"
    # Another description is saved before North presses the button: it is replaced, and the receipt names it.
    south.save(south.project(prj_id), description="South's other words", issue="Newer")
    page = north.send(told.form("#lost form"))
    record = ripple.get(prj_id)
    assert (record["description"], record["issue"]) == ("North's words", "Newer")
    assert page.receipt == (
        "The issue that South office saved was kept; "
        "your description replaced the one that South office saved (“South's other words”)."
    )


# True sentences.


def test_a_removed_entry_that_was_edited_stays_and_the_sentence_says_so(north, south, ripple, prj_id):
    ours, theirs = north.project(prj_id), south.project(prj_id)
    north.save(ours, row_1_text="Inspection")
    page = south.save(theirs, row_1_remove="on")
    assert page.receipt == (
        "Your save changed nothing; "
        "the timeline entry “Inspection” that you removed stays, because North office changed it."
    )
    assert texts(ripple.get(prj_id)) == ["Kick-off", "Inspection"] and ripple.get(prj_id)["version"] == 2


def test_an_edited_entry_that_was_removed_is_back_and_the_sentence_says_so(north, south, ripple, prj_id):
    ours, theirs = north.project(prj_id), south.project(prj_id)
    north.save(ours, row_1_remove="on")
    page = south.save(theirs, row_1_text="Inspection")
    assert "the timeline entry “Inspection” that North office removed is back, because you changed it" in page.receipt
    assert texts(ripple.get(prj_id)) == ["Kick-off", "Inspection"]


def test_after_another_program_only_what_was_saved_since_is_told(north, south, ripple, table, ripple_switch, prj_id):
    for number in range(150):
        ripple.patch(prj_id, {"goal": f"Goal {number}"})
    south.save(south.project(prj_id), issue="Before")
    table.update_item(
        Key={"prj_id": prj_id},
        UpdateExpression="SET description = :text",
        ExpressionAttributeValues={":text": "By another program"},
    )
    page, other = north.project(prj_id), north.project(prj_id)
    address = page.html.select_one("[data-news]")["data-news"]
    assert "version=-" in address, "the state has no number yet"
    south.save(south.project(prj_id), term="7")
    south.save(south.project(prj_id), term_unit="week")
    said = " ".join(north.get(address).html.select_one("strong").get_text().split())
    assert re.fullmatch(r"South office saved unit of the term on .*; South office saved term on .*\.", said), said

    before = ripple_switch.count
    told = north.save(page, goal="North's")
    assert told.receipt == (
        "Your goal was saved; the term that South office saved was kept; "
        "the unit of the term that South office saved was kept."
    )
    assert ripple_switch.count - before == 3, "the save, one page of the history, and the project"
    # A form that was sent as it was shown.
    assert north.save(other).receipt == (
        "You had changed nothing, so nothing was saved; the goal that you saved was kept; "
        "the term that South office saved was kept; the unit of the term that South office saved was kept."
    )


# Differences.


def test_the_last_word_of_a_long_text_is_what_the_history_shows(north, prj_id):
    north.save(north.project(prj_id), description=f"{LONG}Today")
    north.save(north.project(prj_id), description=f"{LONG}Tomorrow")
    change = north.get(f"/projects/{prj_id}/history").html.select_one("#version-3 .changes li")
    [old], [new] = change.select("del"), change.select("ins")
    assert old.get_text() == "[removed: Today]" and new.get_text() == "[added: Tomorrow]"
    assert len(change.get_text()) < 200 and "and keep one. " in change.get_text()
    # The words of the marks are for screen readers, and the marks for the eye.
    assert old.select_one(".unseen").get_text() == "[removed: "


def test_a_change_of_line_ends_only_is_shown_as_such(north, ripple, prj_id):
    ripple.patch(prj_id, {"description": "one\ntwo\nthree"})
    ripple.patch(prj_id, {"description": "one\r\ntwo\r\nthree"})
    change = north.get(f"/projects/{prj_id}/history").html.select_one("#version-3 .changes li").get_text()
    assert "only line ends changed" in change
    assert "[removed: line end" in change and "[added: line end of Windows" in change


def test_a_difference_of_any_size_is_shown_in_time(north, ripple, prj_id):
    words = [secrets.token_hex(2) for _ in range(30_000)]
    ripple.patch(prj_id, {"description": " ".join(words)})
    ripple.patch(prj_id, {"description": " ".join(words[::-1])})
    ripple.patch(prj_id, {"description": "a b " * 40_000})
    ripple.patch(prj_id, {"description": "b a c " * 30_000})
    page = north.get(f"/projects/{prj_id}/history")
    assert page.status == 200 and len(page.text) < 60_000


# The list.


def test_a_list_has_its_total_and_the_pages_before(app, ripple):
    mark = f"buoy{secrets.token_hex(4)}"
    for n in range(60):
        ripple.create(FIELDS | {"name": f"Project {n:02}", "issue": mark})
    visitor = app.visitor()
    first = visitor.get("/", q=mark, sort="name")
    assert first.words("[data-total]").startswith(f"1 to 25 of 60 projects with “{mark}”.")
    assert not first.html.select("a[rel=prev]")
    second = visitor.get(first.link("Next page"))
    third = visitor.get(second.link("Next page"))
    assert [page.words("[data-total]").split(" of ")[0] for page in (second, third)] == ["26 to 50", "51 to 60"]
    assert not third.html.select("a[rel=next]")
    for page, before in ((third, second), (second, first)):
        again = visitor.get(page.link("Previous page"))
        for part in ("tbody", "[data-total]"):
            assert again.words(part) == before.words(part)
    assert visitor.get("/", q=mark + "x").words("[data-total]").startswith("No projects with")


def test_a_column_sorts_and_says_so(app, ripple):
    mark = f"column{secrets.token_hex(4)}"
    for name, term in (("B", 10), ("C", 9), ("A", 30)):
        ripple.create(FIELDS | {"name": name, "term": term, "goal": mark})
    visitor = app.visitor()

    def names(page):
        return [a.get_text() for a in page.html.select("tbody th a")]

    page = visitor.get("/", q=mark)
    assert [th.get("aria-sort") for th in page.html.select("thead th")] == [None, None, None, None, "descending"]
    for column, expected, sorting in (
        ("Project", ["A", "B", "C"], "ascending"),
        ("Project", ["C", "B", "A"], "descending"),
        ("Term", ["C", "B", "A"], "ascending"),
        ("Created", None, "descending"),
    ):
        [link] = [a for a in page.html.select("thead a") if a.get_text().startswith(column)]
        page = visitor.get(link["href"])
        assert names(page) == (expected or names(page)) and page.words("[data-total]").startswith("3 projects")
        [sorted_by] = page.html.select("thead [aria-sort]")
        assert sorted_by["aria-sort"] == sorting and sorted_by.get_text().startswith(column)


def test_a_deleted_project_is_found_without_its_id_and_brought_back(north, ripple):
    name = f"Lost {secrets.token_hex(4)}"
    prj_id = ripple.create(FIELDS | {"name": name})["prj_id"]
    north.save(north.project(prj_id), issue="Soon gone")
    gone = north.send(north.read(prj_id).form("#delete"))
    page = north.get(gone.link("Deleted projects"))
    assert page.path == "/deleted" and page.words("nav[aria-label=Main] [aria-current]") == "Deleted"
    [one] = [li for li in page.html.select("ul.history > li") if name in li.get_text()]
    assert page.html.select("ul.history > li")[0] is one, "the newest comes first"
    assert f"/projects/{prj_id}/history" in one.select_one("a")["href"]
    fields = {field["name"]: field["value"] for field in one.select("form input")}
    back = north.post(one.select_one("form")["action"], fields)
    assert back.receipt == "The project is back as it was in version 2." and ripple.get(prj_id)["issue"] == "Soon gone"
    assert name not in north.get("/deleted").words()


# The timeline.


def test_the_timeline_is_ordered_by_date_and_by_hand_without_javascript(north, ripple, prj_id):
    entries = [("c", "2027-03-01"), ("a", "2026-01-01"), ("none", None), ("b", "2026-06-01")]
    timeline = [{"id": name, "text": name} | ({"date": date} if date else {}) for name, date in entries]
    ripple.patch(prj_id, {"timeline": timeline})
    page = north.send(north.project(prj_id).form("#edit"), press="by-date", goal="typed")
    assert page.form("#edit").filled()["goal"] == "typed"
    page = north.save(page)
    assert page.receipt == "The timeline is in the order that you gave it; your goal was saved."
    assert texts(ripple.get(prj_id)) == ["a", "none", "b", "c"], "an entry without a date follows the one before"
    page = north.send(north.project(prj_id).form("#edit"), press="up 3")
    page = north.send(page.form("#edit"), press="up 3")
    page = north.send(page.form("#edit"), press="down 0")
    assert north.save(page).status == 200
    assert texts(ripple.get(prj_id)) == ["c", "a", "none", "b"]


def test_an_entry_has_several_lines(north, ripple, prj_id):
    page = north.save(north.project(prj_id), row_2_text="One\nTwo\n  three", row_0_text="Kick-off\nat ten")
    assert texts(ripple.get(prj_id)) == ["Kick-off\nat ten", "Visit", "One\nTwo\n  three"]
    assert "Two\n  three" in page.html.select(".read .what")[2].get_text()
    north.save(page, goal="Untouched")
    assert texts(ripple.get(prj_id)) == ["Kick-off\nat ten", "Visit", "One\nTwo\n  three"]


# Names, required fields, messages.


def test_a_project_without_a_name_is_not_registered(north):
    page = north.send(north.get("/new").form("#edit"), **FIELDS | {"name": "  "})
    assert page.status == 400 and page.words("#field-name .fault") == "Name is required."
    assert page.html.select_one("#field-name input").has_attr("required")
    fault = page.html.select_one("#alarm a")
    assert page.html.find(id=fault["href"][1:])["aria-invalid"] == "true", "the message leads to the field"


def test_the_breadcrumb_and_the_titles_have_the_name(north, ripple):
    name = "word" * 225
    prj_id = ripple.create(FIELDS | {"name": name})["prj_id"]
    ripple.patch(prj_id, {"goal": "Changed"})
    for path in ("", "/edit", "/history", "/history/1"):
        page = north.get(f"/projects/{prj_id}{path}")
        crumbs = page.words("nav[aria-label=Breadcrumb]")
        assert "wordword" in crumbs and prj_id not in crumbs, path
        assert all(len(li.get_text()) <= 60 for li in page.html.select("nav[aria-label=Breadcrumb] li"))
        assert prj_id not in page.html.title.get_text() and len(page.html.title.get_text()) < 120
        assert not page.html.select(".bar h1"), "a long name does not stick to the top"


def test_every_page_has_one_heading_of_the_first_level(north, prj_id):
    paths = ["/", "/new", "/deleted", "/import", "/nowhere", "/projects/absent", "/?cursor=x"]
    paths += [f"/projects/{prj_id}{path}" for path in ("", "/edit", "/history", "/history/1", "/history/99")]
    for path in paths:
        assert len(north.get(path).html.select("h1")) == 1, path
    north.send(north.read(prj_id).form("#delete"))
    page = north.read(prj_id)
    assert page.status == 410 and page.words("h1") == "This project was deleted"


def test_a_save_that_could_not_be_sent_says_that_nothing_was_sent(tmp_path, north, ripple, prj_id):
    secret = "x" * 32
    with App(tmp_path, _setting("RIPPLE_URL"), _setting("RIPPLE_KEY"), FLASK_SECRET_KEY=secret) as running:
        visitor = running.visitor("North office")
        form = visitor.project(prj_id).form("#edit").filled() | {"goal": "Typed"}
        with deaf_url() as url, App(tmp_path, url, "rpl_key", FLASK_SECRET_KEY=secret) as cut_off:
            # The same visitor of the same app, whose ripple has gone. Cookies have no port.
            visitor.url = cut_off.url
            page = visitor.post(f"/projects/{prj_id}", form, {"Origin": cut_off.url})
    assert page.status == 502 and kept(page, goal="Typed")
    assert page.alarm == (
        "ripple cannot be reached. There was no connection, so nothing was sent. "
        "Nothing was saved. Your text is still here."
    )
    assert ripple.get(prj_id)["version"] == 1
