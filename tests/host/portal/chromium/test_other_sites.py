"""Links and forms of other sites, as a browser treats them."""

from tests.host.portal.chromium.walk import Walk


def test_a_link_from_another_site_keeps_the_login_and_a_form_from_there_changes_nothing(walk: Walk) -> None:
    walk.begin("anna")
    walk.press("Log in", Response=walk.card("anna", walk.read))
    for content in (
        f'<a href="{walk.address}/devices">out</a>',
        f'<form method="post" action="{walk.address}/logout"><button>out</button></form>',
        f'<a href="{walk.address}/">out</a>',
    ):
        walk.page.goto("about:blank")
        walk.page.set_content(content)
        with walk.page.expect_navigation():
            walk.page.get_by_text("out").click()
    assert walk.title == walk._("Overview")
