/* The native scenario with gloox: ConnectionBOSH in its own default, one pipelined connection. */
#include "scenario.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <gloox/client.h>
#include <gloox/connectionbosh.h>
#include <gloox/connectionlistener.h>
#include <gloox/connectiontcpclient.h>
#include <gloox/disco.h>
#include <gloox/discohandler.h>
#include <gloox/loghandler.h>
#include <gloox/message.h>
#include <gloox/messagehandler.h>
#include <gloox/mucroom.h>
#include <gloox/mucroomhandler.h>
#include <gloox/rosteritem.h>
#include <gloox/rosterlistener.h>
#include <gloox/rostermanager.h>

using namespace gloox;

namespace
{

using Clock = std::chrono::steady_clock;

long since(Clock::time_point start)
{
	return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

/* A client with a memory: whatever gloox reports is kept here, and the scenario waits for it. */
class Person : public ConnectionListener,
	       public MessageHandler,
	       public RosterListener,
	       public DiscoHandler,
	       public MUCRoomHandler,
	       public LogHandler
{
      public:
	explicit Person(const struct scenario &scenario)
	    : s(scenario), domain(s.domain), peer(std::string(s.peer) + "@" + domain),
	      client(JID(std::string(s.user) + "@" + domain + "/gloox"), s.password)
	{
		ConnectionBOSH *bosh = new ConnectionBOSH(
		    &client,
		    new ConnectionTCPClient(client.logInstance(), "127.0.0.1", atoi(s.port)),
		    client.logInstance(), domain, domain);

		bosh->setPath(s.path);
		client.setConnectionImpl(bosh);
		client.setTls(TLSDisabled);
		client.setCompression(false);
		client.setPresence(Presence::DND, 0, SCENARIO_STATUS);
		client.registerConnectionListener(this);
		client.registerMessageHandler(this);
		client.rosterManager()->registerRosterListener(this);
		client.logInstance().registerLogHandler(LogLevelDebug, LogAreaAll, this);
	}

	/* Let gloox work until that holds; without it the program ends in failure. */
	void until(const char *what, const std::function<bool()> &holds,
		   int seconds = SCENARIO_PATIENCE)
	{
		Clock::time_point start = Clock::now();

		while (!holds()) {
			if (ended >= 0 || since(start) > 1000L * seconds) {
				fprintf(stderr, "%s: waited %ld ms for: %s (connection error %d)\n",
					s.user, since(start), what, ended);
				exit(1);
			}
			client.recv(20000);
		}
	}

	void pause(int seconds)
	{
		Clock::time_point start = Clock::now();

		until(
		    "the end of a silence", [&] { return since(start) >= 1000L * seconds; },
		    seconds + 1);
	}

	void say(const std::string &body)
	{
		client.send(Message(Message::Chat, JID(peer), body));
	}

	/* The next message of the other's that was not taken yet. */
	std::string hear(const char *what, int seconds = SCENARIO_PATIENCE)
	{
		until(
		    what, [&] { return heard.size() > taken; }, seconds);
		return heard[taken++];
	}

	void log_in();
	void listen();
	void discover();
	void befriend();
	void talk();
	void meet();
	void be_silent();
	void log_out();

      private:
	const struct scenario &s;
	const std::string domain, peer;
	Client client;
	bool online = false;
	int ended = -1; /* the ConnectionError, once it is over */
	std::string mechanism, category, shown, status;
	bool listed = false, refused = false, gone = false;
	size_t roster_before = 0, taken = 0;
	std::vector<std::string> heard, pushed, occupants, room_heard;

	void onConnect() override
	{
		online = true;
	}
	void onDisconnect(ConnectionError e) override
	{
		ended = e;
	}
	bool onTLSConnect(const CertInfo &) override
	{
		return false;
	}

	void handleMessage(const Message &m, MessageSession *) override
	{
		if (m.subtype() == Message::Chat && !m.body().empty() && m.from().bare() == peer)
			heard.push_back(m.body());
	}

	void handleLog(LogLevel, LogArea area, const std::string &text) override
	{
		size_t at = text.find("mechanism='");

		if (area == LogAreaXmlOutgoing && at != std::string::npos)
			mechanism = text.substr(at + 11, text.find('\'', at + 11) - at - 11);
		if (getenv("NATIVE_LOG"))
			fprintf(stderr, "%s: %d %s\n", s.user, area, text.c_str());
	}

	void handleRoster(const Roster &roster) override
	{
		roster_before = roster.size();
		listed = true;
	}
	void handleItemAdded(const JID &jid) override
	{
		pushed.push_back(jid.bare());
	}
	void handleItemSubscribed(const JID &) override
	{
	}
	void handleItemRemoved(const JID &) override
	{
	}
	void handleItemUpdated(const JID &jid) override
	{
		pushed.push_back(jid.bare());
	}
	void handleItemUnsubscribed(const JID &) override
	{
	}
	void handleRosterPresence(const RosterItem &item, const std::string &,
				  Presence::PresenceType type, const std::string &text) override
	{
		if (item.jidJID().bare() != peer)
			return;
		gone = type == Presence::Unavailable;
		if (!gone) { /* which may come before the other is seen at all */
			shown = type == Presence::DND ? "dnd" : "other";
			status = text;
		}
	}
	void handleSelfPresence(const RosterItem &, const std::string &, Presence::PresenceType,
				const std::string &) override
	{
	}
	bool handleSubscriptionRequest(const JID &, const std::string &) override
	{
		return true;
	}
	bool handleUnsubscriptionRequest(const JID &, const std::string &) override
	{
		return true;
	}
	void handleNonrosterPresence(const Presence &) override
	{
	}
	void handleRosterError(const IQ &) override
	{
	}

	void handleDiscoInfo(const JID &, const Disco::Info &info, int) override
	{
		if (!info.identities().empty())
			category = info.identities().front()->category();
	}
	void handleDiscoItems(const JID &, const Disco::Items &, int) override
	{
	}
	void handleDiscoError(const JID &, const Error *, int) override
	{
		refused = true;
	}

	void handleMUCParticipantPresence(MUCRoom *, const MUCRoomParticipant who,
					  const Presence &p) override
	{
		if (p.subtype() != Presence::Unavailable)
			occupants.push_back(who.nick->resource());
	}
	void handleMUCMessage(MUCRoom *, const Message &m, bool) override
	{
		if (!m.body().empty())
			room_heard.push_back(m.from().resource() + ": " + m.body());
	}
	bool handleMUCRoomCreation(MUCRoom *) override
	{
		return true; /* as it is: ejabberd keeps a new room locked until then */
	}
	void handleMUCSubject(MUCRoom *, const std::string &, const std::string &) override
	{
	}
	void handleMUCInviteDecline(MUCRoom *, const JID &, const std::string &) override
	{
	}
	void handleMUCError(MUCRoom *, StanzaError e) override
	{
		fprintf(stderr, "%s: room error %d\n", s.user, e);
	}
	void handleMUCInfo(MUCRoom *, int, const std::string &, const DataForm *) override
	{
	}
	void handleMUCItems(MUCRoom *, const Disco::ItemList &) override
	{
	}
};

bool has(const std::vector<std::string> &list, const std::string &one)
{
	for (const std::string &l : list)
		if (l == one)
			return true;
	return false;
}

void Person::log_in()
{
	if (!client.connect(false)) {
		fprintf(stderr, "gloox does not connect\n");
		exit(1);
	}
	until("login and roster", [&] { return online && listed; });
	facts_text("mechanism", mechanism.c_str());
	facts_text("jid", client.jid().full().c_str());
	facts_number("rosterBefore", (long)roster_before);
}

/* Until the program is killed. */
void Person::listen()
{
	scenario_ready(client.jid().full().c_str());
	for (;;)
		scenario_got(hear("more", 3600).c_str());
}

void Person::discover()
{
	client.disco()->getDiscoInfo(JID(domain), "", this, 0);
	until("disco#info", [&] { return !category.empty(); });
	client.disco()->getDiscoInfo(JID(domain), "urn:example:no-such", this, 0);
	until("an error", [&] { return refused; });
	facts_text("disco", category.c_str());
	facts_text("oddIq", "error");
}

/* Both ask, both agree (handleSubscriptionRequest), both see the other's presence. */
void Person::befriend()
{
	client.rosterManager()->subscribe(JID(peer), SCENARIO_NAME, {SCENARIO_GROUP});
	until("roster push", [&] { return has(pushed, peer); });
	until("the other's presence", [&] { return !shown.empty(); });
	RosterItem *item = client.rosterManager()->getRosterItem(JID(peer));
	facts_text("rosterPush", pushed.front().c_str());
	facts_text("rosterName", item->name().c_str());
	facts_text("rosterGroup", item->groups().empty() ? "" : item->groups().front().c_str());
	facts_text("presenceShow", shown.c_str());
	facts_text("presenceStatus", status.c_str());
}

void Person::talk()
{
	for (int i = 0; i < s.count; i++)
		say(s.texts[i]);
	facts_key("heard");
	for (int i = 0; i < s.count; i++) {
		fputs(i ? ", " : "[", stdout);
		facts_string(hear("all messages").c_str());
	}
	fputs("]", stdout);
	say(s.big);
	std::string big = hear("the big message");
	facts_number("bigBytes", (long)big.size());
	facts_number("bigSame", big == s.big);
}

void Person::meet()
{
	std::string body = "An alle: <&> 🎣";
	std::string mine = scenario_nick(s.lead), other = scenario_nick(!s.lead);

	if (!s.lead)
		hear("word of the room");
	MUCRoom room(&client, JID(std::string(s.room) + "/" + mine), this);
	room.join();
	until("own room presence", [&] { return has(occupants, mine); });
	if (s.lead)
		say(SCENARIO_ROOM_OPEN);
	until("the other's room presence", [&] { return has(occupants, other); });
	room.send(body);
	until("both room messages", [&] {
		return has(room_heard, mine + ": " + body) && has(room_heard, other + ": " + body);
	});
	facts_number("room", 1);
	if (s.lead) /* both have heard both before anybody leaves */
		hear("the other's word");
	else
		say("heard all");
	room.leave();
}

/* The lead breaks the silence and counts how long the answer takes. */
void Person::be_silent()
{
	if (!s.lead) {
		facts_text("late", hear("a late message", s.idle + SCENARIO_PATIENCE).c_str());
		say("yes");
		return;
	}
	pause(s.idle);
	Clock::time_point start = Clock::now();
	say(SCENARIO_LATE);
	facts_text("late", hear("the answer").c_str());
	facts_number("lateMs", since(start));
}

void Person::log_out()
{
	if (!s.lead) {
		until("the other's going", [&] { return gone; });
		facts_number("gone", 1);
	}
	client.disconnect();
	facts_number("closed", ended);
}

} // namespace

int main(int argc, char **argv)
{
	struct scenario s = scenario_read(argc, argv);
	Person p(s);

	p.log_in();
	if (s.listen)
		p.listen();
	p.discover();
	p.befriend();
	p.talk();
	p.meet();
	p.be_silent();
	p.log_out();
	facts_end();
	return 0;
}
