"""Nothing is lost on the last hop: a sender writes numbered messages at full speed, one thing goes
wrong, the user logs in again straight over TCP, and every number is looked for. It must be with the
client, or come out of the server's store, or have come back to the sender as an error.

A number that is found twice is counted, and explained; some kinds of twice are never right. The
seed of all random numbers, SEED in the environment, and each row's count stand at the end of the
run.
"""

import contextlib
import functools
import random
import time

import pytest

import faults
import people
from deliveries import (AWAY, GUARDED, QUEUES, SEED, SERVERS, TOTAL, UNPROVED, Place, Row, matrix,
                        middle, runs, tell, twice)
from lib import patience


@pytest.fixture(scope="module")
def places():
    """places(name) is the Place with that server, started when first asked for."""
    with contextlib.ExitStack() as stack:
        def start(name):
            place = Place(SERVERS[name])
            stack.callback(place.close)
            return place
        yield functools.cache(start)


@pytest.fixture
def play(places, request):
    """play(server, client, ...) is a Row, sender and user logged in."""
    made = []

    def start(server, client, join=True, **more):
        rng = random.Random(f"{SEED} {request.node.name}")
        print("seed", SEED)
        made.append(Row(places(server), client, rng, **more))
        return made[-1].join(made[-1].place.relay.port) if join else made[-1]

    yield start
    for row in made:
        row.leave()


# A ping stands behind every 16th stanza of a flood.
FEW = 32

# -- the client -------------------------------------------------------------------------------

@matrix(quick=[("prosody", "bosh"), ("prosody", "websocket")])
def test_a_browser_is_killed(play, server, client, request):
    row = play(server, client)
    row.write(range(TOTAL))
    row.behind()
    row.user.kill()
    row.ends(AWAY[row.transport])
    count = row.count()
    count.show(request)
    count.whole(*UNPROVED)


@pytest.mark.parametrize("way", ["killed", "logs out"])
@matrix(servers=GUARDED, clients=("websocket", "strophe"))
def test_a_websocket_client_goes_within_a_second_of_its_presence(play, server, client, way,
                                                                 request):
    """The server counts for nobody yet."""
    row = play(server, client, join=False)
    row.join(row.place.relay.port, guarded=False)
    row.write(range(TOTAL))
    row.heard(row.rng.randint(20, 100))
    young = b"<enabled" not in row.line.of(row.names[1], row.place.server.domain).received
    if way == "killed":
        row.user.kill()
        row.ends(AWAY[row.transport])
    else:
        row.user.log_out()
        row.ends({"client-closed"})
    count = row.count()
    count.show(request, f"; {'not ' if young else ''}counted for")
    count.whole(*(UNPROVED if way == "killed" or client == "strophe" else ()))
    if way == "logs out":
        assert_last_few(count)


@matrix()
def test_a_browsers_network_is_cut(play, server, client, request):
    row = play(server, client)
    row.write(range(TOTAL))
    row.behind()
    row.web.hole = True
    row.user.thaw()
    row.ends(AWAY[row.transport])
    row.user.kill()
    count = row.count()
    count.show(request)
    count.whole(*UNPROVED)


@matrix()
def test_a_tab_is_frozen_for_longer_than_its_session_lives(play, server, client, request):
    """Thawed, it reads what lies in its sockets."""
    row = play(server, client)
    row.write(range(TOTAL))
    row.heard(middle(row))
    row.user.freeze()
    row.ends(AWAY[row.transport])
    row.wrote()
    row.user.thaw()
    row.user.wait("the end", lambda: row.user.ended)
    count = row.count()
    count.show(request)
    count.whole(*UNPROVED)


@matrix(clients=("bosh", "acks"))
def test_a_client_does_not_come_back_in_time(play, server, client, request):
    row = play(server, client)
    row.write(range(TOTAL))
    row.heard(middle(row))
    row.user.walk_away()
    row.ends({"inactivity"})
    count = row.count()
    count.show(request)
    count.whole(*UNPROVED)


@matrix(clients=("bosh", "acks"))
def test_more_waits_for_a_client_than_may(play, server, client, request):
    row = play(server, client, settings={"limits.queue": 65536, "bosh.inactivity": 60})
    row.write(range(TOTAL))
    row.heard(middle(row), {"queue-full"})  # so it may be between two requests of a busy client
    row.user.freeze()
    row.ends({"queue-full"})
    row.wrote()
    row.user.thaw()
    row.user.wait("the end", lambda: row.user.ended)
    count = row.count()
    count.show(request)
    count.whole(*UNPROVED)


@matrix(clients=("websocket", "strophe"))
def test_more_waits_for_a_websocket_than_may(play, server, client, request):
    """Not what lies in sockets, so that these are made small; and no ping ends it before."""
    row = play(server, client, join=False,
               settings={"limits.queue": 65536, "websocket.ping": 60})
    row.web.narrow = True
    row.join(row.place.relay.port)
    row.write(range(TOTAL))
    row.heard(row.rng.randint(20, 100))
    row.user.freeze()
    row.ends({"queue-full"})
    row.wrote()
    row.user.thaw()
    row.user.wait("the end", lambda: row.user.ended)
    count = row.count()
    count.show(request)
    count.whole(*UNPROVED)


@matrix(quick=[("prosody", "bosh")], clients=("bosh", "acks", "websocket", "strophe",
                                              "strophe-bosh"))
def test_a_client_logs_out(play, server, client, request):
    """None is lost and none comes twice with a client that waits for what it is sent until its goodbye
    is answered. Strophe.js does not wait for the other <close/>, and drops what is on its way to its
    WebSocket: that is left to the server, and with it the few that it has and had not yet ponged. Over
    BOSH it drops what is in an answer then: that, and no more."""
    row = play(server, client)
    row.write(range(TOTAL))
    if client == "strophe":
        row.user.log_out(middle(row))
    else:
        row.heard(middle(row))
        row.user.log_out()
    row.ends({"client-closed"})
    count = row.count()
    count.show(request)
    if client == "strophe-bosh":
        first = len(count.client)
        assert count.lost == set(range(first, first + len(count.lost))), runs(count.lost)
        count.lost = set()
        count.client.sort()  # it takes answers as they come, not in the order of their rids
    count.whole(*(UNPROVED if client == "strophe" else ()))
    assert_last_few(count)


def assert_last_few(count, few=FEW):
    """What is with the client and elsewhere as well are the last that it got, and few."""
    both = set().union(*count.both.values())
    assert both == set(count.client[len(count.client) - len(both):]), runs(both)
    assert len(both) <= few, count


# -- the way ----------------------------------------------------------------------------------

FAULTS = [*faults.REQUEST_FAULTS, *faults.ANSWER_FAULTS]


@matrix(quick=[("prosody", "bosh")], clients=("bosh", "acks"))
def test_requests_and_answers_are_dropped_delayed_and_repeated(play, server, client, request):
    """Those of both: sender and user reach the same Fairlead by the same bad way."""
    row = play(server, client, join=False, settings={"bosh.inactivity": 30})
    row.join(row.web.port)
    row.web.harm = True
    row.write(range(TOTAL))
    answers = range(TOTAL, TOTAL + 100)
    row.user.say(answers, lambda n: row.sender.bare)
    row.wrote()
    row.heard(TOTAL)
    row.sender.wait("the answers", lambda: len(row.sender.got) >= len(answers))
    # Nobody needs it any more, but each fault is to have its turn.
    for n in range(1000):
        if all(row.web.fired[name] >= 3 for name in FAULTS):
            break
        row.user.say([TOTAL + 100 + n], lambda n: row.sender.bare)
    row.web.harm = False
    row.sender.wait("all answers", lambda: len(row.sender.got) >= len(answers) + n)
    row.user.log_out()
    count = row.count()
    count.show(request, f"; {row.user.repeated + row.sender.repeated} repeated by the clients")
    assert all(row.web.fired[name] >= 3 for name in FAULTS), row.web.fired
    assert row.sender.got == list(range(TOTAL, TOTAL + 100 + n))
    assert not row.sender.returned and len(count.client) == TOTAL
    count.whole()


# -- Fairlead ---------------------------------------------------------------------------------

@matrix()
def test_fairlead_is_told_to_end(play, server, client, request):
    row = play(server, client)
    row.write(range(TOTAL))
    row.heard(middle(row))
    row.front.terminate()
    row.user.wait("the end", lambda: row.user.ended)
    row.front.stop()
    count = row.count()
    count.show(request)
    count.whole(*UNPROVED)


@matrix(servers=GUARDED, clients=("bosh", "websocket"))
def test_a_fairlead_with_both_is_told_to_end(play, server, client, request):
    """The sender is on it as well, and is gone when that comes back which the server does not keep:
    so much may be lost, and no more. It knows what went in requests that were answered by the end.
    """
    row = play(server, client, join=False,
               settings={"delivery.server_queue": QUEUES[server] - 100})
    row.join(row.front.port)
    row.write(range(TOTAL))
    row.heard(middle(row))
    row.front.terminate()
    row.user.wait("the end", lambda: row.user.ended)
    row.sender.wait("the end", lambda: row.sender.ended)
    row.wrote(ended=True)
    row.sender.settle()
    row.sender.unsure += [n for _, n in row.sender.outbox if n is not None]
    row.front.stop()
    row.writer = None
    returned = sum(int(p["returned"]) for p in row.front.lines("session-end"))
    count = row.count()
    count.show(request, f"; {len(row.sender.unsure)} not taken; {returned} returned to nobody")
    assert row.sender.unsure, "the end came in the middle; some of these may have arrived"
    assert len(count.lost) <= returned
    count.lost = set()
    count.whole(*UNPROVED)


def killed(row):
    row.front.process.kill()
    row.front.process.wait()
    row.front.stopped = True
    row.user.kill()


@matrix(quick=[("prosody", "bosh")], servers=GUARDED)
def test_fairlead_is_killed_and_the_server_has_kept_what_is_unproved(play, server, client, request):
    row = play(server, client)
    first = middle(row)
    row.write(range(first))
    row.heard(first)
    row.user.freeze()
    row.write(range(first, first + 400))
    row.wrote()
    stream = row.line.of(row.names[1], row.place.server.domain)
    last = f"number {first + 399}<".encode()
    row.line.wait("the last to be at Fairlead", lambda: last in stream.received)
    killed(row)
    row.write(range(first + 400, TOTAL))
    count = row.count()
    count.show(request)
    count.whole(*UNPROVED)


@matrix()
def test_fairlead_is_killed_with_all_that_it_holds(play, server, client, request):
    """How much is lost is told, not judged, where it is more than the server keeps."""
    row = play(server, client, settings={"bosh.inactivity": 60, "websocket.ping": 60})
    row.write(range(TOTAL))
    first = middle(row)
    row.heard(first)
    row.user.freeze()
    row.wrote()
    time.sleep(0.5)
    killed(row)
    count = row.count()
    count.show(request)
    keeps = QUEUES.get(server, 0)
    assert len(count.lost) <= max(0, TOTAL - first - keeps), runs(count.lost)
    if keeps > TOTAL:
        count.whole(*UNPROVED)


# -- the server ---------------------------------------------------------------------------------

class Writing(Row):
    """The other way: the sender's Fairlead and its line are what fails. The user is straight at
    the server all the time."""

    def join(self, *_):
        self.user = self.keep(people.TcpPerson(self.names[1], self.place.server)).log_in()
        self.sender = self.keep(self.person(self.client, self.names[0], self.web.port)).log_in()
        self.guard(self.names[0])
        return self

    def in_vain(self):
        """It writes, and from some number on the server gets nothing more. A WebSocket must not be
        so full that Fairlead lets it wait: what lies in a socket, nobody can tell of."""
        stream = self.line.of(self.names[0], self.place.server.domain)
        self.write(range(200))
        self.line.wait("some", lambda: b"<a " in stream.received)
        self.line.wait("acknowledgements", lambda: max(stream.server_acknowledged()) >= 200)
        total = TOTAL if self.transport == "bosh" else 700
        # A WebSocket's words may come all in one piece.
        self.line.deaf_from = self.rng.randint(230, 300) if self.transport == "bosh" else 0
        self.write(range(200, total))
        self.line.wait("words in vain", lambda: stream.swallowed.count(b"<message") > 150)
        if self.transport == "websocket":
            self.line.wait("its last word", lambda: b">number %d<" % (total - 1) in stream.sent)
        return stream

    def not_acknowledged(self, stream):
        """What the server got no chance to have, or never said it had: all but the first h."""
        sent = stream.stanzas(bytes(stream.sent), rb"<enable[ />][^>]*/?>")
        first = max(stream.server_acknowledged(), default=0)
        known = {int(n) for raw in sent[:first] for n in faults.NUMBER.findall(raw)}
        return set(self.written) - known - set(self.sender.unsure)

    def hears(self, stream, request):
        """The sender is told of each of these. What is neither acknowledged nor told is lost; what
        the server had, and had not yet acknowledged, is told as well."""
        self.sender.wait("the end", lambda: self.sender.ended)
        self.wrote(ended=True)
        self.sender.settle()
        returned = set(self.sender.returned)
        # What it did not send any more; and what went in a request that was answered by the end, and
        # that it is not told of, was not taken: it can know that.
        self.sender.unsure += [n for _, n in self.sender.outbox if n is not None]
        self.sender.unsure = sorted(set(self.sender.unsure) - returned)
        missing = self.not_acknowledged(stream)
        both = returned & set(self.user.got)
        tell(request, f"{len(self.written) - len(self.sender.unsure)} sent, "
                      f"{len(self.user.got)} with the user, {len(missing)} not acknowledged, "
                      f"{len(returned)} returned ({', '.join(sorted(set(self.sender.kinds)))}), "
                      f"{len(both)} user and returned; ended by {self.sender.ended}")
        assert len(missing) > 150
        assert missing <= returned, f"unheard of: {runs(missing - returned)}"
        assert returned <= missing, f"acknowledged, and returned: {runs(returned - missing)}"
        assert not twice(self.sender.returned) and not twice(self.user.got)
        assert not self.sender.odd and not self.user.odd


@pytest.fixture
def write(places, request):
    """write(server, client) is a Writing; place: a Place of its own."""
    made = []

    def start(server, client, place=None):
        rng = random.Random(f"{SEED} {request.node.name}")
        made.append(Writing(place or places(server), client, rng))
        return made[-1].join()

    yield start
    for row in made:
        row.leave()


@matrix(quick=[("prosody", "bosh")], servers=GUARDED, clients=("bosh", "websocket"))
def test_the_line_to_the_server_is_cut(write, server, client, request):
    row = write(server, client)
    stream = row.in_vain()
    row.line.cut()
    row.hears(stream, request)


@matrix(servers=GUARDED, clients=("bosh", "websocket"))
def test_the_server_is_killed(write, server, client, request):
    place = Place(SERVERS[server])
    try:
        row = write(server, client, place)
        stream = row.in_vain()
        place.server.processes[0].kill()
        row.hears(stream, request)
    finally:
        row.leave()
        place.close()


# -- the count itself, and clients that see to it themselves --------------------------------------

def test_without_acknowledgement_the_count_sees_what_is_lost(play, request):
    """The same fault as above, where the configuration says to guard nothing."""
    row = play("prosody", "bosh", policy="transparent")
    row.write(range(TOTAL))
    row.behind()
    row.user.kill()
    row.ends(AWAY["bosh"])
    count = row.count()
    count.show(request)
    assert len(count.lost) >= 200


@pytest.mark.full
@pytest.mark.parametrize("server", GUARDED)
def test_xmppjs_resumes_through_cuts_and_has_all_once(play, server, request):
    row = play(server, "resume")
    parts, cuts = 8, 0
    for i in range(parts):
        part = range(TOTAL * i // parts, TOTAL * (i + 1) // parts)
        row.write(part)
        if i == parts - 1:
            break
        row.heard(part[0] + row.rng.randint(1, len(part) // 2))
        row.web.cut()
        cuts += 1
        row.user.wait("its stream again", lambda: row.user.log.count("SM resumed\n") == cuts, 60)
    row.heard(TOTAL)
    row.user.log_out()
    count = row.count()
    count.show(request)
    assert row.web.fired["cut"] == cuts and "SM failed\n" not in row.user.log, row.user.log
    assert len(count.client) == TOTAL and not count.returned
    count.whole()


@pytest.mark.full
@pytest.mark.parametrize("server", GUARDED)
def test_xmppjs_resumes_elsewhere_when_its_fairlead_is_told_to_end(play, server, request):
    row = play(server, "resume")
    half = row.rng.randint(300, 450)  # Prosody lets nobody resume for whom it had to drop some
    row.write(range(half))
    row.heard(row.rng.randint(50, half // 2))
    row.web.target = row.place.relay.port
    row.front.terminate()
    row.user.wait("its stream again", lambda: "SM resumed\n" in row.user.log, 60)
    row.front.stop()
    row.write(range(half, TOTAL))
    row.heard(TOTAL)
    row.user.log_out()
    count = row.count()
    count.show(request)
    assert "SM failed\n" not in row.user.log, row.user.log
    assert len(count.client) == TOTAL and not count.returned
    count.whole()


class Dropping(Row):
    """A library over BOSH, and an answer to it that never arrives."""

    def __init__(self, *most, program, folder, page):
        super().__init__(*most, settings={"bosh.inactivity": 8})
        self.program, self.folder, self.page = program, folder, page

    def join(self, *_):
        server = self.place.server
        self.sender = self.keep(people.TcpPerson(self.names[0], server)).log_in()
        if self.client in ("gloox", "purple"):
            user = people.NativePerson(self.program(self.client), self.names[1], server,
                                       self.web.port, self.names[0], self.folder)
        elif self.client == "converse":
            user = people.ConversePerson(self.names[1], server, self.web.port, self.names[0],
                                         self.page)
        else:
            user = people.NodePerson(self.client, self.names[1], server, self.web.port, "bosh")
        self.user = self.keep(user).log_in()
        return self


LIBRARIES = ("strophe", "stanza", "converse", "gloox", "purple")


@pytest.mark.parametrize("manner", ["close", "swallow"])
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.full
def test_what_a_library_does_after_a_lost_answer_proves_nothing(
        places, program, pages, tmp_path, request, library, manner):
    """The connection is closed, or lives on without the answer. Whatever the library does then,
    Fairlead tells the server nothing of the stanza, unless the library has fetched it again."""
    row = Dropping(places("prosody"), library, random.Random(f"{SEED} {request.node.name}"),
                   program=program, folder=tmp_path, page=pages["converse"])
    try:
        row.join()
        row.write([0])  # which opens the chat, where the library is a whole client
        row.heard(1)
        row.write(range(1, 5))
        row.heard(5)
        row.web.manner, row.web.doom = manner, b"number 5<"
        row.write([5])
        row.web.wait("the answer to drop", lambda: row.web.dropped)
        for n in range(6, 16):  # more, for it to have reasons to ask on
            row.write([n])
            time.sleep(0.3)
        again = len(row.user.got) > 5 and row.user.got[5] == 5
        time.sleep(patience(2))
        row.user.kill()
        row.front.wait_lines("session-end", 1, 0, seconds=30)
        stream = row.line.of(row.names[1], row.place.server.domain)
        names = [faults.NUMBER.findall(raw) for raw in stream.counted()]
        before = names.index([b"5"])
        told = stream.acknowledged()
        count = row.count()
        count.show(request, f"; {library} {'got' if 5 in row.user.got else 'never got'} the one, "
                            f"which was stanza {before + 1}; h was {told}")
        assert max(told) > 0, "nothing was ever proved"
        if 5 not in row.user.got:
            assert max(told) <= before
        assert not count.lost
        assert not again or 5 in row.user.got
    finally:
        row.leave()
