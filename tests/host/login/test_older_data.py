"""The values that earlier versions kept with devices, changes and shares are read, as literal JSON."""

import pytest

from dsc_host.login import json_column
from dsc_host.login.devices.kinds import DeviceData
from dsc_host.login.devices.kinds.code_card import OpenIndexes, SheetData
from dsc_host.login.devices.kinds.phone_app import AppData
from dsc_host.login.devices.kinds.sent_code import NumberData
from dsc_host.login.devices.waits import NewCard, NewNumber, OptOut
from dsc_host.login.model import Identity
from dsc_host.login.protection.sharing import ShareData


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{}", DeviceData()),
        ('{"number":"+41791234567"}', NumberData("+41791234567")),
        (
            '{"label":"PH2F","serials":{"biometrics":"PH2F-B","pin":"PH2F-P"},"token":"7b7c"}',
            AppData("PH2F", {"pin": "PH2F-P", "biometrics": "PH2F-B"}, "7b7c"),
        ),
        # A new sheet; with open indexes; answered; and one from when the policy said how many codes there are.
        ('{"asked":"","codes":224,"label":"542898","letters":4}', SheetData("", "542898", 224, 4)),
        (
            '{"asked":"0010","codes":224,"label":"542898","letters":4,"open":{"indexes":[146,88],"wrong":1}}',
            SheetData("0010", "542898", 224, 4, OpenIndexes((146, 88), 1)),
        ),
        ('{"asked":"0010","codes":8,"label":"1","letters":3,"open":null}', SheetData("0010", "1", 8, 3)),
        ('{"asked":"0010","label":"1"}', SheetData("0010", "1")),
        ('{"number":"+41795550123"}', NewNumber("+41795550123")),
        ('{"card":"9aecdeac9dfbf17c","label":"542898"}', NewCard("9aecdeac9dfbf17c", "542898")),
        ('{"card":"9aecdeac9dfbf17c"}', NewCard("9aecdeac9dfbf17c")),
        ("{}", OptOut()),
        (
            '{"birth_date":"1980-12-31","citizenship":"CH","document_number":"X1","document_type":"passport","residence":"DE"}',
            Identity("1980-12-31", "CH", "DE", "passport", "X1"),
        ),
        ("{}", ShareData()),
        ('{"parked":["a5963b24597c882c"]}', ShareData(("a5963b24597c882c",))),
        ('{"parked":[]}', ShareData()),
    ],
)
def test_values_of_an_earlier_version_are_read(text: str, values: object) -> None:
    assert json_column.read(type(values), text) == values
