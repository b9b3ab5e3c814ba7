"""What the page /app does with writes that the server refused: no text is lost, and nothing of others is undone unseen."""

from decimal import Decimal

from playwright.sync_api import expect

from chromium import browsers, playwright  # noqa: F401
from edge import wait_for
from test_app import dev, field, garden, save, save_as, serve, sign_in  # noqa: F401


def test_saving_a_record_whose_deletion_was_refused_deletes_nothing(dev, browsers, garden):
    page = browsers()
    page.on("dialog", lambda dialog: dialog.accept())
    main = sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    switch = page.get_by_role("switch", name="Offline")
    expect(field(page, "Goal")).to_be_visible()
    switch.click()
    page.get_by_role("button", name="Delete this project").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    save_as(dev, "Bo", garden, {"issue": "Slugs"})
    switch.click()
    page.get_by_role("link", name="1 change needs you").click()
    main.get_by_role("button", name="Open").click()
    refusal = main.get_by_text("This project was changed after you decided to delete it.")
    expect(refusal).to_be_visible()
    field(page, "Goal").fill("Peas")
    save(page)
    expect(main.get_by_text("Your goal was saved.")).to_be_visible()
    expect(refusal).to_be_visible()
    found = dev.ripple().get(garden)
    assert (found["goal"], found["issue"]) == ("Peas", "Slugs")
    page.get_by_role("link", name="1 change needs you").click()
    main.get_by_role("button", name="Delete all the same").click()
    wait_for(lambda: page.wait_for_timeout(20) or dev.ripple().call("GET", f"/prj/{garden}").status == 410)


def task(dev, ref):
    """Creates a task. The page does not check `multipleOf`, so the server refuses a cost that has three digits."""
    body = {"ref": ref, "subject": "Dig", "state": "todo", "cost": 1, "labels": ["first"]}
    assert dev.ripple().call("POST", "/task", body).status == 201


def refused(dev, browsers, ref):
    """Creates a task, and lets Ann make an edit of it that is refused. Returns her page and its content."""
    task(dev, ref)
    page = browsers()
    main = sign_in(page, dev, "Ann", f"#/record/task/{ref}")
    field(page, "Labels").fill("first\nmine")
    field(page, "Cost").fill("0.001")
    save(page)
    expect(main.locator("[data-member=cost] .fault")).to_contain_text("Cost must be")
    return page, main


def test_a_refused_edit_is_corrected_on_what_its_author_saw(dev, browsers):
    page, main = refused(dev, browsers, "refused")
    save_as(dev, "Bo", "refused", {"subject": "Rake", "labels": ["first", "theirs"], "cost": 5}, "task")
    # The rest of the form follows, and the refused text stays in it. A page that is opened later shows the same.
    expect(field(page, "Subject")).to_have_value("Rake")
    expect(field(page, "Cost")).to_have_value("0.001")
    page.reload()
    expect(field(page, "Subject")).to_have_value("Rake")
    expect(field(page, "Cost")).to_have_value("0.001")
    field(page, "Cost").fill("0.02")
    save(page)
    expect(main.get_by_text("Bo’s change to the cost was replaced by yours.")).to_be_visible()
    expect(page.get_by_role("link", name="All saved")).to_be_visible()
    found = dev.ripple().call("GET", "/task/refused").json()
    assert (found["subject"], found["cost"]) == ("Rake", Decimal("0.02"))
    assert sorted(found["labels"]) == ["first", "mine", "theirs"]


def test_text_that_was_typed_before_a_refusal_came_stays(dev, browsers):
    task(dev, "typed")
    page, late = browsers(), []
    page.route("**/task/*", lambda route: late.append(route) if route.request.method == "PATCH" else route.continue_())
    main = sign_in(page, dev, "Ann", "#/record/task/typed")
    field(page, "Labels").fill("first\nmine")
    field(page, "Cost").fill("0.001")
    save(page)
    wait_for(lambda: page.wait_for_timeout(20) or late)
    field(page, "Cost").fill("0.5")
    field(page, "Labels").fill("first\nmine\nmore")
    late.pop().continue_()
    expect(main.locator("[data-member=cost] .fault")).to_contain_text("Cost must be")
    expect(field(page, "Cost")).to_have_value("0.5")
    save(page)
    wait_for(lambda: page.wait_for_timeout(20) or late)
    late.pop().continue_()
    expect(main.get_by_text("Your cost was saved; in your labels, 2 entries were added.")).to_be_visible()
    found = dev.ripple().call("GET", "/task/typed").json()
    assert (found["cost"], found["labels"]) == (Decimal("0.5"), ["first", "mine", "more"])


def test_a_page_that_shows_only_refused_text_is_left_without_a_question(dev, browsers):
    page, main = refused(dev, browsers, "left")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.get_by_role("link", name="1 change needs you").click()
    expect(page.get_by_role("heading", name="What waits", exact=True)).to_be_visible()
    assert not asked
    main.get_by_role("button", name="Open").click()
    expect(field(page, "Cost")).to_have_value("0.001")
    # What is typed beside or over the refused text is nowhere else.
    field(page, "Cost").fill("0.002")
    page.get_by_role("link", name="1 change needs you").click()
    wait_for(lambda: page.wait_for_timeout(20) or asked)
    expect(field(page, "Cost")).to_have_value("0.002")


def test_dropping_a_refused_edit_keeps_what_was_typed_since(dev, browsers):
    page, main = refused(dev, browsers, "dropped")
    field(page, "Subject").fill("Rake")
    field(page, "Labels").fill("first\nmine\nmore")
    main.get_by_role("button", name="Drop my change").click()
    expect(main.get_by_text("Your change was dropped.")).to_be_visible()
    expect(field(page, "Cost")).to_have_value("1")
    expect(field(page, "Subject")).to_have_value("Rake")
    save(page)
    wait_for(lambda: page.wait_for_timeout(20) or dev.ripple().call("GET", "/task/dropped").json()["subject"] == "Rake")
    found = dev.ripple().call("GET", "/task/dropped").json()
    assert (found["cost"], found["labels"]) == (1, ["first", "mine", "more"])


def test_an_edit_that_is_sent_again_unseen_names_what_it_replaces(dev, browsers, garden):
    page, ripple = browsers(), dev.ripple()
    page.on("dialog", lambda dialog: dialog.accept())
    main = sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    switch = page.get_by_role("switch", name="Offline")
    expect(field(page, "Goal")).to_be_visible()
    switch.click()
    field(page, "Goal").fill("Peas")
    save(page)
    ripple.delete(garden)
    switch.click()
    page.get_by_role("link", name="1 change needs you").click()
    expect(main.get_by_text("This project was deleted before your change arrived.")).to_be_visible()
    ripple.restore(garden, 1)
    save_as(dev, "Bo", garden, {"goal": "Beans by May", "issue": "Slugs"})
    # The device reads what is there now. The form shows the own goal in its place.
    main.get_by_role("button", name="Open").click()
    expect(field(page, "Issue")).to_have_value("Slugs")
    expect(field(page, "Goal")).to_have_value("Peas")
    page.get_by_role("link", name="1 change needs you").click()
    main.get_by_role("button", name="Send again").click()
    expect(main.get_by_text("Bo’s change to the goal was replaced by yours.")).to_be_visible()
    assert ripple.get(garden)["goal"] == "Peas"
