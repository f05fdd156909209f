"""Discovery (XEP-0156, XEP-0487): host-meta as the client libraries read it."""

import json
import xml.etree.ElementTree as ET

from lib.bosh import request

XRD = "{http://docs.oasis-open.org/ns/xri/xrd-1.0}"
REL = "urn:xmpp:alt-connections:"
BOSH, WEBSOCKET = "https://chat.example.org/http-bind?a=1&b=2", "wss://chat.example.org/ws"
SETTINGS = {"public.bosh": BOSH, "public.websocket": WEBSOCKET}
PATHS = ("/.well-known/host-meta", "/.well-known/host-meta.json")


def get(place, path, **headers):
    r = place.http().request("GET", path, headers={"Origin": "https://any.example", **headers})
    assert r.get("Access-Control-Allow-Origin") == "*", r
    return r


def test_host_meta_is_an_xrd_with_both_links(place):
    """What converse.js asks, and how it looks for its links."""
    r = get(place, PATHS[0], Accept="application/xrd+xml, text/xml")
    assert r.status == 200 and r.get("Content-Type").startswith("application/xrd+xml"), r
    root = ET.fromstring(r.body)
    assert root.tag == XRD + "XRD"
    links = {e.get("rel"): e.get("href") for e in root.findall(XRD + "Link")}
    assert links == {REL + "xbosh": BOSH, REL + "websocket": WEBSOCKET}


def test_host_meta_json_has_the_same_links_and_nothing_of_xep_0487(place):
    r = get(place, PATHS[1])
    assert r.status == 200 and r.get("Content-Type") == "application/json", r
    assert json.loads(r.body) == {"links": [{"rel": REL + "xbosh", "href": BOSH},
                                            {"rel": REL + "websocket", "href": WEBSOCKET}]}


def test_with_addresses_host_meta_json_is_one_of_xep_0487(new_place):
    place = new_place({**SETTINGS, "public.ips": "192.0.2.1,2001:db8::1", "public.ttl": 77})
    found = json.loads(get(place, PATHS[1]).body)
    assert found["xmpp"] == {"ttl": 77}
    for link in found["links"]:
        assert link["ips"] == ["192.0.2.1", "2001:db8::1"]
        assert link["sni"] == "chat.example.org" and link["weight"] == 0
    first = min(found["links"], key=lambda link: link["priority"])
    assert first["rel"] == REL + "websocket"
    ET.fromstring(get(place, PATHS[0]).body)


def test_only_the_urls_that_are_configured_are_told(new_place):
    place = new_place({"public.websocket": WEBSOCKET})
    assert [e.get("rel") for e in ET.fromstring(get(place, PATHS[0]).body)] == [REL + "websocket"]


def test_without_urls_there_is_none_and_the_answer_says_why(new_place):
    place = new_place()
    for path in PATHS:
        r = get(place, path)
        assert r.status == 404 and b"public.websocket" in r.body, r


def test_origin_rules_do_not_hold_for_host_meta(new_place):
    place = new_place(SETTINGS, config={"origins": ["https://chat.example.org"]})
    for path in PATHS:
        assert get(place, path).status == 200
        r = place.http().request("OPTIONS", path, headers={
            "Origin": "https://any.example", "Access-Control-Request-Method": "GET"})
        assert r.status == 204 and r.get("Access-Control-Allow-Origin") == "*", r


def test_other_methods_and_pipelining(place):
    h = place.http()
    assert h.request("POST", PATHS[0], "x").status == 405
    h = place.http().send(request("HEAD", PATHS[0]) + request("GET", PATHS[1]))
    assert h.response(head=True).status == 200
    assert json.loads(h.response().body)


def test_the_status_listener_has_none(place):
    from lib.bosh import Http
    h = place.keep(Http(place.fairlead.status_port))
    assert h.request("GET", PATHS[0]).status == 404
