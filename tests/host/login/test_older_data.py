"""Values that earlier versions stored as JSON with devices, changes, shares and sessions can still be read."""

import pytest

from dsc_host.login import json_column
from dsc_host.login.devices.kinds import DeviceData
from dsc_host.login.devices.kinds.code_card import OpenIndexes, SheetData
from dsc_host.login.devices.kinds.phone_app import AppData
from dsc_host.login.devices.kinds.sent_code import NumberData
from dsc_host.login.devices.waits import NewCard, NewNumber, OptOut
from dsc_host.login.model import Identity
from dsc_host.login.protection.sharing import ShareData
from dsc_host.login.signin.session_data import ActivationData, AskedNumber, AskedProof, Call, LoginData, OfferData, OpenData


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
        ('{"address":"192.0.2.1"}', LoginData(address="192.0.2.1")),
        (
            '{"address":"","keeps":{"challenge":"c1"},"left":3,"shows":{"challenge":"482913"}}',
            OfferData(address="", keeps={"challenge": "c1"}, left=3, shows={"challenge": "482913"}),
        ),
        ('{"digest":"7b7c","tries":2}', ActivationData(digest="7b7c", tries=2)),
        ('{"idle_is_fine":false}', OpenData()),
        (
            '{"called":{"until":1e3,"user":"u1"},"idle_is_fine":true,"phone":null,"proof":null,"proven_at":5.5}',
            OpenData(idle_is_fine=True, proven_at=5.5, called=Call("u1", 1000)),
        ),
        (
            '{"called":null,"idle_is_fine":false,"phone":{"digest":"7b","number":"+41791234567","tries":1,"until":9.5},'
            '"proof":{"about":"","device":"d1","keeps":{"challenge":"c1"},"purpose":"pin","shows":{},"tries":0},"proven_at":0.0}',
            OpenData(
                phone=AskedNumber("+41791234567", "7b", 9.5, 1), proof=AskedProof("pin", "d1", "", {"challenge": "c1"}, {}, 0)
            ),
        ),
    ],
)
def test_values_of_an_earlier_version_are_read(text: str, values: object) -> None:
    assert json_column.read(type(values), text) == values
