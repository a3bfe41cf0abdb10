"""The one way out: https to a known host at a public address, and not a step further."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import IPv6Address, ip_address
from typing import Final

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.notify import transport as module
from edp.notify.port import Answer
from edp.notify.transport import Reply, Transport, Way, is_public
from tests.notify.receivers import HANG, PAGERDUTY, RESET, Receiver, receiving
from tests.notify.receivers import Reply as Scripted

SECRET: Final = "canary-T0-B0-do-not-tell"  # noqa: S105 (a canary)
URL: Final = f"https://{PAGERDUTY}/services/{SECRET}"


def transport(receiver: Receiver, way: Way | None = None) -> Transport:
    return Transport(frozenset({PAGERDUTY}), secrets=(SECRET,), way=way or receiver.way())


def test_a_document_arrives_at_the_host_that_was_named(receiver: Receiver) -> None:
    reply = transport(receiver).post(URL, {"a": "ü"})

    (request,) = receiver.requests
    assert reply.status == 202
    assert (request.host, request.path) == (PAGERDUTY, f"/services/{SECRET}")
    assert request.body == {"a": "ü"}


@pytest.mark.parametrize(
    "url",
    [
        "http://events.pagerduty.com/",
        "https://example.org/",
        "https://events.pagerduty.com.example.org/",
        "https://events.pagerduty.com@example.org/",
        "https://user:word@events.pagerduty.com/",
        "ftp://events.pagerduty.com/",
        "https:///",
    ],
)
def test_another_address_is_never_asked_for(receiver: Receiver, url: str) -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[module.Endpoint]:
        asked.append(host)
        return [(ip_address("127.0.0.1"), receiver.port)]

    reply = transport(receiver, replace(receiver.way(), resolve=resolve)).post(url, {})

    assert (reply.status, reply.may_pass) == (0, False)
    assert (asked, receiver.requests) == ([], [])


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.8", "169.254.169.254", "100.64.0.1", "::1", "fe80::1", "0.0.0.0"],  # noqa: S104 (an address to refuse)
)
def test_a_host_with_an_address_that_is_not_public_is_not_connected_to(
    receiver: Receiver, address: str
) -> None:
    both = [(ip_address("93.184.216.34"), receiver.port), (ip_address(address), receiver.port)]
    way = replace(Way(), resolve=lambda _host, _port: both)

    reply = transport(receiver, way).post(URL, {})

    assert "not public" in reply.text
    assert receiver.requests == []


@given(st.ip_addresses(v=4))
def test_an_address_within_another_is_no_way_around(address: object) -> None:
    mapped = IPv6Address(f"::ffff:{address}")
    translated = IPv6Address(int(IPv6Address("64:ff9b::")) + int(ip_address(str(address))))

    inner = is_public(ip_address(str(address)))

    assert is_public(mapped) <= inner
    assert is_public(translated) <= inner


def test_the_name_is_looked_up_once_and_the_checked_address_is_used(receiver: Receiver) -> None:
    answers = [[(ip_address("127.0.0.1"), receiver.port)], [(ip_address("192.0.2.1"), 9)]]
    way = replace(receiver.way(), resolve=lambda _host, _port: answers.pop(0))

    reply = transport(receiver, way).post(URL, {})

    assert reply.status == 202
    assert len(answers) == 1


def test_a_server_whose_certificate_is_for_another_name_gets_nothing() -> None:
    with receiving("elsewhere.example.org") as other:
        reply = transport(other).post(URL, {"secret": 1})

        assert (reply.status, reply.may_pass) == (0, True)
        assert "CERTIFICATE_VERIFY_FAILED" in reply.text
        assert other.requests == []


def test_a_server_of_an_unknown_authority_gets_nothing(receiver: Receiver) -> None:
    way = replace(receiver.way(), trust=Way().trust)

    reply = transport(receiver, way).post(URL, {"secret": 1})

    assert "CERTIFICATE_VERIFY_FAILED" in reply.text
    assert receiver.requests == []


def test_a_redirect_is_a_refusal(receiver: Receiver) -> None:
    receiver.script[PAGERDUTY] = [Scripted(302, headers={"Location": URL})]

    answer = transport(receiver).post(URL, {}).answer(accepted=202)

    assert answer.outcome == "refused"
    assert len(receiver.requests) == 1


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert transport(receiver).post(URL, {}).status == 202


@pytest.mark.parametrize(
    ("reply", "outcome", "after_s"),
    [
        (Scripted(202), "delivered", None),
        (Scripted(400, "invalid"), "refused", None),
        (Scripted(403, "action_prohibited"), "refused", None),
        (Scripted(404, "no_service"), "refused", None),
        (Scripted(408), "later", None),
        (Scripted(429, headers={"Retry-After": "7"}), "later", 7.0),
        (Scripted(429), "later", None),
        (Scripted(500, "oops"), "later", None),
        (Scripted(503, headers={"Retry-After": "1"}), "later", 1.0),
        (RESET, "later", None),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_what_comes_back_says_whether_to_try_again(
    receiver: Receiver, reply: Scripted, outcome: str, after_s: float | None
) -> None:
    receiver.script[PAGERDUTY] = [reply]

    answer = transport(receiver).post(URL, {}).answer(accepted=202)

    assert (answer.outcome, answer.after_s) == (outcome, after_s)


def test_a_date_to_try_again_is_understood(receiver: Receiver) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    receiver.script[PAGERDUTY] = [Scripted(429, headers={"Retry-After": at})]

    reply = transport(receiver).post(URL, {})

    assert reply.after_s is not None
    assert 60 < reply.after_s <= 90


def test_a_server_that_says_nothing_is_left_after_a_while(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TIMEOUT", httpx.Timeout(0.2))
    receiver.script[PAGERDUTY] = [HANG]

    reply = transport(receiver).post(URL, {})

    assert (reply.status, reply.may_pass) == (0, True)
    assert "Timeout" in reply.text


def test_a_host_without_an_address_may_get_one_later(receiver: Receiver) -> None:
    def resolve(host: str, port: int) -> list[module.Endpoint]:
        raise OSError(f"no address for {host}:{port}")

    reply = transport(receiver, replace(receiver.way(), resolve=resolve)).post(URL, {})

    assert reply.answer(accepted=202).outcome == "later"


def test_a_secret_is_in_no_answer_and_in_no_log(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.script[PAGERDUTY] = [Scripted(400, f"no such hook: {SECRET}")]
    here = transport(receiver)

    replies = [here.post(URL, {}), here.post(URL.replace(PAGERDUTY, "example.org"), {})]

    said = " ".join([reply.text for reply in replies] + caplog.messages + [repr(here)])
    assert "no such hook: ***" in replies[0].text
    assert SECRET not in said


def test_a_long_reply_is_cut(receiver: Receiver) -> None:
    receiver.script[PAGERDUTY] = [Scripted(400, "x" * 1_000_000)]

    reply = transport(receiver).post(URL, {})

    assert len(reply.text) <= 200


@given(status=st.integers(200, 599), text=st.text())
def test_only_the_expected_status_is_success(status: int, text: str) -> None:
    answer = Reply(status, text).answer(accepted=202)

    assert (answer.outcome == "delivered") == (status == 202)
    assert isinstance(answer, Answer)
