"""The tests' own tools: the cutter, the scripted server, the frames. No Fairlead here."""

import socket

import pytest

from lib.bosh import auth, bind, chunked, message
from lib.ws import TEXT, frame
from lib.xmlbits import NS_CLIENT, NS_STREAM, Cutter, alone, attributes, meaning
from lib.xmppserver import Server

HEADER = (f"<stream:stream xmlns='{NS_CLIENT}' xmlns:stream='{NS_STREAM}' to='example.org' "
          "version='1.0'>").encode()
STREAM = (b"<?xml version='1.0'?>" + HEADER +
          b"<a b='&lt;>' c=\"'>\"/> \n<m><x><![CDATA[</m>]]></x>t<x/></m></stream:stream>")
PARTS = [("header", HEADER), ("element", b"<a b='&lt;>' c=\"'>\"/>"),
         ("element", b"<m><x><![CDATA[</m>]]></x>t<x/></m>"), ("end", b"</stream:stream>")]


def test_the_cutter_cuts_a_stream_however_it_is_split():
    for step in (len(STREAM), 1, 2, 3, 7):
        cutter, found = Cutter(), []
        for i in range(0, len(STREAM), step):
            found += cutter.feed(STREAM[i:i + step])
        assert found == PARTS


@pytest.mark.parametrize("text", [b"<s>text<a/>", b"<s><!-- c --><a/>", b"<s><?pi?><a/>"])
def test_the_cutter_refuses_what_may_not_stand_between_elements(text):
    with pytest.raises(ValueError):
        Cutter().feed(text)


def test_attributes_are_decoded_and_doubles_are_found():
    assert attributes(b"<a b='1&lt;2' x:c = \"'\"/>") == {"b": "1<2", "x:c": "'"}
    with pytest.raises(AssertionError):
        attributes(b"<a b='1' b='2'/>")


def test_meaning_does_not_see_prefixes_but_sees_text():
    one = alone(b"<a xmlns='u' z='1' y='2'>t<b/></a>").tree
    assert meaning(one) == meaning(alone(b"<p:a y='2' z='1' xmlns:p='u'>t<p:b></p:b></p:a>").tree)
    assert meaning(one) != meaning(alone(b"<a xmlns='u' z='1' y='2'>t <b/></a>").tree)


def test_frames_have_the_three_forms_of_length():
    for n, head in ((125, 2), (126, 4), (65535, 4), (65536, 10)):
        data = frame(TEXT, b"x" * n, mask=False)
        assert len(data) == head + n and data[0] == 0x81
        masked = frame(TEXT, b"x" * n)
        key, rest = masked[head:head + 4], masked[head + 4:]
        assert bytes(b ^ key[i % 4] for i, b in enumerate(rest)) == b"x" * n


def test_chunks_end_with_an_empty_one():
    assert chunked("abcdefghij", 7) == b"7\r\nabcdefg\r\n3\r\nhij\r\n0\r\n\r\n"


def test_the_scripted_server_logs_in_and_echoes():
    server = Server()
    with socket.create_connection(("127.0.0.1", server.port), 5) as c:
        c.settimeout(5)
        cutter = Cutter()
        found = []

        def wait(mark):
            while mark not in b"".join(raw for _, raw in found):
                data = c.recv(4096)
                assert data
                found.extend(cutter.feed(data))

        c.sendall(HEADER)
        wait(b"PLAIN")
        c.sendall(auth("self").encode())
        wait(b"<success")
        cutter.restart()
        c.sendall(HEADER + bind().encode())
        wait(b"<jid>self@example.org/")
        c.sendall(message("ä <&>", xmlns=False).encode() + b"</stream:stream>")
        wait(b"</stream:stream>")
        assert "ä &lt;&amp;&gt;" in found[-2][1].decode()
    stream = server.stream_of("self")
    stream.wait_end()
    assert stream.messages() == ["ä <&>"] and len(stream.headers) == 2
    assert "ä" in server.transcript()
    server.close()
