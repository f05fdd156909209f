/* Giving up root. Each step is looked at afterwards: a process that believes to be harmless and is
 * not would be worse than one that does not start. */
#include "app/privileges.h"
#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <unistd.h>

static bool fail(const struct config *c, const char *problem)
{
	log_error("start", "key=process.user user=%s problem=\"%s\"", c->process_user, problem);
	return false;
}

static bool is_user(const struct config *c)
{
	uid_t r, e, s;
	gid_t gr, ge, gs;

	return getresuid(&r, &e, &s) == 0 && getresgid(&gr, &ge, &gs) == 0 && r == c->uid &&
	       e == c->uid && s == c->uid && gr == c->gid && ge == c->gid && gs == c->gid;
}

bool privileges_check(const struct config *c)
{
	return c->uid == (uid_t)-1 || geteuid() == 0 || is_user(c) ||
	       fail(c, "only root can become another user: leave the key away, or start it as "
		       "root");
}

bool privileges_drop(const struct config *c)
{
	if (c->uid == (uid_t)-1) {
		if (geteuid() == 0)
			log_warn("start", "problem=\"running as root\" text=\"name another user "
					  "in process.user: Fairlead needs root for nothing but "
					  "its start\"");
		return true;
	}
	if (geteuid() != 0)
		return true; /* it is that user: privileges_check() has looked */
	if (initgroups(c->process_user, c->gid) < 0 || setresgid(c->gid, c->gid, c->gid) < 0 ||
	    setresuid(c->uid, c->uid, c->uid) < 0)
		return fail(c, strerror(errno));
	if (!is_user(c) || setuid(0) == 0 || seteuid(0) == 0)
		return fail(c, "root could not be given up");
	log_info("user", "user=%s uid=%u gid=%u", c->process_user, (unsigned)c->uid,
		 (unsigned)c->gid);
	return true;
}
