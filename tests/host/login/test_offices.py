"""The offices: each country has one office, and the single office of the simple keys serves everybody."""

from pathlib import Path

import pytest
from tests.checkout import ROOT
from tests.host.login.scenario import PASSWORD, new_scenario
from tests.host.verifier_samples import Clock

from dsc_host.errors import InputError
from dsc_host.login import Kind, Loss, NotIn, Policy
from dsc_host.login.policy.offices import Office, Telephone

EXAMPLE = ROOT / "docs" / "examples" / "offices.toml"


def test_the_example_has_the_published_regions_with_their_languages() -> None:
    contact = Policy.load(EXAMPLE).contact
    served = {country: contact.office(country).name for country in ("US", "CA", "DE", "RU", "HK", "CN", "AU", "JP", "BR")}
    assert served == {
        "US": "United States and Canada", "CA": "United States and Canada", "DE": "Europe", "RU": "Europe", "HK": "Asia",
        "CN": "Asia", "AU": "Australia", "JP": "Japan", "BR": "United States and Canada",
    }  # fmt: skip
    languages = {office.name: [*(phone.languages for phone in office.telephones)] for office in contact.all_offices()}
    assert languages["Asia"] == [("yue",), ("zh",)]
    assert languages["Japan"] == [("en",), ("ja",)]
    assert all(office.address for office in contact.all_offices())


def test_without_offices_the_two_lines_are_the_office_of_everybody() -> None:
    contact = Policy.of({"contact": {"support": "+41 41 000 00 01, 8 to 18", "returns": "1 Example Lane, Zug"}}).contact
    assert contact.office("JP") == Office(
        "", ("1 Example Lane, Zug",), (Telephone("+41 41 000 00 01, 8 to 18"),), default=True
    )  # fmt: skip
    assert Policy.default().contact.office() == Office("", (), default=True)


def test_a_user_is_served_by_the_office_of_their_residence_also_without_a_device(clock: Clock) -> None:
    with new_scenario(clock, contact=_offices("CH", "DE")) as scenario:
        assert scenario.system.office(scenario.session("anna")).name == "CH"
        scenario.lose("anna", "IB3000901", Loss.MISPLACED)
        assert scenario.system.office(scenario.system.begin("anna", PASSWORD).token).name == "CH"
        assert scenario.system.office(scenario.chosen("ben", Kind.SMS).token).name == "CH"
        assert scenario.system.office(scenario.session("carl")).name == "DE"
        with pytest.raises(NotIn):
            scenario.system.office("nobody's token")


def _offices(*countries: str) -> dict[str, object]:
    """Return a table `contact` with an office for each country; the last is the default."""
    return {
        "offices": [
            {"name": country, "address": [country], "countries": [country], "default": country == countries[-1]}
            for country in countries
        ]
    }


ONE = '[[contact.offices]]\nname = "A"\ndefault = true\n'
TWO = f'{ONE}address = ["1 Lane"]\ncountries = ["CH"]\n[[contact.offices]]\nname = "B"\n'
MISTAKES = {
    f'{TWO}address = ["2 Lane"]\ncountries = ["CH"]': "[[contact.offices]] CH is served by two offices; name each country once",
    f'{TWO}address = ["2 Lane"]\ndefault = true': "[[contact.offices]] exactly one office must have default = true",
    TWO: "[contact] offices address: is missing",
    f'{ONE}address = "1 Lane"': "[contact] offices address: must be a list",
    f'{ONE}address = ["1 Lane\\nZug"]': "[[contact.offices]] A: address: must be at most 12 lines of 1 to 200 characters",
    f'{ONE}address = []\ncolor = "red"': "[contact] offices color: there is no such key",
    f'{ONE}address = []\ncountries = ["Switzerland"]': "[[contact.offices]] A: countries: must be codes of two capital letters",
    f'{ONE}address = []\ntelephones = [{{number = ""}}]': "[[contact.offices]] A: telephones: must be at most 12 lines",
    f'{ONE}address = []\ntelephones = [{{number = "1", languages = ["German"]}}]': (
        "[[contact.offices]] A: languages: must be codes of two or three small letters"
    ),
    '[contact]\noffices = ["Zug"]': "[contact] offices: must be tables",
    f'[contact]\nsupport = "1"\n{ONE}address = []': "[contact]: support and returns describe the only office; leave them out",
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), MISTAKES.items(), ids=[*map(str, range(len(MISTAKES)))])
def test_a_mistake_in_the_offices_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(InputError) as refusal:
        Policy.load(file)
    assert str(refusal.value).startswith(f"policy: {file}: {told}")
