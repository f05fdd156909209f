"""Real clients that say nothing for longer than `wait`, each with each server: in a file of its own,
for it takes as long as all else that they do."""

import peers
from test_clients import assert_clean, pairs, run, setup  # noqa: F401 (a fixture)


@pairs(lambda server, client: (server, client) == ("prosody", ("strophe", "bosh")))
def test_a_client_silent_for_longer_than_wait_is_still_reached(setup, pages, library, transport):
    facts, _ = run(setup.brief, library, transport, "idle", pages, seconds=peers.IDLE)
    assert facts["there"] == ["still there? ⚓", "good"]
    assert facts["back"] == ["yes"]
    assert facts["ms"] < 1000 * peers.patience(2)
    assert_clean(*facts["closed"])
