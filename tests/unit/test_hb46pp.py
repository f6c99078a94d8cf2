"""HB46PP: the TXT record, the request, and answers good and hostile."""

import json

import provisioning_data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provisioning_data import REASONS

from dualwan.errors import MapeError, RemoteError
from dualwan.line.provisioning import hb46pp
from dualwan.line.provisioning.answer import MAX_TTL, MIN_TTL, ce_parameters, usable

REFUSED = provisioning_data.refused()
PREFIX = "2001:db8:1:2abc::/64"


def good(name):
    """Parse an answer that is taken."""
    return hb46pp.parse(provisioning_data.good(name), "https://vne.example/rule")


def test_an_answer_with_every_way():
    """The specification's own example, read whole."""
    answer = good("every-way")
    ce = ce_parameters(answer, PREFIX)
    assert (str(ce.ipv4), ce.psid, ce.psid_length) == ("203.0.113.171", 12, 4)
    assert str(ce.ce) == "2001:db8:1:2abc:cb:71:ab00:c00"  # draft-03: no version is version 0
    assert str(ce.br) == "2001:db8:1::1"
    assert (ce.rule.provider, ce.rule.source) == (
        "hb46pp",
        "A VNE Highspeed 4over6, https://vne.example/rule",
    )
    assert (answer.ttl, answer.token[:4]) == (86400, "6407")


def test_version_1_is_the_layout_of_the_rfc():
    """And a ttl over seven days is cut to that."""
    answer = good("rfc")
    assert str(ce_parameters(answer, PREFIX).ce) == "2001:db8:1:2abc:0:cb00:71ab:c"
    assert answer.ttl == MAX_TTL


def test_the_longest_rule_counts_and_unknown_keys_do_not():
    """Of two rules that cover the prefix; a ttl of 0 does not make us ask at every event."""
    answer = good("longest-of-two")
    assert str(ce_parameters(answer, PREFIX).ipv4) == "203.0.113.171"
    assert str(ce_parameters(answer, "2001:db8:1:3000::/64").ipv4) == "198.51.100.0"
    assert answer.ttl == MIN_TTL


def test_an_address_that_is_not_shared():
    """EA bits that complete the address and no more: no PSID, a name in Japanese."""
    ce = ce_parameters(good("whole-address"), PREFIX)
    assert (str(ce.ipv4), ce.shared) == ("203.0.113.188", False)


def test_other_services_than_map_e():
    """They are no reason to refuse the answer, and the line has no rule by them."""
    answer = good("dslite-and-ipip")
    assert not answer.rules
    with pytest.raises(RemoteError, match="none of its 0 rules covers"):
        usable(answer, (PREFIX,))


@pytest.mark.parametrize("name", ["nothing-offered"])
def test_what_is_not_offered_gives_no_rule(name):
    """`order` says what is offered; what is not in it does not count."""
    assert not good(name).rules
    text = json.loads(provisioning_data.good("rfc")) | {"order": ["dslite"]}
    assert not hb46pp.parse(json.dumps(text)).rules


def test_a_rule_for_another_prefix():
    """It is right to the letter, and not for this line."""
    with pytest.raises(RemoteError, match="none of its 1 rules covers 2001:db8:2::/64"):
        usable(good("rfc"), ("2001:db8:2::/64",))
    with pytest.raises(RemoteError, match="too short"):
        usable(good("rfc"), ("2001:db8:1:2a00::/56",))


def test_two_rules_that_contradict_each_other():
    """Nobody can say which one is meant."""
    text = json.loads(provisioning_data.good("rfc"))
    other = text["map_e"]["rules"][0] | {"ipv4": "198.51.100.0/24"}
    text["map_e"]["rules"].append(other)
    with pytest.raises(MapeError, match="two rules that differ"):
        ce_parameters(hb46pp.parse(json.dumps(text)), PREFIX)


@pytest.mark.parametrize("name", {**REASONS, **REFUSED})
def test_an_answer_against_the_specification_is_refused(name):
    """One printable line, without a control character of the answer's."""
    with pytest.raises(RemoteError) as caught:
        hb46pp.parse(REFUSED[name])
    assert str(caught.value).startswith(REASONS[name])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 250


def test_an_answer_that_is_too_long_is_refused():
    """Refused by its length, unread."""
    with pytest.raises(RemoteError, match="longer than 65536 bytes"):
        hb46pp.parse(b'{"order": [' + b" " * 5_000_000 + b"]}")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["map_e", "2001:db8::/32", "203.0.113.0/24", "::1", "2001:db8::1"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "order",
                    "map_e",
                    "br",
                    "rules",
                    "ipv6",
                    "ipv4",
                    "ea_length",
                    "ttl",
                    "psid_offset",
                    "version",
                    "dslite",
                    "aftr",
                    "ipip",
                    "token",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


def only_the_documented_error(text):
    """Parse TEXT; whatever goes wrong is a RemoteError of one printable line."""
    ttl, reason = MIN_TTL, ""
    try:
        ttl = hb46pp.parse(text).ttl
    except RemoteError as error:
        reason = str(error)
    assert reason.isprintable()
    assert MIN_TTL <= ttl <= MAX_TTL


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    """Any bytes, any text."""
    only_the_documented_error(text)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_any_json_is_read_or_refused(value):
    """Any JSON with the names of the schema in any place."""
    only_the_documented_error(json.dumps(value))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["br", "rules", "version"]), VALUES), VALUES)
def test_a_nearly_right_answer_is_read_or_refused(map_e, rule):
    """Nearly right answers."""
    text = json.dumps(
        {"order": ["map_e"], "map_e": {"br": "2001:db8::1", "rules": [rule], **map_e}}
    )
    only_the_documented_error(text)


def test_server_of_the_txt_record():
    """The specification's example, among records of others."""
    assert hb46pp.server(["v=spf1 -all", "v=v6mig-1 url=https://vne.example.jp/rule.cgi t=b"]) == (
        "https://vne.example.jp/rule.cgi"
    )


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("v=v6mig-2 url=https://a.example/ t=b", "no TXT records"),
        ("", "no TXT records"),
        ("v=v6mig-1 t=b", "names no server"),
        ("v=v6mig-1 url=https://a.example/ t=a", "not to be checked by its certificate"),
        ("v=v6mig-1 url=https://a.example/", "not to be checked"),
        ("v=v6mig-1 url=http://a.example/ t=b", "is not https"),
        ("v=v6mig-1 url=file:///etc/shadow t=b", "is not https"),
        ("v=v6mig-1 url=https://a.example/ url=https://b.example/ t=b", "says 'url' twice"),
        ("v=v6mig-1 url=https:///rule t=b", "no URL"),
        ("v=v6mig-1 url=https://a.example:99999/ t=b", "no URL"),
        ("v=v6mig-1 url=https://a.example:0/ t=b", "no URL"),
        ("v=v6mig-1 url=https://u:p@a.example/ t=b", "no URL"),
        ("v=v6mig-1 url=https://[fe80::1%25eth0]/ t=b", "no URL"),
        ("v=v6mig-1 url=https://[::1/ t=b", "no URL"),
        ("v=v6mig-1 url=https://a.example/\x1b[2J t=b", "no URL"),
        ("v=v6mig-1 url=https://a.example/" + "a" * 3000 + " t=b", "no URL"),
    ],
)
def test_txt_records_that_are_not_followed(record, reason):
    """In one line each."""
    with pytest.raises(RemoteError, match=reason) as caught:
        hb46pp.server([record])
    assert str(caught.value).isprintable()


def test_two_records_are_refused():
    """The specification allows one record."""
    with pytest.raises(RemoteError, match="has 2 TXT records"):
        hb46pp.server(
            ["v=v6mig-1 url=https://a.example/ t=b", "v=v6mig-1 url=https://b.example/ t=b"]
        )


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_record_is_read_or_refused(text):
    """Never anything but the documented error."""
    for record in (text, f"v=v6mig-1 {text}", f"v=v6mig-1 url=https://{text} t=b"):
        reason = ""
        try:
            hb46pp.request(hb46pp.server([record]), "1.0")
        except RemoteError as error:
            reason = str(error)
        assert reason.isprintable()


def test_a_request_has_the_parameters_of_the_specification():
    """The parameters of 3.3; a query that the URL has stays, but not under our names."""
    url = hb46pp.request("https://vne.example/rule.cgi?line=7&token=old", "0.1.0rc2", "ab" * 32)
    assert url == (
        "https://vne.example/rule.cgi?line=7&vendorid=acde48-dualwan_hook"
        "&product=dualwan-hook&version=0_1_0_2&capability=map_e,hubspoke&token=" + "ab" * 32
    )
    assert "token" not in hb46pp.request("https://vne.example", "1")
    assert hb46pp.origin_of(url) == "https://vne.example/rule.cgi"


@pytest.mark.parametrize(
    "url",
    [
        "https://vne.example/key-of-mine",
        "https://vne.example?pass=mine",
        "https://vne.example#mine",
        "https://me:mine@vne.example/",
    ],
)
def test_an_error_shows_the_host_alone(url):
    """What follows it may be a key, as dynamic DNS has them, or a password."""
    assert hb46pp.shown(url) == "https://vne.example"
